"""Compute a layer as the plain operation on the data plus a term for the coordinates.

The term is computed once if it is the same for all samples. If the samples are different crops, it
is a weighted sum of a few terms that all samples share.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from coordconv.computation.adding import add, add_product
from coordconv.computation.geometry import grid_of, joint_taps_of
from coordconv.computation.kept import MAX_BYTES_EACH, found_for_weight, kept_for_weight
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

__all__ = ["repeated", "separate"]

Operation = Convolution | TransposedConvolution


@dataclass(frozen=True)
class _KeptTerm:
    """The coordinate term of a call, which is kept for calls with the same sizes and options.

    Attributes:
        term: The term, shape (out, *outputs), or its factors if the term is large.
        operation: The plain operation.
        stride: The strides of its output.
        dtype: The dtype of its output.
    """

    term: ProductTerm | Tensor
    operation: Operation
    stride: tuple[int, ...]
    dtype: torch.dtype

    def fits(self, data: Tensor) -> bool:
        """Whether the term has the dtype and memory format of an output."""
        return data.stride() == self.stride and data.dtype == self.dtype


def repeated(
    key: Hashable | None, x: Tensor, weight: Tensor, coord_weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """Return the output of `separate` if an earlier call with this key kept its term, else None."""
    known: _KeptTerm | None = None if key is None else found_for_weight(key, coord_weight)
    if known is None:
        return None
    data = known.operation(x, weight, bias, known.operation.groups)
    if not known.fits(data):
        return None
    if isinstance(known.term, Tensor):
        return data.add_(known.term)
    return add_product(data, known.term, known.operation.rank)


def separate(
    operation: Operation,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    positions: Positions,
    key: Hashable | None = None,
) -> Tensor:
    """Return ``operation(x, weight) + operation(coordinates, coord_weight)``.

    Args:
        operation: The plain operation.
        x: The data.
        weight: The weights for the data.
        coord_weight: The weights for the coordinates.
        bias: The bias, or None.
        positions: The coordinates.
        key: Determines the coordinate term, together with ``coord_weight``. The term is then kept
            for `repeated`. None if it must not be kept.
    """
    data = operation(x, weight, bias, operation.groups)
    if key is None:
        term = _term(operation, x, data, coord_weight, positions)
    else:
        term = _kept_term(operation, x, data, coord_weight, positions, key)
    if isinstance(term, ProductTerm):
        return add_product(data, term, operation.rank)
    return add(data, term)


def _kept_term(
    operation: Operation,
    x: Tensor,
    data: Tensor,
    coord_weight: Tensor,
    positions: Positions,
    key: Hashable,
) -> ProductTerm | Tensor:
    """Return the term of `_term`, multiplied if it is small enough, and keep it."""

    def made(weight: Tensor) -> _KeptTerm:
        term = _term(operation, x, data, weight, positions)
        if isinstance(term, ProductTerm):
            if math.prod(term.layout.shape) * data.itemsize <= MAX_BYTES_EACH:
                term = without_autocast(x.device.type, term.product).to(data.dtype)
        elif term.dim() > operation.rank + 1:
            term = term.squeeze(0)
        return _KeptTerm(term, operation, data.stride(), data.dtype)

    known = kept_for_weight(key, coord_weight, made)
    return (known if known.fits(data) else made(coord_weight)).term


def _term(
    operation: Operation, x: Tensor, data: Tensor, coord_weight: Tensor, positions: Positions
) -> ProductTerm | Tensor:
    """Return the coordinate term of the output ``data``, or its factors."""
    # An exported graph of two plain operations is easier to read and runs everywhere.
    if not (torch.compiler.is_exporting() or is_traced()):
        channels_last = output_is_channels_last(data, operation.rank)
        arguments = operation, x, data, coord_weight, positions, channels_last
        term = without_autocast(x.device.type, _product_term, *arguments)
        if term is not None:
            return term
    return _convolved_term(operation, x, coord_weight, positions)


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
