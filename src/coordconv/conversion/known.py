"""Subclasses of convolutions whose ``forward`` is known to pad the input and then convolve it.

Libraries subclass convolutions for weight standardization (Qiao et al. 2019, arXiv:1903.10520),
scaled weight standardization (Brock et al. 2021, arXiv:2101.08692) and the "same" padding of
TensorFlow. All of these subclasses pad the input, convolve it with a function of their weights, and
add the bias. Therefore, a separate convolution of the coordinates can be added to their output.
"""

from collections.abc import Callable
from inspect import getattr_static
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.lazy import LazyModuleMixin

from coordconv.conversion.made import made_class
from coordconv.layers.convolution import CoordConvolution
from coordconv.layers.others import CoordinatesBeside
from coordconv.layers.transposed import CoordTransposedConvolution

__all__ = ["ConvolutionBeside", "Pad", "known_kind", "pad_same", "register_convolution"]

Pad = Callable[[Any, Tensor], Tensor]

_TORCH: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: CoordConvolution,
    nn.Conv2d: CoordConvolution,
    nn.Conv3d: CoordConvolution,
    nn.ConvTranspose1d: CoordTransposedConvolution,
    nn.ConvTranspose2d: CoordTransposedConvolution,
    nn.ConvTranspose3d: CoordTransposedConvolution,
}

# Attributes that a subclass can override to change the output of its base.
_BEHAVIOR = (
    "forward", "_conv_forward", "_output_padding", "__call__", "_call_impl", "_wrapped_call_impl",
    "__getattr__", "__getattribute__", "weight", "bias", "kernel_size", "stride", "padding",
    "dilation", "groups", "padding_mode", "output_padding", "_reversed_padding_repeated_twice",
)  # fmt: skip


def register_convolution(
    cls: type[nn.Module], pad: Pad | Literal["own", "same"] = "own"
) -> type[nn.Module]:
    """Register a convolution subclass with a custom forward for `coordconv.convert`.

    A converted layer computes ``cls.forward(x)`` plus a convolution of the coordinates. This
    convolution has the stride and dilation of the layer, and weights of its own that are initially
    zero.

    The sum is the same as if the coordinates were appended to the input, provided that
    ``cls.forward`` pads the input, convolves it with the weights of the layer or a function of
    them (as in weight standardization), and adds the bias. If ``cls.forward`` does more, such as a
    normalization or an activation, use ``convert(..., unknown="in_front")`` instead.

    The classes of timm, transformers and segmentation_models_pytorch are already registered.
    Subclasses that inherit ``forward`` from their base class need no registration.

    Args:
        cls: A subclass of ``torch.nn.Conv1d``, ``Conv2d`` or ``Conv3d``. Its forward takes one
            tensor and returns one.
        pad: Padding that ``cls.forward`` applies in addition to ``padding`` and ``padding_mode``.
            ``"own"``: no additional padding. ``"same"``: zero padding as in TensorFlow, which
            depends on the input size. Or a function that takes the layer and a tensor, and returns
            the padded tensor. The function is called with the coordinates, of shape (N, d, *size).

    Returns:
        The class, so that this can be used as a decorator.

    Raises:
        TypeError: If ``cls`` is not a proper subclass of ``torch.nn.Conv1d``, ``Conv2d`` or
            ``Conv3d``, or if ``pad`` is neither a string nor a function.
        ValueError: If ``pad`` is an unknown string, or if ``cls`` is already registered with
            another padding.

    Example:
        >>> from coordconv import convert
        >>> @register_convolution
        ... class Doubled(nn.Conv2d):
        ...     def forward(self, input):
        ...         return self._conv_forward(input, 2 * self.weight, self.bias)
        >>> convert(Doubled(3, 8, kernel_size=3))
        CoordDoubled(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
    """
    _check_class(cls)
    if isinstance(pad, str):
        if pad not in _PADS:
            raise ValueError(f"`pad` must be 'own', 'same' or a function, got {pad!r}")
        pad = _PADS[pad]
    if not callable(pad):
        raise TypeError(f"`pad` must be 'own', 'same' or a function, got {pad!r}")
    if _REGISTERED.setdefault(cls, pad) is not pad:
        raise ValueError(f"{_name(cls)} is already registered with another padding")
    return cls


def _check_class(cls: Any) -> None:
    if not isinstance(cls, type) or not issubclass(cls, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        raise TypeError(
            f"`cls` must be a subclass of torch.nn.Conv1d, Conv2d or Conv3d, got {cls!r}; convert "
            'other layers with convert(..., unknown="in_front")'
        )
    if cls in _TORCH:
        raise TypeError(
            f"`cls` must be a proper subclass, got {_name(cls)}, which convert supports without "
            "registration"
        )


def known_kind(kind: type[nn.Module]) -> type[nn.Module] | None:
    """Return the coordinate class for a subclass of a convolution, or None if not supported.

    A subclass is supported if it is registered or inherits its ``forward`` from torch.
    """
    if issubclass(kind, LazyModuleMixin):
        return None
    for base in kind.__mro__[:-1]:
        if not _behaves_as(kind, base):
            return None
        if base in _TORCH:
            return made_class("Coord", _TORCH[base], kind)
        if _pad_of(base) is not None:
            return made_class("Coord", ConvolutionBeside, kind)
    return None


class ConvolutionBeside(CoordinatesBeside):
    """Mixin that adds a convolution of the coordinates to the output of a registered class."""

    _made_from: tuple[str, type[nn.Module], type[nn.Module]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Find the registered padding.

        Raises:
            ValueError: If the original class is not registered, for example when a saved layer is
                loaded before its class is registered.
        """
        super().__init_subclass__(**options)
        pads = (_pad_of(base) for base in cls._made_from[2].__mro__)
        pad = next((one for one in pads if one is not None), None)
        if pad is None:
            raise ValueError(
                f"{_name(cls._made_from[2])} is not registered: call register_convolution first"
            )
        type.__setattr__(cls, "_coord_pad", staticmethod(pad))


def pad_same(layer: Any, x: Tensor) -> Tensor:
    """Pad with zeros as TensorFlow does for "same" padding.

    A convolution of the result has ceil(size / stride) outputs along each axis.

    Args:
        layer: Provides ``kernel_size``, ``stride`` and ``dilation``.
        x: Shape (N, d, *size).
    """
    margins = []
    numbers = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
    for size, (kernel, stride, dilation) in zip(x.shape[2:], numbers, strict=True):
        total = _not_negative(((size + stride - 1) // stride - 1) * stride
                              + (kernel - 1) * dilation + 1 - size)  # fmt: skip
        # functional.pad expects the last axis first. If the total is odd, the larger part of the
        # padding comes after the image.
        margins = [total // 2, total - total // 2, *margins]
    return functional.pad(x, margins)


def _not_negative(number: Any) -> Any:
    if isinstance(number, Tensor):  # While tracing, sizes are tensors.
        return number.clamp(min=0)
    return max(number, 0) if isinstance(number, int) else torch.sym_max(number, 0)


def _pad_own(_: Any, x: Tensor) -> Tensor:
    return x


def _pad_same_if_dynamic(layer: Any, x: Tensor) -> Tensor:
    """Pad if timm has set ``layer.same_pad``, so that the padding depends on the input size.

    Otherwise, the padding is constant and included in ``layer.padding``.
    """
    return pad_same(layer, x) if layer.same_pad else x


def _pad_by(name: str) -> Pad:
    """Return a function that pads with a layer's submodule ``name``, if the submodule exists."""

    def pad(layer: Any, x: Tensor) -> Tensor:
        module = getattr(layer, name)
        return x if module is None else module(x)

    return pad


def _pad_causally(layer: Any, x: Tensor) -> Tensor:
    return functional.pad(x, (layer.left_pad, 0))


_PADS: dict[str, Pad] = {"own": _pad_own, "same": pad_same}

_REGISTERED: dict[type[nn.Module], Pad] = {}

# The keys are names of classes, so that the libraries need not be imported.
_OF_LIBRARIES: dict[str, Pad] = {
    "timm.layers.conv2d_same.Conv2dSame": pad_same,
    "timm.layers.std_conv.StdConv2d": _pad_own,
    "timm.layers.std_conv.StdConv2dSame": _pad_same_if_dynamic,
    "timm.layers.std_conv.ScaledStdConv2d": _pad_own,
    "timm.layers.std_conv.ScaledStdConv2dSame": _pad_same_if_dynamic,
    "segmentation_models_pytorch.encoders._efficientnet.Conv2dDynamicSamePadding": pad_same,
    "segmentation_models_pytorch.encoders._efficientnet.Conv2dStaticSamePadding": _pad_by(
        "static_padding"
    ),
    "transformers.models.bit.modeling_bit.WeightStandardizedConv2d": _pad_by("pad"),
    "transformers.models.perceiver.modeling_perceiver.Conv2dSamePadding": _pad_by("zero_pad_2d"),
    "transformers.models.gemma4.modeling_gemma4.Gemma4AudioCausalConv1d": _pad_causally,
}


def _pad_of(kind: type[nn.Module]) -> Pad | None:
    return _REGISTERED.get(kind) or _OF_LIBRARIES.get(_name(kind))


def _behaves_as(kind: type[nn.Module], base: type[nn.Module]) -> bool:
    return all(
        getattr_static(kind, name, None) is getattr_static(base, name, None) for name in _BEHAVIOR
    )


def _name(kind: type[nn.Module]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
