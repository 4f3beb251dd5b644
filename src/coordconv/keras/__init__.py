"""CoordConv for Keras 3, on its torch, TensorFlow and JAX backends.

Needs the extra ``keras`` and one of the backends, which ``KERAS_BACKEND`` chooses.

Raises:
    ModuleNotFoundError: If it is not installed; it says how to.
"""

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "keras":  # Keras is there, and its backend is not
        raise
    raise ModuleNotFoundError(
        "coordconv.keras needs the extra: pip install 'torch-coordconv[keras]'", name="keras"
    ) from error

from coordconv.keras.exchange import from_torch, to_torch
from coordconv.keras.layers import CoordConv1D, CoordConv2D, CoordConv3D

__all__ = ["CoordConv1D", "CoordConv2D", "CoordConv3D", "from_torch", "to_torch"]
