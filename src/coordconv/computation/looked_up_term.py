"""The coordinate term of a compiled layer, in a form that is fused with the addition.

The coordinate of an axis changes the term along this axis only, except in the margins of the other
axes, where fewer taps of the kernel are inside the image. So the term of one coordinate is stored
for each output pixel along its own axis, but only for the margins and one pixel between them along
the other axes. The compiler adds the entries of these small tables inside the kernel that uses the
output, and never stores the term.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from coordconv.operations import Convolution

__all__ = ["looked_up_term", "may_look_up"]

_MOST_CHOICES = 8


def may_look_up(operation: Convolution, outputs: Sequence[int], *, channels_last: bool) -> bool:
    """Whether `looked_up_term` is possible, and efficient for this memory format.

    The sizes must be known, because the graph of symbolic sizes would be limited to sizes with a
    pixel between the margins of each axis.
    """
    # Importing this takes long, but a compiler has imported it. torch 2.7, whose compiler does not
    # know this function, reports every compilation as an export, and does not get here.
    from torch.fx.experimental.symbolic_shapes import has_static_value

    edges = [sum(operation.edges(axis)) for axis in range(operation.rank)]
    if not channels_last and edges[-1] > _MOST_CHOICES:
        return False
    return all(
        has_static_value(size) and size > edge for size, edge in zip(outputs, edges, strict=True)
    )


def looked_up_term(
    operation: Convolution,
    weight: Tensor,
    taps: Sequence[Tensor],
    own_axes: Sequence[int],
    *,
    channels_last: bool,
) -> Tensor:
    """Return the term of coordinates that depend on one axis each.

    Args:
        operation: The operation. `may_look_up` must be True for it.
        weight: The coordinate weights, shape (out, c, *kernel).
        taps: The coordinates at the kernel taps of each axis, shape (c, outputs, taps).
        own_axes: For each coordinate, the axis that it depends on.
        channels_last: Whether the channels should be last in memory.

    Returns:
        Shape (out, *outputs).
    """
    rank = len(taps)
    # Concatenating makes a compiler copy the weights, so that they have the order of the output.
    first = 0 if channels_last else 1
    place = -1 if channels_last else 1
    tables = torch.cat([one.movedim(0, place) for one in weight.split(1, dim=1)])
    term: Tensor | None = None
    for channel, own in enumerate(own_axes):
        table = tables[channel]  # (*kernel, out) or (out, *kernel)
        others = [axis for axis in range(rank) if axis != own]
        for axis in [*others, own]:  # Multiply by the shortest matrices first.
            matrix = taps[axis][channel]
            if axis != own:
                before, after = operation.edges(axis)
                matrix = torch.cat([matrix[: before + 1], matrix[matrix.shape[0] - after :]])
            shape = [1] * (rank + 2)
            shape[first + axis], shape[first + axis + 1] = matrix.shape
            table = (table.unsqueeze(first + axis) * matrix.view(shape)).sum(first + axis + 1)
        for axis in others:
            edges, outputs = operation.edges(axis), taps[axis].shape[1]
            if channels_last or axis < rank - 1:
                table = table.index_select(first + axis, _places(edges, outputs, table.device))
            else:  # The compiler vectorizes this axis, and cannot vectorize looking up.
                table = _chosen(table, edges, outputs)
        term = table if term is None else term + table
    assert term is not None
    return term.movedim(-1, 0) if channels_last else term


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
