"""Check the tensors of a layer before it is computed."""

from numbers import Integral

from torch import Tensor

from coordconv.operations import Convolution, TransposedConvolution

__all__ = ["check_allocated", "check_floating_point", "check_inputs", "checked_groups"]


def check_inputs(
    operation: Convolution | TransposedConvolution,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    radius: bool,
) -> None:
    """Check that data and weights are allocated and have matching shapes.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor.
        ValueError: If the shapes do not match.
        RuntimeError: If a weight is on the meta device, but ``x`` is not.
    """
    check_floating_point(x)
    check_allocated(x, weight=weight, coord_weight=coord_weight, bias=bias)
    rank = operation.rank
    inputs, outputs = operation.channels(weight)
    if x.dim() not in (rank + 1, rank + 2) or x.shape[-1 - rank] != inputs:
        raise ValueError(
            f"`x` must have shape (N, {inputs}, *size) or ({inputs}, *size) with {rank} spatial "
            f"axes for weights of shape {tuple(weight.shape)} and groups={operation.groups}, "
            f"got {tuple(x.shape)}"
        )
    channels = rank + 1 if radius else rank
    if (
        coord_weight.dim() != rank + 2
        or operation.outputs_first(coord_weight).shape[:2] != (outputs, channels)
        or not _fits(coord_weight.shape[2:], operation.kernel)
    ):
        raise ValueError(
            f"`coord_weight` must have {outputs} outputs and {channels} coordinate channels for "
            f"weights of shape {tuple(weight.shape)} and radius={radius}, and a kernel of at most "
            f"{tuple(operation.kernel)}; got shape {tuple(coord_weight.shape)}"
        )


def check_floating_point(x: Tensor) -> None:
    """Refuse integer images, whose coordinates would all be rounded to integers.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"`x` must be a tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        advice = "convert the images first, for example with x.float() / 255"
        if x.is_complex():
            advice = "turn real and imaginary parts into channels first, with torch.view_as_real"
        raise TypeError(f"`x` must be of a floating-point type, got {x.dtype}; {advice}")


def check_allocated(x: Tensor, **weights: Tensor | None) -> None:
    """Check that weights, given by name, have values if ``x`` has values.

    Raises:
        RuntimeError: If a weight is on the meta device, but ``x`` is not.
    """
    for name, weight in weights.items():
        if weight is not None and weight.is_meta and not x.is_meta:
            # Some CPU kernels of torch (2.13) read arbitrary memory for a weight without storage.
            raise RuntimeError(
                f"{name} is on the meta device, but x is on {x.device}: the weights were not "
                "loaded. If the checkpoint is that of a plain model, it has no coordinate weights; "
                "add them with coordconv.conversion.from_plain"
            )


def checked_groups(groups: int, channels: int) -> int:
    """Return ``groups`` as an int if it divides the channels.

    Raises:
        ValueError: If ``groups`` is not a positive integer that divides ``channels``.
    """
    is_integer = isinstance(groups, Integral) and not isinstance(groups, bool)
    if not is_integer or groups < 1 or channels % int(groups):
        raise ValueError(
            f"`groups` must be a positive integer that divides the {channels} channels, got "
            f"{groups!r}"
        )
    return int(groups)


def _fits(kernel: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    return kernel == larger or all(k <= most for k, most in zip(kernel, larger, strict=True))
