"""CoordConv for Keras 3, with the torch, TensorFlow and JAX backends.

Requires the extra ``keras`` and one of the backends, selected with ``KERAS_BACKEND``.

Raises:
    ModuleNotFoundError: If Keras is not installed; the message says how to install it.
"""

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "keras":  # Keras is installed, but its backend is not.
        raise
    raise ModuleNotFoundError(
        "coordconv.keras requires Keras; pip install 'torch-coordconv[keras]'", name="keras"
    ) from _error

from coordconv.keras.exchange import from_torch, to_torch
from coordconv.keras.layers import CoordConv1D, CoordConv2D, CoordConv3D

__all__ = ["CoordConv1D", "CoordConv2D", "CoordConv3D", "from_torch", "to_torch"]
