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

If the coordinates at the taps are kept between calls, they are factored once, so that the products
are smaller. Outside the margins, all taps of a coordinate are on lines, so two columns replace
those of all taps; see `FactoredTaps`.

The gradient of the weights is computed from the same vectors. The axis that is farthest apart in
memory, apart from the channels, is summed first, since such a product of matrices is the fastest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from coordconv.computation.geometry import FactoredTaps, JointTaps, outer_taps

__all__ = [
    "LINEAR_TERMS",
    "FactoredTerm",
    "LinearTerm",
    "MatrixLayout",
    "PointwiseTerm",
    "ProductTerm",
    "SeparableTerm",
    "separable_images",
]

_SIZE_FOR_PARTS = 2**16  # numbers in the output of one image


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

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """The strides of the matrix in an image without gaps."""
        return _strides_of(self.matrix)

    @cached_property
    def _image_strides(self) -> tuple[int, ...]:
        """The strides of an image of shape (out, *outputs) without gaps."""
        strides = _strides_of(self.shape)
        return (strides[-1], *strides[:-1]) if self.channels_last else strides

    def is_dense(self, image: Tensor) -> bool:
        """Whether an output of the layer has this layout without gaps."""
        # The layout has the channels last only if the output has.
        return self.channels_last or image.is_contiguous()

    def as_image(self, matrix: Tensor) -> Tensor:
        """Return a matrix as an image, or as a batch of images."""
        image = matrix.view(self.shape)
        return image.movedim(-1, self.channel_axis) if self.channels_last else image

    def as_matrix(self, image: Tensor) -> Tensor:
        """Return an image, or a batch of one, as a matrix, which is a view if possible."""
        is_plain = type(image) is Tensor and self.channel_axis == 0  # DTensor has no as_strided.
        if is_plain and image.stride()[-len(self.shape) :] == self._image_strides:
            return image.as_strided(self.matrix, self.strides)
        image = image if image.dim() == len(self.shape) else image.squeeze(0)
        image = image.movedim(self.channel_axis, -1) if self.channels_last else image
        return image.reshape(self.matrix)


def _strides_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*(math.prod(shape[axis + 1 :]) for axis in range(len(shape))),)


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

    def product(self) -> Tensor:
        """Return the term, shape (out, *outputs)."""
        return self.layout.as_image(torch.matmul(self.left, self.right))

    def add_to(self, image: Tensor) -> None:
        """Add the term to one image, or a batch of one, in place, without storing the term.

        The image must be dense in memory, in the order of the layout.
        """
        layout = self.layout
        if type(image) is Tensor:
            matrix = image.as_strided(layout.matrix, layout.strides)
        else:  # DTensor has no as_strided.
            matrix = layout.as_matrix(image)
        if len(layout.matrix) == 2:
            matrix.addmm_(self.left, self.right)
        else:
            matrix.baddbmm_(self.left, self.right)


class PointwiseTerm:
    """The term of a pointwise kernel, for any grid, as a linear function of the weights."""

    layout: MatrixLayout

    def __init__(self, grid: Tensor, outputs: int, *, channels_last: bool) -> None:
        """Keep the grid.

        Args:
            grid: Shape (d, *size).
            outputs: Number of output channels.
            channels_last: Whether the output that the term is added to is channels last.
        """
        size = grid.shape[1:]
        self.grid: Tensor = grid.flatten(1)
        pixels = self.grid.shape[1]
        # MKL uses a single thread for a product with few rows, but several for several products.
        parts = math.gcd(pixels, 16) if pixels * outputs >= _SIZE_FOR_PARTS else 1
        self._parts: Tensor | None = None
        if channels_last:
            if parts > 1:
                self._parts = self.grid.view(len(grid), parts, -1).transpose(0, 1)
            self.layout = MatrixLayout((*size, outputs), (pixels, outputs), channels_last=True)
        else:
            self.layout = MatrixLayout((outputs, *size), (outputs, pixels), channels_last=False)

    @property
    def coordinates(self) -> tuple[Tensor, ...]:
        """The coordinates, as one or two matrices."""
        return (self.grid,)

    def of(self, weight: Tensor) -> ProductTerm:
        """Return the term for coordinate weights of shape (out, c, *kernel)."""
        weight = weight.flatten(1)
        if self.layout.channels_last:
            # Make the weight contiguous, to avoid a slow transposed product for its gradient.
            return ProductTerm(self.grid.t(), weight.t().contiguous(), self.layout)
        return ProductTerm(weight, self.grid, self.layout)

    def weight_gradient(self, image: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the weights, with ``shape``, from that of one image."""
        matrix = self.layout.as_matrix(image)
        if not self.layout.channels_last:
            return (matrix @ self.grid.t()).view(shape)
        if self._parts is None:
            return (self.grid @ matrix).t().reshape(shape)
        products = torch.bmm(self._parts, matrix.view(self._parts.shape[0], -1, matrix.shape[1]))
        return products.sum(0).t().reshape(shape)


class SeparableTerm:
    """The term of any kernel, if each coordinate depends on one axis only.

    It is a linear function of the weights.
    """

    layout: MatrixLayout

    def __init__(self, taps: JointTaps, outputs: int) -> None:
        """Keep the coordinates at the kernel taps.

        Args:
            taps: The coordinates at the kernel taps.
            outputs: Number of output channels.
        """
        self.taps: JointTaps = taps
        self.layout = _layout_of(taps, outputs)

    @property
    def coordinates(self) -> tuple[Tensor, ...]:
        """The coordinates, as one or two matrices."""
        return self.taps.one, self.taps.others

    def of(self, weight: Tensor) -> ProductTerm:
        """Return the term for coordinate weights of shape (out, c, *kernel)."""
        out, channels = weight.shape[:2]
        one, others, same = self.taps.one, self.taps.others, self.taps.same_channel
        # A channel only uses its own taps of both matrices: [c', c] is 0 unless c' is c.
        if self.taps.channels_last:
            weight = weight.reshape(out, channels, 1, -1, weight.shape[-1])
            weight = weight * same[:, :, None, None]  # (o, c, c', v, u)
            weight = weight.permute(2, 3, 1, 4, 0).reshape(others.shape[1], -1)  # (c'v, cuo)
            right = torch.mm(others, weight).view(-1, one.shape[1], out)  # (j, cu, o)
        else:
            weight = weight.reshape(out, channels, one.shape[1] // channels, 1, -1)
            weight = weight * same[:, None, :, None]  # (o, c, u, c', v)
            weight = weight.reshape(-1, others.shape[1])  # (ocu, c'v)
            right = torch.mm(weight, others.t()).view(out, one.shape[1], -1)  # (o, cu, j)
        return ProductTerm(one.expand(right.shape[0], -1, -1), right, self.layout)

    def weight_gradient(self, image: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the weights, with ``shape``, from that of one image."""
        out, channels = shape[:2]
        one, others = self.taps.one, self.taps.others
        matrix = self.layout.as_matrix(image)
        half = torch.bmm(one.t().expand(matrix.shape[0], -1, -1), matrix)
        if self.taps.channels_last:
            whole = torch.mm(others.t(), half.view(half.shape[0], -1))  # (c'v, cuo)
            whole = whole.view(channels, -1, channels, one.shape[1] // channels, out)
            return whole.diagonal(0, 0, 2).permute(2, 3, 0, 1).reshape(shape)
        whole = torch.mm(half.view(-1, half.shape[2]), others)  # (ocu, c'v)
        whole = whole.view(out, channels, one.shape[1] // channels, channels, -1)
        return whole.diagonal(0, 1, 3).movedim(-1, 1).reshape(shape)


class FactoredTerm:
    """The term of `SeparableTerm`, with fewer and smaller products."""

    layout: MatrixLayout

    def __init__(self, taps: FactoredTaps, outputs: int) -> None:
        """Keep the coordinates at the kernel taps.

        Args:
            taps: The coordinates at the kernel taps.
            outputs: Number of output channels.
        """
        self.layout = _layout_of(taps, outputs)
        self.core: Tensor = taps.core
        self.others: Tensor = taps.others
        self.one: Tensor = taps.one.expand(self.layout.matrix[0], -1, -1)
        self.ranks: tuple[int, int] = taps.one.shape[1], taps.others.shape[1]

    @property
    def coordinates(self) -> tuple[Tensor, ...]:
        """The coordinates, as one or two matrices."""
        return self.one, self.others

    def of(self, weight: Tensor) -> ProductTerm:
        """Return the term for coordinate weights of shape (out, c, *kernel)."""
        weight = weight.flatten(1)
        (r, s), (batch, _, columns) = self.ranks, self.layout.matrix
        if self.layout.channels_last:
            right = torch.mm(self.core, weight.t()).view(s, -1)
            right = torch.mm(self.others, right).view(batch, r, columns)  # (j, r, o)
        else:
            right = torch.mm(weight, self.core).view(-1, s)
            right = torch.mm(right, self.others.t()).view(batch, r, columns)  # (o, r, j)
        return ProductTerm(self.one, right, self.layout)

    def weight_gradient(self, image: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the weights, with ``shape``, from that of one image."""
        (r, s), (batch, _, columns) = self.ranks, self.layout.matrix
        half = torch.bmm(self.one.mT, self.layout.as_matrix(image))
        if self.layout.channels_last:
            whole = torch.mm(self.others.t(), half.view(batch, r * columns)).view(s * r, -1)
            return torch.mm(self.core.t(), whole).t().reshape(shape)
        whole = torch.mm(half.view(batch * r, columns), self.others).view(-1, r * s)
        return torch.mm(whole, self.core.t()).view(shape)


def _layout_of(taps: JointTaps | FactoredTaps, outputs: int) -> MatrixLayout:
    one, others = taps.one.shape[0], taps.others.shape[0]
    if taps.channels_last:
        return MatrixLayout((*taps.outputs, outputs), (others, one, outputs), channels_last=True)
    return MatrixLayout((outputs, *taps.outputs), (outputs, one, others), channels_last=False)


LinearTerm = PointwiseTerm | SeparableTerm | FactoredTerm
# For `isinstance`, because torch.compile of torch 2.7 cannot trace a check against a union.
LINEAR_TERMS = (PointwiseTerm, SeparableTerm, FactoredTerm)


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
