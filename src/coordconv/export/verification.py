"""Whether an exported model does what the model does, with the example and at other sizes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from coordconv.conversion.kinds import checked_model

__all__ = ["Dynamic", "Example", "checked", "compare", "dynamic_axes"]

Dynamic = Literal["batch and size", "batch", "nothing"]
Example = Tensor | Sequence[Tensor]


def checked(
    model: nn.Module, example: Example, dynamic: Dynamic
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return the model, without what ``torch.compile`` wraps it in, and the inputs of the example.

    Raises:
        TypeError: If the model is none or the example is not made of tensors.
        ValueError: If the model is in training mode or there is no such choice of axes.
    """
    model = getattr(checked_model(model), "_orig_mod", model)
    inputs = (example,) if isinstance(example, Tensor) else example
    if not isinstance(inputs, tuple | list) or not inputs or not all(map(torch.is_tensor, inputs)):
        raise TypeError(f"example must be a tensor or a sequence of tensors, got {example!r}")
    if dynamic not in get_args(Dynamic):
        choices = ", ".join(map(repr, get_args(Dynamic)))
        raise ValueError(f"dynamic must be one of {choices}, got {dynamic!r}")
    if any(module.training for module in model.modules()):
        raise ValueError("the model is in training mode, call model.eval() first")
    # Dense copies: the strides of a crop would become a condition of what is exported.
    return model, tuple(one.detach().clone() for one in inputs)


def dynamic_axes(tensor: Tensor, dynamic: Dynamic) -> list[int]:
    """The axes of an input that may differ: the first, and those from the third on."""
    batch = [0] if tensor.dim() > 0 else []
    return {"nothing": [], "batch": batch, "batch and size": [*batch, *range(2, tensor.dim())]}[
        dynamic
    ]


def compare(
    model: nn.Module,
    exported: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    dynamic: Dynamic,
    tolerance: float | None,
) -> None:
    """Run both with the example, and with others wherever the model itself takes them.

    Without a tolerance it is 1e-4, or eight times the rounding of the model's numbers.

    Raises:
        ValueError: If they differ by more than the tolerance, or the exported one fails.
    """
    if tolerance is None:
        tolerance = max(1e-4, 8 * _rounding(model, inputs))
    for what, tensors in _cases(inputs, dynamic):
        with torch.no_grad():
            try:
                expected = _outputs(model, tensors)
            except Exception:
                if tensors is inputs:
                    raise
                continue  # The model itself is made for some sizes only.
            try:
                actual = _outputs(exported, tensors)
            except Exception as error:
                raise ValueError(f"what was exported fails with {what}: {error}") from error
        _check(expected, actual, what, tolerance)


def _rounding(model: nn.Module, inputs: tuple[Tensor, ...]) -> float:
    """The largest rounding of a number among weights, buffers and inputs, as a share of it."""
    numbers = (*model.parameters(), *model.buffers(), *inputs)
    types = {one.dtype for one in numbers if one.is_floating_point() or one.is_complex()}
    return max((torch.finfo(dtype).eps for dtype in types), default=0.0)


def _cases(inputs: tuple[Tensor, ...], dynamic: Dynamic) -> Iterator[tuple[str, Any]]:
    yield "the example", inputs
    if dynamic != "nothing":
        yield "a batch three times as large", _repeated(inputs, "batch", 3)
    if dynamic == "batch and size":
        yield "twice as many pictures, twice as large", _repeated(inputs, dynamic, 2)


def _repeated(inputs: tuple[Tensor, ...], dynamic: Dynamic, times: int) -> tuple[Tensor, ...]:
    return tuple(
        one.repeat(
            [times if axis in dynamic_axes(one, dynamic) else 1 for axis in range(one.dim())]
        )
        for one in inputs
    )


def _outputs(call: Callable[..., Any], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Every tensor that a call gives; what it writes to inputs and buffers does not stay."""
    buffers = list(call.buffers()) if isinstance(call, nn.Module) else []
    kept = [one.clone() for one in buffers]
    try:
        leaves = tree_leaves(call(*(one.clone() for one in inputs)))
        return [leaf.clone() for leaf in leaves if isinstance(leaf, Tensor)]
    finally:
        for one, before in zip(buffers, kept, strict=True):
            one.copy_(before)


def _check(expected: list[Tensor], actual: list[Tensor], what: str, tolerance: float) -> None:
    shapes = [[tuple(one.shape) for one in outputs] for outputs in (expected, actual)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"with {what}, the model gives outputs of shapes {shapes[0]}, and what was exported of "
            f"{shapes[1]}"
        )
    for number, (ours, theirs) in enumerate(zip(expected, actual, strict=True)):
        if ours.numel() == 0:
            continue
        ours, theirs = _real(ours), _real(theirs)
        # The same infinity, or in both not a number, is agreement.
        same = (ours == theirs) | (ours.isnan() & theirs.isnan())
        largest = ours[ours.isfinite()].abs().amax().item() if ours.isfinite().any() else 0
        share = torch.where(same, 0, (ours - theirs).abs()).max().item() / (largest or 1)
        if not share <= tolerance:  # Not a number is no agreement.
            raise ValueError(
                f"with {what}, what was exported differs from the model by {share:.2g} of the "
                f"largest value of output {number}, more than the tolerance of {tolerance:g}; "
                "where that is rounding, hand over another, as tolerance=0.01"
            )


def _real(values: Tensor) -> Tensor:
    values = torch.view_as_real(values) if values.is_complex() else values
    return values.double().cpu()
