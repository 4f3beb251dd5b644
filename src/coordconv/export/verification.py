"""Compare an exported model with the original model, for the example and inputs of other sizes."""

import reprlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from coordconv.conversion.kinds import check_initialized, checked_model

__all__ = ["Dynamic", "Example", "checked", "compare", "dynamic_axes"]

Dynamic = Literal["batch_and_size", "batch", "none"]
Example = Tensor | Sequence[Tensor]


def checked(
    model: nn.Module, example: Example, dynamic: Dynamic
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return the model, without the wrapper of ``torch.compile``, and the inputs of the example.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``, or ``example`` does not consist of tensors.
        ValueError: If the model is in training mode or lazy, or ``dynamic`` is unknown.
    """
    model = getattr(checked_model(model), "_orig_mod", model)
    inputs = (example,) if isinstance(example, Tensor) else example
    if not isinstance(inputs, (tuple, list)) or not inputs or not all(map(torch.is_tensor, inputs)):
        raise TypeError(
            "`example` must be a tensor or a sequence of tensors, in the order of the arguments of "
            f"the model, got {reprlib.repr(example)}"
        )
    if dynamic not in get_args(Dynamic):
        choices = ", ".join(map(repr, get_args(Dynamic)))
        raise ValueError(f"`dynamic` must be one of {choices}, got {dynamic!r}")
    if any(module.training for module in model.modules()):
        raise ValueError("the model is in training mode; call model.eval() first")
    check_initialized("export", model)
    # Copy the inputs, because the exporter would specialize on the strides of a crop.
    return model, tuple(one.detach().clone() for one in inputs)


def dynamic_axes(tensor: Tensor, dynamic: Dynamic) -> list[int]:
    """Return the dynamic axes of an input: the first axis (batch), and all after the second."""
    batch = [0] if tensor.dim() > 0 else []
    return {"none": [], "batch": batch, "batch_and_size": [*batch, *range(2, tensor.dim())]}[
        dynamic
    ]


def compare(
    model: nn.Module,
    exported: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    dynamic: Dynamic,
    tolerance: float | None,
) -> None:
    """Run both models with the example and with other input sizes that the original supports.

    The default tolerance is the larger of 1e-4 and eight times the machine epsilon of the dtype.

    Raises:
        ValueError: If the outputs differ by more than the tolerance, or the exported model fails.
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
                continue  # The model itself does not support this size.
            try:
                actual = _outputs(exported, tensors)
            except Exception as error:
                raise ValueError(f"the exported model fails for {what}: {error}") from error
        _check(expected, actual, what, tolerance)


def _rounding(model: nn.Module, inputs: tuple[Tensor, ...]) -> float:
    """Return the largest machine epsilon of the dtypes of weights, buffers and inputs."""
    numbers = (*model.parameters(), *model.buffers(), *inputs)
    types = {one.dtype for one in numbers if one.is_floating_point() or one.is_complex()}
    return max((torch.finfo(dtype).eps for dtype in types), default=0.0)


def _cases(inputs: tuple[Tensor, ...], dynamic: Dynamic) -> Iterator[tuple[str, Any]]:
    yield "the example", inputs
    if dynamic != "none":
        yield "a batch three times as large", _repeated(inputs, "batch", 3)
    if dynamic == "batch_and_size":
        yield "twice as many images, twice as large", _repeated(inputs, dynamic, 2)


def _repeated(inputs: tuple[Tensor, ...], dynamic: Dynamic, times: int) -> tuple[Tensor, ...]:
    return tuple(
        one.repeat(
            [times if axis in dynamic_axes(one, dynamic) else 1 for axis in range(one.dim())]
        )
        for one in inputs
    )


def _outputs(call: Callable[..., Any], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Return all output tensors of a call; inputs and buffers are not changed."""
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
            f"for {what}, the model has outputs of shapes {shapes[0]}, but the exported model has "
            f"{shapes[1]}"
        )
    for number, (ours, theirs) in enumerate(zip(expected, actual, strict=True)):
        if ours.numel() == 0:
            continue
        ours, theirs = _real(ours), _real(theirs)
        # Equal infinities, or NaN in both, count as equal.
        same = (ours == theirs) | (ours.isnan() & theirs.isnan())
        largest = ours[ours.isfinite()].abs().amax().item() if ours.isfinite().any() else 0
        share = torch.where(same, 0, (ours - theirs).abs()).max().item() / (largest or 1)
        if not share <= tolerance:  # This is also true if the share is NaN.
            raise ValueError(
                f"for {what}, output {number} of the exported model differs from the model by "
                f"{share:.2g} of its largest value, more than the tolerance of {tolerance:g}; if "
                "this is rounding error, pass a larger tolerance, such as tolerance=0.01"
            )


def _real(values: Tensor) -> Tensor:
    values = torch.view_as_real(values) if values.is_complex() else values
    return values.double().cpu()
