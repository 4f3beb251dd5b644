"""What holds for all tests."""

import os

# Keras asks for TensorFlow otherwise; its own tests choose every backend in turn.
os.environ.setdefault("KERAS_BACKEND", "torch")

# No test measures time: on a busy machine an example can take any time.
try:
    from hypothesis import settings
except ModuleNotFoundError:  # some environments of the matrix run only tests that do not need it
    pass
else:
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
