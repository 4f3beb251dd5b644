"""A trial of a Keras model that adds its own coordinates: find the bright spot.

KERAS_BACKEND=torch coordconv trial examples/trials/keras_model.py --arm first
"""

import keras
import numpy as np

from coordconv.keras import CoordConv2D

EPOCHS = 15


def data(samples, seed):
    """Images with a spot, and its column as a fraction of the width."""
    generator = np.random.default_rng(seed)
    row, column = generator.integers(16, size=samples), generator.integers(24, size=samples)
    images = np.zeros((samples, 16, 24, 1), "float32")
    images[np.arange(samples), row, column] = 1
    return images, (column / 23).astype("float32")


def make(where=None):
    """Return a new model, with coordinates in its first layer unless ``where`` is None."""
    first = keras.layers.Conv2D if where is None else CoordConv2D
    layers = [keras.Input((16, 24, 1)), first(16, 3, padding="same", activation="relu")]
    layers += [keras.layers.Conv2D(16, 1, activation="relu"), keras.layers.GlobalMaxPooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(1)])


def train(model):
    """Fit it."""
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.fit(*data(1000, 0), batch_size=64, epochs=EPOCHS, verbose=0)


def score(model):
    """Return the fraction of columns that are correct to within 5% of the width."""
    images, columns = data(500, 1)
    return np.mean(abs(model.predict(images, verbose=0)[:, 0] - columns) < 0.05)
