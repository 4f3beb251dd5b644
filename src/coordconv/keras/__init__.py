"""CoordConv for Keras 3, on its torch, TensorFlow and JAX backends.

Needs the extra ``keras`` and one of the backends, which ``KERAS_BACKEND`` chooses.
"""

from coordconv.keras.exchange import from_torch, to_torch
from coordconv.keras.layers import CoordConv1D, CoordConv2D, CoordConv3D

__all__ = ["CoordConv1D", "CoordConv2D", "CoordConv3D", "from_torch", "to_torch"]
