"""The coordinate term of a compiled layer in evaluation, in a form that a compiler can fuse.

With a pointwise kernel, the term is computed for each pixel. With a larger kernel, the entries of
small tables are added: the coordinate of an axis changes the term along this axis only, except in
the margins of the other axes, where fewer taps of the kernel are inside the image. So a table holds
the term of one coordinate for each output pixel along its own axis, but only for the margins and
one pixel between them along the other axes. The compiler does all this in the kernel that uses the
output, and does not store the term, or stores it once for all images of a batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from coordconv.computation.geometry import taps_by_axis
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["compiled_term", "looked_up_term"]

_MOST_CHOICES = 8


def compiled_term(
    operation: Convolution | TransposedConvolution,
    x: Tensor,
    data: Tensor,
    weight: Tensor,
    positions: Positions,
    *,
    channels_last: bool,
) -> Tensor | None:
    """Return the term of a layer that is being compiled, or None if it has no such form.

    Args:
        operation: The operation.
        x: The input of the layer.
        data: The output of the operation.
        weight: The coordinate weights, in the dtype of the term.
        positions: The positions of the pixels.
        channels_last: Whether the channels of ``data`` are last in memory.

    Returns:
        Shape (out, *outputs), in the memory format of ``data``.
    """
    rank, kernel = operation.rank, weight.shape[2:]
    if operation.is_pointwise:
        channels = positions.channels(x, rank, weight.dtype)
        if channels[0].dim() > rank:
            return None
        term = _written_out_term(operation.outputs_first(weight), channels)
    else:
        sizes = data.shape[data.dim() - rank :]
        if not isinstance(operation, Convolution) or not positions.are_separable:
            return None
        if not _may_look_up(operation, sizes, channels_last=channels_last):
            return None
        taps, own_axes = taps_by_axis(operation, x, kernel, positions, weight.dtype)
        term = looked_up_term(operation, weight, taps, own_axes, channels_last=channels_last)
    images = data.shape[0] if data.dim() == rank + 2 else 1
    if channels_last or (_is_static(images) and images == 1):
        return term
    # With the channels first, a compiler joins the image axes only if the term is stored.
    return _stored(term)


def _written_out_term(weight: Tensor, channels: Sequence[Tensor]) -> Tensor:
    """Return the term of a pointwise kernel.

    Args:
        weight: Shape (out, d, 1, ...).
        channels: The d channels of the grid, each of shape (*size), expanded but not copied.
    """
    weights = weight.unbind(1)
    term = weights[0] * channels[0]
    for one_weight, channel in zip(weights[1:], channels[1:], strict=True):
        term = term + one_weight * channel
    return term


def _may_look_up(operation: Convolution, outputs: Sequence[int], *, channels_last: bool) -> bool:
    """Whether `looked_up_term` is possible, and efficient for this memory format.

    The sizes must be known, because the graph of symbolic sizes would be limited to sizes with a
    pixel between the margins of each axis.
    """
    edges = [sum(operation.edges(axis)) for axis in range(operation.rank)]
    if not channels_last and edges[-1] > _MOST_CHOICES:
        return False
    return all(_is_static(size) and size > edge for size, edge in zip(outputs, edges, strict=True))


def looked_up_term(
    operation: Convolution,
    weight: Tensor,
    taps: Sequence[Tensor],
    own_axes: Sequence[int],
    *,
    channels_last: bool,
) -> Tensor:
    """Return the term of coordinates that depend on one axis each, by adding entries of tables.

    Args:
        operation: The operation. The output must be larger than its margins.
        weight: The coordinate weights, shape (out, c, *kernel).
        taps: The coordinates at the kernel taps of each axis, shape (c, outputs, taps).
        own_axes: For each coordinate, the axis that it depends on.
        channels_last: Whether the channels should be last in memory.

    Returns:
        Shape (out, *outputs).
    """
    rank = len(taps)
    # Transposed, because a compiler can vectorize long axes only.
    matrices = [_stored(axis.transpose(1, 2)) for axis in taps]
    margins = [_margins(matrix, operation.edges(axis)) for axis, matrix in enumerate(matrices)]
    # Concatenating makes a compiler copy the weights, so that their channels are last in memory.
    by_channel = torch.cat([one.movedim(0, -1) for one in weight.split(1, dim=1)])
    entries: list[Tensor] = []
    rows: list[Tensor] = []
    for channel, own in enumerate(own_axes):
        # A compiler vectorizes the last axis of a table. This must not be another image axis than
        # the last one, because it would then not vectorize the kernel that uses the output.
        channels_first = own == rank - 1 and not channels_last
        table = weight[:, channel] if channels_first else by_channel[channel]
        first = 1 if channels_first else 0
        others = [axis for axis in range(rank) if axis != own]
        for axis in [*others, own]:  # Multiply by the shortest matrices first.
            matrix = (matrices if axis == own else margins)[axis][channel]
            shape = [1] * (rank + 2)
            shape[first + axis], shape[first + axis + 1] = matrix.shape
            products = table.unsqueeze(first + axis + 1) * matrix.view(shape)
            table = products.sum(first + axis)
        table = _stored(table)
        if not channels_first:
            table = table.movedim(-1, 0)
        for axis in others:
            if channels_last or axis < rank - 1:
                edges, outputs = operation.edges(axis), taps[axis].shape[1]
                table = table.index_select(1 + axis, _places(edges, outputs, table.device))
        # A compiler vectorizes the last axis of the output, and cannot vectorize looking up.
        (entries if channels_first or channels_last else rows).append(table)
    if rows:
        row = sum(rows[1:], rows[0])
        if len(rows) > 1:
            row = _stored(row.movedim(0, -1)).movedim(-1, 0)
        entries.append(_chosen(row, operation.edges(rank - 1), taps[-1].shape[1]))
    return sum(entries[1:], entries[0])


def _is_static(size: int) -> bool:
    """Whether a size is known, and not symbolic."""
    # Importing this takes long, but a compiler has imported it. torch 2.7, whose compiler does not
    # know this function, reports every compilation as an export, and does not get here.
    from torch.fx.experimental.symbolic_shapes import has_static_value

    return has_static_value(size)


def _stored(tensor: Tensor) -> Tensor:
    """Make a compiler store a tensor, instead of computing it again for each use."""
    tensor = tensor.contiguous()
    return tensor.as_strided(tensor.shape, tensor.stride())


def _margins(matrix: Tensor, edges: tuple[int, int]) -> Tensor:
    """Return the columns of the margins and of one pixel between them."""
    before, after = edges
    return torch.cat([matrix[..., : before + 1], matrix[..., matrix.shape[-1] - after :]], dim=-1)


def _places(edges: tuple[int, int], outputs: int, device: torch.device) -> Tensor:
    """Return the row of the table for each output pixel along an axis."""
    before, after = edges
    pixels = torch.arange(outputs, device=device)
    return pixels.clamp(max=before) + (pixels - (outputs - after - 1)).clamp(min=0)


def _chosen(table: Tensor, edges: tuple[int, int], outputs: int) -> Tensor:
    """Return the entry of the table for each output pixel along the last axis."""
    before, after = edges
    pixels = torch.arange(outputs, dtype=torch.int32, device=table.device)
    entries = table.unsqueeze(-1).unbind(-2)
    chosen = entries[before]
    for pixel in range(before):
        chosen = torch.where(pixels == pixel, entries[pixel], chosen)
    for pixel in range(after):
        entry = entries[before + 1 + pixel]
        chosen = torch.where(pixels == outputs - after + pixel, entry, chosen)
    return chosen
