"""Compute a layer as the plain operation on the data plus a term for the coordinates.

The term is computed once if it is the same for all samples. If the samples are different crops, it
is a weighted sum of a few terms that all samples share.
"""

import torch
from torch import Tensor

from coordconv.computation.adding import add, add_product
from coordconv.computation.geometry import grid_of, joint_taps_of
from coordconv.computation.kept import kept_for_weight, may_keep_for_weight
from coordconv.computation.memory_format import output_is_channels_last
from coordconv.computation.per_sample_terms import per_sample_term
from coordconv.computation.terms import (
    ProductTerm,
    pointwise_term,
    separable_term,
    written_out_term,
)
from coordconv.computation.torch_modes import is_traced, may_write_in_place, without_autocast
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["separate"]

Operation = Convolution | TransposedConvolution


def separate(
    operation: Operation,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    positions: Positions,
) -> Tensor:
    """Return ``operation(x, weight) + operation(coordinates, coord_weight)``."""
    data = operation(x, weight, bias, operation.groups)
    # An exported graph of two plain operations is easier to read and runs everywhere.
    if not (torch.compiler.is_exporting() or is_traced()):
        term = _kept_or_new_term(operation, x, data, coord_weight, positions)
        if isinstance(term, ProductTerm):
            return add_product(data, term, operation.rank)
        if term is not None:
            return add(data, term)
    return add(data, _convolved_term(operation, x, coord_weight, positions))


def _kept_or_new_term(
    operation: Operation, x: Tensor, data: Tensor, coord_weight: Tensor, positions: Positions
) -> ProductTerm | Tensor | None:
    """Return `_product_term`, which is kept between calls if that is possible."""

    def made(weight: Tensor) -> ProductTerm | Tensor | None:
        channels_last = output_is_channels_last(data, operation.rank)
        arguments = operation, x, data, weight, positions, channels_last
        return without_autocast(x.device.type, _product_term, *arguments)

    is_product = operation.is_pointwise or positions.are_separable
    if not (is_product and may_keep_for_weight(x, positions, coord_weight)):
        return made(coord_weight)
    size, convention = x.shape[x.dim() - operation.rank :], positions.convention
    # The strides say whether the channels are last.
    key = (operation.geometry, size, convention, positions.radius, data.stride())
    return kept_for_weight(key, coord_weight, made)


def _product_term(
    operation: Operation,
    x: Tensor,
    data: Tensor,
    coord_weight: Tensor,
    positions: Positions,
    channels_last: bool,
) -> ProductTerm | Tensor | None:
    """Return the coordinate term, or None if it must be computed by convolving the grid."""
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    if positions.window is not None and may_write_in_place():
        size, wide = x.shape[x.dim() - operation.rank :], coord_weight.to(working)
        term = per_sample_term(operation, data, wide, positions, size, channels_last=channels_last)
        if term is not None:
            return term
    weight = operation.outputs_first(coord_weight).to(working)
    if not operation.is_pointwise:
        if not positions.are_separable:
            return None
        taps = joint_taps_of(operation, x, weight.shape[2:], positions, working)
        return separable_term(weight, taps, channels_last=channels_last)
    if torch.compiler.is_compiling() and not torch.is_grad_enabled():
        # A compiler can compute the term inside the kernel that adds it, at almost no cost. With
        # gradients, the product is cheaper.
        channels = positions.channels(x, operation.rank, working)
        if channels[0].dim() == operation.rank:
            return written_out_term(weight, channels)
    grid = grid_of(x, operation.rank, positions, working)
    if grid.dim() > operation.rank + 1:
        return None
    return pointwise_term(weight, grid, channels_last=channels_last)


def _convolved_term(
    operation: Operation, x: Tensor, coord_weight: Tensor, positions: Positions
) -> Tensor:
    """Apply the operation to the coordinates, either once for all samples or for each sample."""
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    grid = grid_of(x, operation.rank, positions, working)
    if grid.dim() == operation.rank + 1:
        grid = grid.unsqueeze(0)
    if torch.compiler.is_compiling():
        # Copy the grid by splitting and concatenating it. With symbolic sizes, Inductor (2.13)
        # cannot save a view, or the grids of windows, for the backward pass of the convolution.
        grid = torch.cat(grid.split(1, dim=1), dim=1)
    return operation(grid.to(coord_weight.dtype), operation.full_size(coord_weight), None, 1)
