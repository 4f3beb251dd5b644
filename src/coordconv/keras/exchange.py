"""Convert layers between torch and Keras, with the same weights and the same outputs."""

from typing import Any, Literal

import keras
import numpy as np
import torch

from coordconv import layers as torch_layers
from coordconv.conversion.kinds import plain_kind
from coordconv.conversion.replaced import check_methods
from coordconv.keras import layers
from coordconv.layers.convolution import CoordConvolution
from coordconv.operations import with_margins

__all__ = ["from_torch", "to_torch"]

_OURS: dict[int, Any] = {1: layers.CoordConv1D, 2: layers.CoordConv2D, 3: layers.CoordConv3D}
_TORCH: dict[int, Any] = {
    1: torch_layers.CoordConv1d,
    2: torch_layers.CoordConv2d,
    3: torch_layers.CoordConv3d,
}


def from_torch(
    layer: CoordConvolution,
    *,
    data_format: Literal["channels_last", "channels_first"] | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """Return the Keras layer that computes the same as a torch layer.

    Args:
        layer: A `CoordConv1d`, `CoordConv2d` or `CoordConv3d`. It must have no padding, or have
            stride 1 and zero padding that keeps the size. Keras supports no other padding.
        data_format: ``"channels_last"`` or ``"channels_first"``; the default of Keras if None.
        dtype: Type or dtype policy of the Keras layer; the type of the torch layer if None.
        name: Name of the Keras layer; chosen by Keras if None.

    Returns:
        A `CoordConv1D`, `CoordConv2D` or `CoordConv3D` with the same weights.

    Raises:
        TypeError: If ``layer`` is not an instance of one of these classes.
        ValueError: If Keras does not support the padding, or the stride together with dilation, or
            if a method of ``layer`` was replaced, or if ``layer`` has forward hooks.

    Example:
        >>> layer = from_torch(torch_layers.CoordConv2d(3, 8, 5, padding=2, radius=True))
        >>> tuple(layer(keras.ops.zeros((4, 6, 9, 3))).shape)
        (4, 6, 9, 8)
    """
    if not isinstance(layer, CoordConvolution) or plain_kind(layer) is None:
        raise TypeError(
            "`layer` must be a CoordConv1d, CoordConv2d or CoordConv3d, got "
            f"{type(layer).__name__}; custom subclasses are not supported"
        )
    check_methods("convert to Keras", {layer: type(layer).__name__})
    if layer._forward_hooks or layer._forward_pre_hooks:
        raise ValueError(
            f"the {type(layer).__name__} has forward hooks, which a Keras layer would not call; "
            "remove them first, for example with torch.nn.utils.remove_weight_norm"
        )
    rank = len(layer.kernel_size)
    made = _OURS[rank](
        filters=layer.out_channels,
        kernel_size=layer.kernel_size,
        strides=layer.stride,
        padding=_padding_of(layer),
        dilation_rate=layer.dilation,
        groups=layer.groups,
        use_bias=layer.bias is not None,
        radius=layer.radius,
        convention=layer.convention,
        data_format=data_format,
        dtype=str(layer.weight.dtype).removeprefix("torch.") if dtype is None else dtype,
        name=name,
    )
    channels_last = made.data_format == "channels_last"
    sizes = (None,) * rank
    made.build(
        (None, *sizes, layer.in_channels) if channels_last else (None, layer.in_channels, *sizes)
    )
    made.kernel.assign(_channels_last(layer.weight))
    made.coord_kernel.assign(
        _channels_last(with_margins(layer.coord_weight.detach(), layer.kernel_size))
    )
    if layer.bias is not None:
        made.bias.assign(_as_array(layer.bias))
    return made


def to_torch(layer: Any) -> CoordConvolution:
    """Return the torch layer that computes the same as a Keras layer.

    Args:
        layer: A built `CoordConv1D`, `CoordConv2D` or `CoordConv3D` without an activation.

    Returns:
        A `CoordConv1d`, `CoordConv2d` or `CoordConv3d` with the same weights. Its inputs must have
        the channels first, even if those of the Keras layer have them last.

    Raises:
        TypeError: If ``layer`` is not an instance of one of these classes.
        ValueError: If the layer is not built, has an activation, or has a padding that torch does
            not support: causal, or "same" with a stride above 1.

    Example:
        >>> layer = layers.CoordConv2D(8, 3, padding="same")
        >>> layer.build((None, 6, 9, 3))
        >>> to_torch(layer)
        CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=same, radius=False)
    """
    if type(layer) not in _OURS.values():
        raise TypeError(
            "`layer` must be a CoordConv1D, CoordConv2D or CoordConv3D, got "
            f"{type(layer).__name__}; custom subclasses are not supported"
        )
    if not layer.built:
        raise ValueError("the layer is not built; call it once first")
    if layer.activation is not keras.activations.linear:
        raise ValueError(
            f"the layer must have no activation, got {layer.activation.__name__!r}; add it as a "
            "separate layer"
        )
    if layer.padding == "causal" or (layer.padding == "same" and max(layer.strides) > 1):
        raise ValueError(
            f"torch does not support padding={layer.padding!r} with strides={layer.strides}; pad "
            "the data and the coordinates before the layer"
        )
    kernel, coord_kernel = _numbers(layer.kernel), _numbers(layer.coord_kernel)
    made = _TORCH[layer.rank](
        kernel.shape[-2] * layer.groups,
        layer.filters,
        layer.kernel_size,
        layer.strides,
        layer.padding if layer.padding == "same" else 0,
        layer.dilation_rate,
        layer.groups,
        layer.use_bias,
        dtype=getattr(torch, layer.variable_dtype),
        radius=layer.radius,
        convention=layer.convention,
    )
    with torch.no_grad():
        made.weight.copy_(_channels_first(kernel))
        made.coord_weight.copy_(_channels_first(coord_kernel))
        if layer.use_bias:
            made.bias.copy_(torch.from_numpy(_numbers(layer.bias)))
    return made


def _padding_of(layer: CoordConvolution) -> str:
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if layer.padding == "valid" or not any(layer.padding):
        return "valid"
    same = layer.padding == "same" or [2 * int(one) for one in layer.padding] == reach
    if same and max(layer.stride) == 1 and layer.padding_mode == "zeros":
        return "same"
    raise ValueError(
        f"Keras does not support padding={layer.padding!r} with "
        f"padding_mode={layer.padding_mode!r}, kernel_size={layer.kernel_size} and "
        f"stride={layer.stride}; use no padding, or stride 1 with zero padding that keeps the size"
    )


def _channels_last(weight: torch.Tensor) -> np.ndarray:
    """Permute a weight from (out, in, *kernel) to (*kernel, in, out)."""
    return _as_array(weight.movedim((0, 1), (-1, -2)))


def _channels_first(kernel: np.ndarray) -> torch.Tensor:
    """Permute a kernel from (*kernel, in, out) to (out, in, *kernel)."""
    return torch.from_numpy(np.array(np.moveaxis(kernel, (-1, -2), (0, 1))))


def _as_array(weight: torch.Tensor) -> np.ndarray:
    """Convert a torch weight to NumPy, in float32 or float64, because NumPy has no bfloat16."""
    weight = weight.detach().cpu()
    return (weight if weight.dtype == torch.float64 else weight.float()).contiguous().numpy()


def _numbers(weight: Any) -> np.ndarray:
    """Convert a Keras weight to NumPy, in float32 or float64."""
    exact = "float64" if keras.backend.standardize_dtype(weight.dtype) == "float64" else "float32"
    return np.array(keras.ops.convert_to_numpy(keras.ops.cast(weight, exact)))
