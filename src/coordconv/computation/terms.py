"""The coordinate term of a convolution, as a product of small matrices.

The coordinate term is the convolution of the coordinates, which is added to the convolution of the
data. For a pointwise kernel, it is the product of the weights and the grid. For larger kernels,
each coordinate channel except the radius is an outer product of vectors: positions along its own
axis and ones along the other axes, with zeros or copies in the margins. The convolution of an outer
product is the outer product of 1-D convolutions. So a k x k kernel takes 2 k products per pixel
instead of k^2, and the grid is not built.

For an image, channel c has a vector along the rows and a vector along the columns. Let
rows[c, i, u] be the entry of the first vector that kernel tap u reads for output row i. Let
columns[c, j, v] be the entry of the second vector that kernel tap v reads for output column j.
Then::

    term[o, i, j] = sum over c, u, v of weight[o, c, u, v] rows[c, i, u] columns[c, j, v]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from coordconv.computation.geometry import JointTaps, outer_taps

__all__ = [
    "MatrixLayout",
    "ProductTerm",
    "pointwise_term",
    "separable_images",
    "separable_term",
    "written_out_term",
]


@dataclass(frozen=True)
class MatrixLayout:
    """The memory layout of an image of shape (out, *outputs), and its shape as a matrix.

    Attributes:
        shape: The shape in memory order: (out, *outputs), or (*outputs, out).
        matrix: The shape as a matrix: (m, n), or (batch, m, n).
        channels_last: Whether the channels are last in memory.
        channel_axis: Axis of the channels: 0 for one image, 1 for a batch of images.
    """

    shape: tuple[int, ...]
    matrix: tuple[int, ...]
    channels_last: bool
    channel_axis: int = 0

    def as_image(self, matrix: Tensor) -> Tensor:
        """Return a matrix as an image, or as a batch of images."""
        image = matrix.view(self.shape)
        return image.movedim(-1, self.channel_axis) if self.channels_last else image

    def as_matrix(self, image: Tensor) -> Tensor:
        """Return an image, or a batch of one, as a matrix, which is a view if possible."""
        image = image if image.dim() == len(self.shape) else image.squeeze(0)
        image = image.movedim(self.channel_axis, -1) if self.channels_last else image
        return image.reshape(self.matrix)


@dataclass(frozen=True)
class ProductTerm:
    """A coordinate term as a product ``left @ right`` that is not multiplied yet.

    Attributes:
        left: Shape (m, k), or (batch, m, k).
        right: Shape (k, n), or (batch, k, n).
        layout: How the product is converted to an image.
    """

    left: Tensor
    right: Tensor
    layout: MatrixLayout

    @classmethod
    def of(
        cls, left: Tensor, right: Tensor, shape: tuple[int, ...], *, channels_last: bool
    ) -> "ProductTerm":
        """Return the term ``left @ right``, an image with ``shape`` in memory order."""
        matrix = (*left.shape[:-1], right.shape[-1])
        return cls(left, right, MatrixLayout(shape, matrix, channels_last))

    def product(self) -> Tensor:
        """Return the term, shape (out, *outputs)."""
        return self.layout.as_image(torch.matmul(self.left, self.right))

    def add_to(self, image: Tensor) -> None:
        """Add the term to one image, or a batch of one, in place, without storing the term.

        The image must be dense in memory, in the order of the layout.
        """
        shape = self.layout.matrix
        if type(image) is not Tensor:  # DTensor has no as_strided.
            matrix = self.layout.as_matrix(image)
        elif len(shape) == 2:
            matrix = image.as_strided(shape, (shape[1], 1))
        else:
            matrix = image.as_strided(shape, (shape[1] * shape[2], shape[2], 1))
        if len(shape) == 2:
            matrix.addmm_(self.left, self.right)
        else:
            matrix.baddbmm_(self.left, self.right)


def pointwise_term(weight: Tensor, grid: Tensor, *, channels_last: bool) -> ProductTerm:
    """Return the term of a pointwise kernel, for any grid.

    Args:
        weight: Shape (out, d, 1, ...).
        grid: Shape (d, *size).
        channels_last: Whether the output that the term is added to is channels last.
    """
    outputs, size = weight.shape[0], grid.shape[1:]
    weight, grid = weight.flatten(1), grid.flatten(1)
    if channels_last:
        # Make the weight contiguous, to avoid a slow transposed product for its gradient.
        return ProductTerm.of(
            grid.t(), weight.t().contiguous(), (*size, outputs), channels_last=True
        )
    return ProductTerm.of(weight, grid, (outputs, *size), channels_last=False)


def written_out_term(weight: Tensor, channels: Sequence[Tensor]) -> Tensor:
    """Return the term of a pointwise kernel, in a form that a compiler can fuse with the addition.

    Args:
        weight: Shape (out, d, 1, ...).
        channels: The d channels of the grid, each of shape (*size), expanded but not copied.
    """
    weights = weight.unbind(1)
    term = weights[0] * channels[0]
    for one_weight, channel in zip(weights[1:], channels[1:], strict=True):
        term = term + one_weight * channel
    return term


def separable_term(weight: Tensor, taps: JointTaps, *, channels_last: bool) -> ProductTerm:
    """Return the term of any kernel, if each coordinate depends on one axis only.

    Args:
        weight: Shape (out, c, *kernel), one channel per axis.
        taps: The coordinates at the kernel taps.
        channels_last: Whether the output that the term is added to is channels last.
    """
    out, channels, *_, last = weight.shape
    rows, columns = taps.rows, taps.columns
    # A channel only uses its own rows: [o, c, c', u, v] is 0 unless c is c'.
    weight = weight.reshape(out, channels, 1, -1, last) * taps.same_channel
    if channels_last:
        weight = weight.permute(2, 3, 1, 4, 0).reshape(rows.shape[1], -1)  # (c'u, cvo)
        right = torch.mm(rows, weight).view(-1, columns.shape[1], out)  # (p, cv, o)
        left = columns.expand(right.shape[0], -1, -1)
        return ProductTerm.of(left, right, (*taps.outputs, out), channels_last=True)
    weight = weight.permute(0, 1, 4, 2, 3).reshape(-1, rows.shape[1])  # (ocv, c'u)
    left = torch.mm(weight, rows.t()).view(out, columns.shape[1], -1).transpose(1, 2)  # (o, p, cv)
    return ProductTerm.of(
        left, columns.t().expand(out, -1, -1), (out, *taps.outputs), channels_last=False
    )


def separable_images(weight: Tensor, taps: Sequence[Tensor], *, channels_last: bool) -> Tensor:
    """Return the outputs for several images of one channel, each with its own kernel of any size.

    Args:
        weight: Shape (images, out, *kernel).
        taps: For every axis, shape (images, outputs, kernel).
        channels_last: Whether the channels should be last in memory.

    Returns:
        Shape (images, out, *outputs), or (images, *outputs, out) if the channels are last.
    """
    images, out, *_, last = weight.shape
    outputs = tuple(axis.shape[1] for axis in taps)
    rows, columns = outer_taps(taps[:-1], taps[-1]), taps[-1]
    weight = weight.reshape(images, out, -1, last)
    if channels_last:
        weight = weight.movedim(1, -1).flatten(2)  # (i, u, vo)
        halves = torch.bmm(rows, weight).view(-1, last, out)  # (ip, v, o)
        columns = columns[:, None].expand(-1, rows.shape[1], -1, -1).flatten(0, 1)
        return torch.bmm(columns, halves).view(images, *outputs, out)
    weight = weight.transpose(2, 3).flatten(1, 2)  # (i, ov, u)
    halves = torch.bmm(weight, rows.mT).view(images, out, last, -1).mT.flatten(1, 2)  # (i, op, v)
    return torch.bmm(halves, columns.mT).view(images, out, *outputs)
