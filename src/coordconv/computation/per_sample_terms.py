"""The coordinate term of crops, if each sample has its own position.

The coordinate term is the convolution of the coordinates, which is added to the convolution of the
data. Along its axis, each coordinate of sample n changes linearly from first[n] to last[n]. So the
coordinate is a weighted sum of two images that all samples share: one that falls from 1 to 0, and
one that rises from 0 to 1. Let ``falling`` and ``rising`` be the outputs of the layer for these two
images. The term is the sum of these outputs with the same weights::

    term[n] = sum over axes of first[n] falling + last[n] rising

This is a product of small matrices, for every kernel, stride and padding.
"""

import torch
from torch import Tensor

from coordconv.computation.terms import MatrixLayout, ProductTerm, separable_images
from coordconv.grids import axis_positions
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["per_sample_term"]


def per_sample_term(
    operation: Convolution | TransposedConvolution,
    data: Tensor,
    coord_weight: Tensor,
    positions: Positions,
    size: torch.Size,
    *,
    channels_last: bool,
) -> ProductTerm | None:
    """Return the term of a batch as a product, or None if that is impossible or not worthwhile.

    Args:
        operation: The operation of the layer.
        data: The layer's output for the data, shape (N, out, *outputs).
        coord_weight: The coordinate weights of the layer, in the type used for the computation.
        positions: The positions of the input.
        size: Spatial size of the input.
        channels_last: The memory format of ``data``.
    """
    rank = operation.rank
    # If there are more shared images than samples, computing one image per sample is less work.
    if data.dim() != rank + 2 or data.shape[0] <= 2 * rank or not positions.may_run_along_axes:
        return None
    axes = axis_positions(
        size, positions.convention, positions.window, coord_weight.dtype, data.device
    )
    rows = [axis.position for axis in axes if axis.position.dim() == 2]
    if (
        not rows
        or any(axis.along is None for axis in axes)
        or any(row.shape[0] != data.shape[0] for row in rows)
        or 0 in size
    ):
        return None
    if positions.convention.order == "xy":
        axes.reverse()
    ends = [axis.position[..., [0, -1]].expand(data.shape[0], 2) for axis in axes]
    weight = operation.outputs_first(coord_weight).movedim(1, 0).repeat_interleave(2, dim=0)
    taps: dict[int, Tensor] = {}
    for channel, axis in enumerate(axes):
        assert axis.along is not None
        images = coord_weight.new_ones(2 * rank, size[axis.along])
        _fill(images[2 * channel : 2 * channel + 2])
        taps[axis.along] = operation.taps(images, axis.along, weight.shape[2:])
    outputs = separable_images(
        weight, [taps[along] for along in range(rank)], channels_last=channels_last
    )
    shape = (data.shape[0], *outputs.shape[1:])
    outputs = outputs.reshape(2 * rank, -1)
    layout = MatrixLayout(shape, (shape[0], outputs.shape[1]), channels_last, channel_axis=1)
    return ProductTerm(torch.cat(ends, dim=1), outputs, layout)


def _fill(pair: Tensor) -> None:
    """Fill a tensor of shape (2, length) with a row that falls from 1 to 0, and one that rises."""
    length = pair.shape[1]
    rising = torch.arange(length, dtype=pair.dtype, device=pair.device) / max(length - 1, 1)
    pair[0] = 1 - rising
    pair[1] = rising
