"""The choice between the methods to compute a coordinate layer.

``"concatenate"`` convolves the concatenated data and coordinates. ``"separate"`` convolves the data
and adds the coordinate term, which is the convolution of the coordinates.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from coordconv.computation.kept import has_gradients
from coordconv.computation.memory_format import batch_is_channels_last
from coordconv.computation.torch_modes import is_in_autocast, may_write_in_place
from coordconv.operations import Convolution, TransposedConvolution

__all__ = ["Method", "checked_method", "chosen_way"]

Method = Literal["auto", "separate", "concatenate"]
Way = Literal["separate", "concatenate", "concatenate in two parts"]

_METHODS = get_args(Method)
_LARGE_OUTPUT = 2**23  # numbers


def checked_method(method: Method) -> Method:
    """Return ``method`` if it is known.

    Raises:
        ValueError: If ``method`` is unknown.
    """
    if method not in _METHODS:
        raise ValueError(f"`method` must be 'auto', 'separate' or 'concatenate', got {method!r}")
    return method


def chosen_way(
    method: Method,
    operation: Convolution | TransposedConvolution,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
) -> Way:
    """Return how to compute a layer; for ``"auto"``, the fastest way.

    Raises:
        ValueError: If the method is unknown.
    """
    if isinstance(operation, Convolution) and weight.shape[1] == 0:
        checked_method(method)
        return "concatenate"  # Without data channels, torch returns no output channels.
    if method != "auto":
        return "concatenate" if checked_method(method) == "concatenate" else "separate"
    if _is_compiled_for_training(x, weight, coord_weight):
        return "concatenate in two parts" if _rounds(x) else "concatenate"
    if not isinstance(operation, Convolution):
        return "separate"
    cheaper = _concatenation_is_cheaper(x, weight, coord_weight, operation)
    return "concatenate" if cheaper else "separate"


def _is_compiled_for_training(x: Tensor, weight: Tensor, coord_weight: Tensor) -> bool:
    """Whether the call is compiled with gradients, in which case only concatenation is used.

    With symbolic sizes, Inductor (torch 2.13) fails if the gradient of a convolution is used twice,
    or if a sum with the output of a convolution is saved for the backward pass. So with
    ``"separate"``, some models would compile without coordinates, but not with them. Concatenation
    avoids this and is as fast in compiled code with gradients. In older versions of torch, such as
    2.9, the result is False, because they report every compilation as an export.
    """
    return (
        torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and torch.is_grad_enabled()
        and (x.requires_grad or weight.requires_grad or coord_weight.requires_grad)
    )


def _rounds(x: Tensor) -> bool:
    """Whether a convolution may round its input to a half type, or to TF32 on an accelerator."""
    if x.dtype == torch.float32:
        return x.device.type != "cpu" or is_in_autocast(x.device.type)
    return x.dtype != torch.float64


def _concatenation_is_cheaper(
    x: Tensor, weight: Tensor, coord_weight: Tensor, operation: Convolution
) -> bool:
    """Whether concatenating is cheaper than adding the term in a second pass over the output.

    Measurements on CPU (docs/speed.md) show this for batches of several samples, if the kernel is
    pointwise and has at least 16 output channels per input channel. Without gradients, an earlier
    call has usually kept the term. Copying a few channels takes long if the channels are last in
    memory, so concatenation is then only cheaper if the output does not fit into the caches. The
    other conditions ensure that a layer with zero coordinate weights equals the plain convolution
    bit for bit. For example, if there is a single input channel, BLAS rounds its product and the
    sum with the bias separately. Compiled code is faster with ``"separate"``.
    """
    return (
        operation.groups == 1
        and x.dim() == operation.rank + 2
        and x.shape[0] > 1
        and weight.shape[1] > 1
        and weight.shape[0] >= 16 * weight.shape[1]
        and operation.is_pointwise
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and may_write_in_place()
        and (
            has_gradients(coord_weight)
            or not batch_is_channels_last(x)
            or x.numel() // x.shape[1] * weight.shape[0] >= _LARGE_OUTPUT
        )
    )
