"""Compute a layer as the plain operation on the data plus a term for the coordinates.

The term is computed once if it is the same for all samples. If the samples are different crops, it
is a weighted sum of a few terms that all samples share.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from coordconv.computation.adding import (
    add,
    add_product,
    add_with_gradients,
    may_add_with_gradients,
)
from coordconv.computation.compiled_terms import compiled_term
from coordconv.computation.geometry import FactoredTaps, grid_of, joint_taps_of
from coordconv.computation.kept import (
    MAX_BYTES_EACH,
    found,
    found_for_weight,
    has_gradients,
    keep,
    kept_for_weight,
)
from coordconv.computation.memory_format import output_is_channels_last
from coordconv.computation.per_sample_terms import per_sample_term
from coordconv.computation.terms import (
    LINEAR_TERMS,
    FactoredTerm,
    LinearTerm,
    PointwiseTerm,
    ProductTerm,
    SeparableTerm,
)
from coordconv.computation.torch_modes import is_traced, may_write_in_place, without_autocast
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["repeated", "separate"]

Operation = Convolution | TransposedConvolution


@dataclass(frozen=True)
class _Known:
    """The kept part of a call, for calls with the same sizes and options.

    Attributes:
        term: The coordinate term, shape (out, *outputs), or its factors if the term is large. For
            calls with gradients, the term as a function of the coordinate weights.
        operation: The plain operation.
        stride: The strides of its output.
        dtype: The dtype of its output.
        kind: The type of its output.
    """

    term: Tensor | ProductTerm | LinearTerm
    operation: Operation
    stride: tuple[int, ...]
    dtype: torch.dtype
    kind: type[Tensor]

    @classmethod
    def of(
        cls, term: Tensor | ProductTerm | LinearTerm, operation: Operation, data: Tensor
    ) -> "_Known":
        """Return the part to keep of a call with this output of the plain operation."""
        return cls(term, operation, data.stride(), data.dtype, type(data))

    def fits(self, data: Tensor) -> bool:
        """Whether an output is like the one of the call that kept the term."""
        return data.stride() == self.stride and data.dtype == self.dtype and type(data) is self.kind


def repeated(
    key: Hashable | None, x: Tensor, weight: Tensor, coord_weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """Return the output of `separate` if an earlier call with this key kept its term, else None."""
    if key is None:
        return None
    known: _Known | None
    if has_gradients(coord_weight):
        known = found(_with_gradients(key, coord_weight))
    else:
        known = found_for_weight(key, coord_weight)
    if known is None:
        return None
    data = known.operation(x, weight, bias, known.operation.groups)
    if not known.fits(data):
        return None
    if isinstance(known.term, Tensor):
        return data.add_(known.term)
    if isinstance(known.term, LINEAR_TERMS):
        return add_with_gradients(data, known.operation.outputs_first(coord_weight), known.term)
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
    if key is not None and not has_gradients(coord_weight):
        term = _kept_term(operation, x, data, coord_weight, positions, key)
    else:
        term = _term(operation, x, data, coord_weight, positions)
    if isinstance(term, LINEAR_TERMS):
        first = operation.outputs_first(coord_weight)
        if may_add_with_gradients(data, first, term):
            if key is not None:
                keep(_with_gradients(key, coord_weight), _Known.of(term, operation, data))
            given = () if positions.coordinates is None else term.coordinates
            return add_with_gradients(data, first, term, given)
        term = _product(operation, x, term, coord_weight)
    if isinstance(term, ProductTerm):
        return add_product(data, term, operation.rank)
    return add(data, term)


def _with_gradients(key: Hashable, coord_weight: Tensor) -> Hashable:
    """Return the key of what is kept for calls with gradients, which does not depend on weights."""
    return key, coord_weight.shape, coord_weight.dtype


def _kept_term(
    operation: Operation,
    x: Tensor,
    data: Tensor,
    coord_weight: Tensor,
    positions: Positions,
    key: Hashable,
) -> LinearTerm | ProductTerm | Tensor:
    """Return the term of `_term`, multiplied if it is small enough, and keep it."""

    def made(weight: Tensor) -> _Known:
        term = _term(operation, x, data, weight, positions)
        if isinstance(term, LINEAR_TERMS):
            term = _product(operation, x, term, weight)
        if isinstance(term, ProductTerm):
            if math.prod(term.layout.shape) * data.itemsize <= MAX_BYTES_EACH:
                term = without_autocast(x.device.type, term.product).to(data.dtype)
        elif term.dim() > operation.rank + 1:
            term = term.squeeze(0)
        return _Known.of(term, operation, data)

    known = kept_for_weight(key, coord_weight, made)
    return (known if known.fits(data) else made(coord_weight)).term


def _product(
    operation: Operation, x: Tensor, term: LinearTerm, coord_weight: Tensor
) -> ProductTerm:
    """Return the term of these coordinate weights as a product, in the dtype of the term."""

    def product() -> ProductTerm:
        return term.of(operation.outputs_first(coord_weight).to(term.coordinates[0].dtype))

    return without_autocast(x.device.type, product)


def _term(
    operation: Operation, x: Tensor, data: Tensor, coord_weight: Tensor, positions: Positions
) -> LinearTerm | ProductTerm | Tensor:
    """Return the coordinate term of the output ``data``, if possible as a linear function."""
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
) -> LinearTerm | ProductTerm | Tensor | None:
    """Return the coordinate term, or None if it must be computed by convolving the grid."""
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    if positions.window is not None and may_write_in_place():
        size, wide = x.shape[x.dim() - operation.rank :], coord_weight.to(working)
        term = per_sample_term(operation, data, wide, positions, size, channels_last=channels_last)
        if term is not None:
            return term
    if torch.compiler.is_compiling() and not torch.is_grad_enabled():
        # A compiler can compute the term inside the kernel that adds it, at almost no cost. With
        # gradients, the product is cheaper.
        wide = coord_weight.to(working)
        fused = compiled_term(operation, x, data, wide, positions, channels_last=channels_last)
        if fused is not None:
            return fused
    outputs = data.shape[data.dim() - operation.rank - 1]
    if not operation.is_pointwise:
        if not positions.are_separable:
            return None
        kernel = coord_weight.shape[2:]
        taps = joint_taps_of(operation, x, kernel, positions, working, channels_last=channels_last)
        if isinstance(taps, FactoredTaps):
            return FactoredTerm(taps, outputs)
        return SeparableTerm(taps, outputs)
    grid = grid_of(x, operation.rank, positions, working)
    if grid.dim() > operation.rank + 1:
        return None
    return PointwiseTerm(grid, outputs, channels_last=channels_last)


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
