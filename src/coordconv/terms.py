"""The coordinates' share of a convolution, as a product of small matrices.

The share of a 1x1 kernel is the product of its weights and the grid. For larger kernels, each
coordinate channel without the radius is an outer product: the positions along its own axis, ones
along all others, zeros or copies in the margins. A convolution of an outer product is the outer
product of 1-D convolutions, so that k^2 products a pixel become 2 k, and the picture of coordinates
is never built. Written with taps[c, t, u], what channel c holds along one axis under tap u of the
kernel when it computes output pixel t::

    term[o, i, j] = sum over c, u, v of weight[o, c, u, v] rows[c, i, u] columns[c, j, v]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["MatrixLayout", "ProductTerm", "pointwise_term", "separable_term", "written_out_term"]


@dataclass(frozen=True)
class MatrixLayout:
    """How a picture, shape (out, *outputs), lies in memory, and as what matrix a product sees it.

    Attributes:
        shape: That of the picture in memory: (out, *outputs), or (*outputs, out).
        matrix: Shape (m, n), or (batch, m, n).
        channels_last: The picture has its channels last in memory.
    """

    shape: tuple[int, ...]
    matrix: tuple[int, ...]
    channels_last: bool

    def as_picture(self, matrix: Tensor) -> Tensor:
        """Return a matrix as a picture."""
        picture = matrix.view(self.shape)
        return picture.movedim(-1, 0) if self.channels_last else picture

    def as_matrix(self, picture: Tensor) -> Tensor:
        """Return a picture, or a batch of one, as a matrix: a view where it lies in memory so."""
        picture = picture if picture.dim() == len(self.shape) else picture.squeeze(0)
        picture = picture.movedim(0, -1) if self.channels_last else picture
        return picture.reshape(self.matrix)


@dataclass(frozen=True)
class ProductTerm:
    """The term of one picture as a product ``left @ right`` that is not yet multiplied.

    Attributes:
        left: Shape (m, k), or (batch, m, k).
        right: Shape (k, n), or (batch, k, n).
        layout: How the product is seen as a picture.
    """

    left: Tensor
    right: Tensor
    layout: MatrixLayout

    @classmethod
    def of(
        cls, left: Tensor, right: Tensor, shape: tuple[int, ...], *, channels_last: bool
    ) -> "ProductTerm":
        """Return the product of two matrices whose elements lie in memory as ``shape`` says."""
        matrix = (*left.shape[:-1], right.shape[-1])
        return cls(left, right, MatrixLayout(shape, matrix, channels_last))

    def product(self) -> Tensor:
        """Return the term, shape (out, *outputs)."""
        return self.layout.as_picture(torch.matmul(self.left, self.right))

    def add_to(self, picture: Tensor) -> None:
        """Add the term to one picture, or a batch of one, in place and without building it."""
        matrix = self.layout.as_matrix(picture)
        if matrix.dim() == 2:
            matrix.addmm_(self.left, self.right)
        else:
            matrix.baddbmm_(self.left, self.right)


def pointwise_term(weight: Tensor, grid: Tensor, *, channels_last: bool) -> ProductTerm:
    """Return the term of a kernel with one tap, for any grid.

    Args:
        weight: Shape (out, d, 1, ...).
        grid: Shape (d, *size).
        channels_last: How the output that the term is added to lies in memory.
    """
    outputs, size = weight.shape[0], grid.shape[1:]
    weight, grid = weight.flatten(1), grid.flatten(1)
    if channels_last:
        # Contiguous, so that its gradient is one quick product and not its slow transpose.
        return ProductTerm.of(
            grid.t(), weight.t().contiguous(), (*size, outputs), channels_last=True
        )
    return ProductTerm.of(weight, grid, (outputs, *size), channels_last=False)


def written_out_term(weight: Tensor, channels: Sequence[Tensor]) -> Tensor:
    """Return the term of a kernel with one tap so that a compiler can compute it where it is added.

    Args:
        weight: Shape (out, d, 1, ...).
        channels: The d channels of the grid, each of shape (*size), repeated by striding alone.
    """
    weights = weight.unbind(1)
    term = weights[0] * channels[0]
    for one_weight, channel in zip(weights[1:], channels[1:], strict=True):
        term = term + one_weight * channel
    return term


def separable_term(weight: Tensor, taps: Sequence[Tensor], *, channels_last: bool) -> ProductTerm:
    """Return the term of any kernel, for coordinates that each depend on one axis.

    Args:
        weight: Shape (out, c, *kernel), one channel per axis.
        taps: For every axis, shape (c, outputs, kernel).
        channels_last: How the output that the term is added to lies in memory.
    """
    out, channels, *_, last = weight.shape
    outputs = tuple(axis.shape[1] for axis in taps)
    # All axes but the last, p pixels with u taps: (p, cu).
    rows = _joint_taps(taps[:-1], weight).movedim(0, 1).flatten(1)
    columns = taps[-1].movedim(0, 1).flatten(1)  # (j, cv)
    # A channel meets its own rows only: [o, c, c', u, v] is 0 unless c is c'.
    weight = weight.reshape(out, channels, 1, -1, last)
    same = torch.eye(channels, dtype=weight.dtype, device=weight.device)
    weight = weight * same.view(channels, channels, 1, 1)
    if channels_last:
        weight = weight.permute(2, 3, 1, 4, 0).reshape(rows.shape[1], -1)  # (c'u, cvo)
        right = torch.mm(rows, weight).view(-1, columns.shape[1], out)  # (p, cv, o)
        # Contiguous: torch would split a batched product of other operands into single ones.
        left = columns.contiguous().expand(right.shape[0], -1, -1)
        return ProductTerm.of(left, right, (*outputs, out), channels_last=True)
    weight = weight.permute(0, 1, 4, 2, 3).reshape(-1, rows.shape[1])  # (ocv, c'u)
    left = torch.mm(weight, rows.t()).view(out, columns.shape[1], -1).transpose(1, 2)  # (o, p, cv)
    return ProductTerm.of(
        left, columns.t().expand(out, -1, -1), (out, *outputs), channels_last=False
    )


def _joint_taps(taps: Sequence[Tensor], like: Tensor) -> Tensor:
    """Return what all taps of several axes together see, (c, outputs, taps); of none, ones."""
    if not taps:
        return like.new_ones(like.shape[1], 1, 1)
    joint = taps[0]
    for axis in taps[1:]:
        joint = joint[:, :, None, :, None] * axis[:, None, :, None, :]
        joint = joint.flatten(3, 4).flatten(1, 2)
    return joint
