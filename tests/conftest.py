"""What holds for all tests."""

import os

# Keras asks for TensorFlow otherwise; its own tests choose every backend in turn.
os.environ.setdefault("KERAS_BACKEND", "torch")
