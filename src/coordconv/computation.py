"""The two ways to compute a layer with coordinates: apart from the data, or concatenated.

Both are exact; the concatenation is the reference, the other way is cheaper.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from coordconv.conventions import Side
from coordconv.grids import axis_positions
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions
from coordconv.terms import (
    MatrixLayout,
    ProductTerm,
    pointwise_term,
    separable_term,
    written_out_term,
)

__all__ = [
    "Method",
    "check_floating_point",
    "checked_groups",
    "checked_method",
    "compute",
    "join",
]

Method = Literal["auto", "separate", "concatenate"]
Operation = Convolution | TransposedConvolution


def compute(
    operation: Operation,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    positions: Positions,
    method: Method,
) -> Tensor:
    """Return the operation on the data together with the coordinates of their pixels."""
    check_floating_point(x)
    _check_shapes(operation, x, weight, coord_weight, positions.radius)
    if method == "auto" and _is_compiled_for_training(x, weight, coord_weight):
        return _concatenated(operation, x, weight, coord_weight, bias, positions, _rounds(x))
    if _concatenates(method, x, weight, operation):
        return _concatenated(operation, x, weight, coord_weight, bias, positions)
    data = operation(x, weight, bias, operation.groups)
    # An exported graph reads better, and runs everywhere, as two plain operations.
    if not (torch.compiler.is_exporting() or _traces()):
        term = _product_term(operation, x, data, coord_weight, positions)
        if isinstance(term, ProductTerm):
            return _add_product(data, term, operation.rank)
        if term is not None:
            return _add(data, term)
    return _add(data, _convolved_term(operation, x, coord_weight, positions))


def _concatenated(
    operation: Operation,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    positions: Positions,
    in_two_parts: bool = False,
) -> Tensor:
    """Compute the layer as published; each group reads its own copy of the coordinates.

    In two parts, with their weights twice, coordinates are precise where the convolution rounds
    its input.
    """
    pictures = _with_batch(x, operation.rank)
    if in_two_parts:
        grid = _two_parts(positions.grid(pictures, operation.rank, torch.float32), operation.rank)
        grid = grid.to(x.dtype)
        outputs_first = operation.outputs_first(coord_weight)
        coord_weight = operation.outputs_first(torch.cat([outputs_first, outputs_first], dim=1))
    else:
        grid = positions.grid(pictures, operation.rank, x.dtype)
    joined = join(pictures, grid, "after", operation.groups)
    with _without_autocast(x.device.type):
        joint = operation.joint_weight(weight, operation.full_size(coord_weight))
    output = operation(joined, joint, bias, operation.groups)
    return output if x.dim() == pictures.dim() else output.squeeze(0)


def _two_parts(grid: Tensor, rank: int) -> Tensor:
    """Return float32 channels as two numbers each: the leading 8 bits, and the rest."""
    # By its bits: Inductor would leave out a conversion to a half type and back. The gradient of
    # the sum is that of the rest.
    high = (grid.detach().view(torch.int32) & ~0xFFFF).view(torch.float32)
    return torch.cat([high, grid - high], dim=-1 - rank)


def _product_term(
    operation: Operation, x: Tensor, data: Tensor, coord_weight: Tensor, positions: Positions
) -> ProductTerm | Tensor | None:
    """Return the term as a product, or None where a kernel has to be slid over the grid.

    A compiler gets it written out where it may compute it inside the kernel that adds it, which
    costs next to nothing forward; its gradient is cheaper as a product.
    """
    rank = operation.rank
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    channels_last = _channels_are_last(data, rank)
    with _without_autocast(x.device.type):
        weight = operation.outputs_first(coord_weight).to(working)
        if operation.is_pointwise:
            if torch.compiler.is_compiling() and not torch.is_grad_enabled():
                channels = positions.channels(x, rank, working)
                if channels[0].dim() == rank:
                    return written_out_term(weight, channels)
            grid = positions.grid(x, rank, working)
            if grid.dim() == rank + 1:
                return pointwise_term(weight, grid, channels_last=channels_last)
        elif positions.are_separable:
            axes = axis_positions(
                x.shape[-rank:], positions.convention, positions.window, working, x.device
            )
            taps: dict[int, Tensor] = {}
            for axis, (position, _, _, along) in enumerate(axes):
                assert along is not None  # each axis runs along one of the tensor
                channel = rank - 1 - axis if positions.convention.order == "xy" else axis
                # Along one axis, the channels of all others hold ones.
                others = (0, 0, channel, rank - 1 - channel)
                values = functional.pad(position[None], others, value=1.0)
                taps[along] = operation.taps(values, along, coord_weight.shape[2:])
            taps_by_axis = [taps[axis] for axis in range(rank)]
            return separable_term(weight, taps_by_axis, channels_last=channels_last)
    return None


def _convolved_term(
    operation: Operation, x: Tensor, coord_weight: Tensor, positions: Positions
) -> Tensor:
    """Return the operation on the coordinates alone, for one picture or for every sample."""
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    grid = _with_batch(positions.grid(x, operation.rank, working), operation.rank)
    if torch.compiler.is_compiling():
        # Joined anew: Inductor (torch 2.13) fails on what it saves for the backward pass of the
        # convolution, a view or the grids of windows, while sizes are symbolic.
        grid = torch.cat(grid.split(1, dim=1), dim=1)
    return operation(grid.to(coord_weight.dtype), operation.full_size(coord_weight), None, 1)


def _add_product(data: Tensor, term: ProductTerm, rank: int) -> Tensor:
    """Add the term; to one picture while multiplying, which saves the memory of the term."""
    if (
        (data.dim() == rank + 1 or data.shape[0] == 1)
        and data.dtype == term.left.dtype
        and (term.layout.channels_last or data.is_contiguous())
        and _may_work_in_place()
        and not _traces()
    ):
        if not torch.is_grad_enabled() or not _require_gradients(data, term.left, term.right):
            term.add_to(data)
            return data
        return _AddToPicture.apply(data, term.left, term.right, term.layout)
    with _without_autocast(data.device.type):
        return _add(data, term.product())


class _AddToPicture(torch.autograd.Function):
    """Add a product to the output of one picture in place, without ever holding the product."""

    @staticmethod
    def forward(ctx, data: Tensor, left: Tensor, right: Tensor, layout: MatrixLayout) -> Tensor:
        ctx.layout = layout
        ctx.save_for_backward(left, right)
        ctx.save_for_forward(left, right)
        ctx.mark_dirty(data)
        ProductTerm(left, right, layout).add_to(data)
        return data

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (left, right) = gradients, ctx.saved_tensors
        matrix = ctx.layout.as_matrix(gradient)
        of_left = matrix @ right.transpose(-1, -2) if ctx.needs_input_grad[1] else None
        of_right = left.transpose(-1, -2) @ matrix if ctx.needs_input_grad[2] else None
        return gradient, of_left, of_right, None

    @staticmethod
    def jvp(ctx, *tangents: Tensor) -> Tensor:
        data, of_left, of_right, _ = tangents
        left, right = ctx.saved_tensors
        change = torch.matmul(of_left, right) + torch.matmul(left, of_right)
        return data.add_(ctx.layout.as_picture(change).expand(data.shape))


def _add(data: Tensor, term: Tensor) -> Tensor:
    """Add the coordinate term, keeping dtype and memory format of the plain operation."""
    term = term.to(data.dtype)
    if term.dim() != data.dim():
        term = term.unsqueeze(0) if term.dim() < data.dim() else term.squeeze(0)
    if not _may_work_in_place():
        return data + term
    if term.requires_grad and term.shape != data.shape and not _traces():
        term = _ForEverySample.apply(term, data.shape[0])
    # In place no second output is allocated, and the backward pass of a convolution needs only
    # its inputs.
    return data.add_(term)


class _ForEverySample(torch.autograd.Function):
    """Repeat one picture for a batch; its gradient is summed in the order of the memory.

    torch (2.13) is many times slower at summing a batch with channels last than its permutation.
    """

    @staticmethod
    def forward(ctx, picture: Tensor, batch: int) -> Tensor:
        ctx.batch = batch
        return picture.expand(batch, *picture.shape[1:])

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        if _channels_come_last(gradient):
            gradient = gradient.movedim(1, -1)
            return gradient.sum(0, keepdim=True).movedim(-1, 1), None
        return gradient.sum(0, keepdim=True), None

    @staticmethod
    def jvp(ctx, *tangents: Tensor) -> Tensor:
        return tangents[0].expand(ctx.batch, *tangents[0].shape[1:])


def _may_work_in_place() -> bool:
    # torch.func forbids writing a batched tensor into one that is not, and compilers find out for
    # themselves.
    return not torch.compiler.is_compiling() and not torch._C._are_functorch_transforms_active()


def _traces() -> bool:
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def _require_gradients(*tensors: Tensor) -> bool:
    return any(tensor.requires_grad for tensor in tensors)


def _without_autocast(device_type: str) -> AbstractContextManager:
    """Return a context in which the small tensors beside the data keep their types."""
    if _is_in_autocast(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def _is_in_autocast(device_type: str) -> bool:
    return _knows_autocast(device_type) and torch.is_autocast_enabled(device_type)


def _rounds(x: Tensor) -> bool:
    """Whether a convolution may round its input: to a half type, or to TF32 on an accelerator."""
    if x.dtype == torch.float32:
        return x.device.type != "cpu" or _is_in_autocast(x.device.type)
    return x.dtype != torch.float64


def _knows_autocast(device_type: str) -> bool:
    # torch 2.7 cannot trace the query, and the decorators of torch.compiler import torch._dynamo.
    if torch.compiler.is_compiling():
        return device_type != "meta"
    return torch.amp.is_autocast_available(device_type)


def checked_method(method: Method) -> Method:
    """Return the method, if there is one of that name.

    Raises:
        ValueError: If there is none.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be 'auto', 'separate' or 'concatenate', got {method!r}")
    return method


def _concatenates(method: Method, x: Tensor, weight: Tensor, operation: Operation) -> bool:
    return checked_method(method) == "concatenate" or (
        method == "auto"
        and isinstance(operation, Convolution)
        and _concatenation_is_cheaper(x, weight, operation)
    )


def _is_compiled_for_training(*tensors: Tensor) -> bool:
    """Whether a compiler will compute gradients, for which it gets a single plain operation.

    Inductor (torch 2.13) fails at symbolic sizes where the gradient of a convolution has a second
    reader, or where a sum with its output is saved for the backward pass, so that a model could
    not be compiled with coordinates though it can without. Concatenation is also as quick there.
    Older versions, as 2.7, take every compilation for an export.
    """
    return (
        torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and torch.is_grad_enabled()
        and _require_gradients(*tensors)
    )


def _concatenation_is_cheaper(x: Tensor, weight: Tensor, operation: Convolution) -> bool:
    """Tell whether to copy the few inputs of a layer, and not to pass over its many outputs again.

    Measured (docs/speed.md): worth it on a CPU for batches, kernels with one tap and 16 outputs or
    more for each input. It holds for float32 and two channels or more, with which zero coordinate
    weights give the bits of the plain convolution in this way too: BLAS rounds the product of a
    single channel and its sum with the bias one by one. Compilers do better with the other.
    """
    return (
        operation.is_pointwise
        and operation.groups == 1
        and x.dim() == operation.rank + 2
        and x.shape[0] > 1
        and weight.shape[1] > 1
        and weight.shape[0] >= 16 * weight.shape[1]
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and _may_work_in_place()
    )


def checked_groups(groups: int, channels: int) -> int:
    """Return the number of groups, if it divides the channels.

    Raises:
        ValueError: If it does not, or is not a positive integer.
    """
    if not isinstance(groups, int) or groups < 1 or channels % groups:
        raise ValueError(
            f"groups must be a positive integer that divides the {channels} channels, got {groups}"
        )
    return groups


def join(x: Tensor, grid: Tensor, side: Side, groups: int = 1) -> Tensor:
    """Concatenate every group of a batch and coordinates, of shape (d, *size) or (N, d, *size)."""
    grid = grid.expand(x.shape[0], *grid.shape[1 - x.dim() :])
    last = _channels_come_last(x)
    if last:
        # cat keeps the format only if all its inputs have it.
        grid = grid.movedim(1, -1).contiguous().movedim(-1, 1)
    with _without_autocast(x.device.type):  # It refuses to join some half types.
        if groups == 1:
            return torch.cat([x, grid] if side == "after" else [grid, x], dim=1)
        x = x.unflatten(1, (groups, -1))
        grid = grid.unsqueeze(1).expand(-1, groups, *[-1] * (grid.dim() - 1))
        joined = torch.cat([x, grid] if side == "after" else [grid, x], dim=2).flatten(1, 2)
    return joined.movedim(1, -1).contiguous().movedim(-1, 1) if last else joined


def _with_batch(pictures: Tensor, rank: int) -> Tensor:
    return pictures if pictures.dim() == rank + 2 else pictures.unsqueeze(0)


def _channels_come_last(x: Tensor) -> bool:
    # Strides decide, as in torch: is_contiguous cannot tell the formats apart when C is 1.
    return x.stride(-1) >= x.shape[1] and x.stride(1) == 1


def _channels_are_last(data: Tensor, rank: int) -> bool:
    """Tell whether a plain output, with a batch or without, has its channels last in memory."""
    if torch._C._are_functorch_transforms_active() or rank == 1 or data.is_contiguous():
        return False
    return data.movedim(-1 - rank, -1).is_contiguous()


def check_floating_point(x: Tensor) -> None:
    """Refuse integer images, whose coordinates would all be rounded to zero."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        advice = "convert the images first, for example with x.float() / 255"
        if x.is_complex():
            advice = "make channels of real and imaginary parts first, with torch.view_as_real"
        raise TypeError(f"x must be of a floating-point type, got {x.dtype}; {advice}")


def _check_shapes(
    operation: Operation, x: Tensor, weight: Tensor, coord_weight: Tensor, radius: bool
) -> None:
    rank = operation.rank
    inputs, outputs = operation.channels(weight)
    if x.dim() not in (rank + 1, rank + 2) or x.shape[-1 - rank] != inputs:
        raise ValueError(
            f"x must have shape (N, {inputs}, *size) or ({inputs}, *size) with {rank} spatial axes "
            f"for weights of shape {tuple(weight.shape)} and groups={operation.groups}, "
            f"got {tuple(x.shape)}"
        )
    channels = rank + 1 if radius else rank
    kernel = coord_weight.shape[2:]
    if (
        coord_weight.dim() != rank + 2
        or operation.outputs_first(coord_weight).shape[:2] != (outputs, channels)
        or any(small > large for small, large in zip(kernel, operation.kernel, strict=True))
    ):
        raise ValueError(
            f"coord_weight must have {outputs} outputs and {channels} coordinate channels for "
            f"weights of shape {tuple(weight.shape)} and radius={radius}, and a kernel of at most "
            f"{tuple(operation.kernel)}; got shape {tuple(coord_weight.shape)}"
        )
