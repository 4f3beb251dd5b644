"""Placements, which say where the pixels of a tensor are in the full image, as an affine map.

The full image is the image that a crop or tile was cut from. Pixel indices count from 0 at the
center of the first pixel, in the order of the axes: (row, column) for an image.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coordconv.affine import (
    Matrix,
    Number,
    added,
    applied,
    as_matrix,
    as_vector,
    divided,
    identity,
    inverted,
    is_zero,
    plain,
    product,
)
from coordconv.placement_arguments import (
    check_full_size,
    checked_each_axis,
    checked_padding,
    checked_size,
    is_an_integer,
    is_omitted,
    refuse_zeros,
)

__all__ = ["Placement", "StartAndSize"]

Vector = Sequence[float] | Tensor
StartAndSize = tuple[Sequence[float] | Tensor, Sequence[int] | Tensor]


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a tensor are in the full image, for all samples or per sample.

    Pixel i of the tensor is at ``start + matrix @ i`` in the full image, in pixels of the full
    image; i has one index per axis. Methods such as `flip` and `resize` correspond to operations on
    the tensor. They take the arguments of the operation, and return the placement of its result. A
    coordinate layer accepts a placement as its ``window``. The context manager `positions` passes a
    placement to all layers of a model.

    A number in ``full_size``, ``start`` or ``matrix`` may be a tensor of shape (N,) with one value
    per sample. ``size`` is the same for all samples, and so is the assignment of axes of the tensor
    to axes of the full image. A placement is a pytree of its tensors, can be pickled, and is
    batched by the default collate function of a ``DataLoader``.

    Attributes:
        size: Size of the tensor along its d axes, (height, width) for an image; d is 1, 2 or 3.
        full_size: Size of the full image; ``size`` if omitted. A tensor of shape (d,) or (N, d) is
            also accepted.
        start: Where the first pixel of the tensor is in the full image; zeros if omitted. A tensor
            of shape (d,) or (N, d) is also accepted. Fractions and positions outside the full image
            are allowed.
        matrix: The number in row a and column b says how far one step along axis b of the tensor
            moves along axis a of the full image; the identity if omitted. A tensor of shape (d, d)
            or (N, d, d) is also accepted.

    Raises:
        TypeError: If ``size`` is not a sequence of integers.
        ValueError: If an attribute does not have one finite number for each axis, if ``size`` has a
            negative number, if ``full_size`` has a number less than 1, or if ``matrix`` has a row
            or column of zeros.

    Example:
        >>> crop = Placement((480, 640)).crop((100, 200), (32, 32))
        >>> crop
        Placement(size=(32, 32), full_size=(480, 640), start=(100, 200), matrix=((1, 0), (0, 1)))
        >>> crop.flip(-1).start
        (100, 231)
        >>> from coordconv import coordinate_grid
        >>> coordinate_grid((1, 3), window=Placement((1, 5)).crop((0, 1), (1, 3)).flip(-1))[0]
        tensor([[ 0.5000,  0.0000, -0.5000]])
    """

    size: tuple[int, ...]
    full_size: tuple[Any, ...] = ()
    start: tuple[Any, ...] = ()
    matrix: Matrix = ()

    def __post_init__(self) -> None:
        size = checked_size(self.size)
        rank = len(size)
        full_size = size if is_omitted(self.full_size) else self.full_size
        start = (0,) * rank if is_omitted(self.start) else self.start
        matrix = identity(rank) if is_omitted(self.matrix) else self.matrix
        self._set(
            size,
            as_vector("full_size", full_size, rank),
            as_vector("start", start, rank),
            as_matrix("matrix", matrix, rank, rank),
        )
        check_full_size("`full_size`", self.full_size)
        refuse_zeros(self.matrix)

    @classmethod
    def from_window(cls, window: StartAndSize, size: Sequence[int]) -> "Placement":
        """Convert a `Window`, or a pair (start, full size), to the placement of a crop.

        Args:
            window: The window, in any form that a coordinate layer accepts.
            size: Size of the crop.

        Raises:
            ValueError: If the window does not have one number for each axis.

        Example:
            >>> Placement.from_window(((1, 2), (9, 8)), (3, 3)).start
            (1, 2)
        """
        if not isinstance(window, (tuple, list)) or len(window) != 2:
            raise ValueError(
                "`window` must be a pair (start, full_size) such as ((0, 8), (64, 64)), "
                f"got {window!r}"
            )
        rank = len(size)
        start = as_vector("window start", window[0], rank)
        full_size = as_vector("window full_size", window[1], rank)
        check_full_size("window full_size", full_size)
        return cls.made(tuple(size), full_size, start, identity(rank))

    def crop(self, start: Vector, size: Sequence[int]) -> "Placement":
        """Return the placement of ``x[..., start[0] : start[0] + size[0], ...]``.

        Args:
            start: First pixel of the crop along each axis, (top, left) for an image. A tensor of
                shape (d,), or (N, d) with one row per sample, is also accepted. The first pixel may
                be outside the tensor.
            size: Size of the crop.

        Returns:
            A placement with the size of the crop.

        Raises:
            ValueError: If ``start`` or ``size`` does not have one number for each axis.

        Example:
            >>> Placement((6, 9)).crop((1, 2), (3, 3)).crop((1, 1), (2, 2)).start
            (2, 3)
        """
        start = as_vector("start", start, len(self.size))
        return self._composed(identity(len(self.size)), start, self._checked_size(size))

    def pad(self, padding: Sequence[int]) -> "Placement":
        """Return the placement of ``torch.nn.functional.pad(x, padding)``.

        Pixels in the margin have positions outside the tensor, as if the image continued there.

        Args:
            padding: Pixels before and after the last axis, then before and after the second-to-last
                axis, and so on: (left, right, top, bottom). Negative numbers crop.

        Raises:
            ValueError: If ``padding`` does not consist of pairs of integers, or has more pairs than
                axes.

        Example:
            >>> Placement((6, 9)).pad((1, 2, 3, 4))  # doctest: +ELLIPSIS
            Placement(size=(13, 12), full_size=(6, 9), start=(-3, -1), ...)
        """
        rank = len(self.size)
        pairs = checked_padding(padding, rank)
        size = [n + before + after for n, (before, after) in zip(self.size, pairs, strict=True)]
        return self.crop([-before for before, _ in pairs], size)

    def flip(self, *dims: int) -> "Placement":
        """Return the placement of ``x.flip(dims)``, where coordinates run backward along ``dims``.

        Args:
            dims: Axes to flip, counted from the last: -1 is the width of an image, -2 the height.

        Raises:
            ValueError: If an entry of ``dims`` is not negative, or if the tensor has no such axis.

        Example:
            >>> Placement((6, 9)).flip(-1)  # doctest: +ELLIPSIS
            Placement(size=(6, 9), full_size=(6, 9), start=(0, 8), matrix=((1, 0), (0, -1)))
        """
        axes = {self._axis(dim) for dim in dims}
        steps = tuple(-1 if axis in axes else 1 for axis in range(len(self.size)))
        start = [n - 1 if axis in axes else 0 for axis, n in enumerate(self.size)]
        return self._composed(_diagonal(steps), start, self.size)

    def rot90(self, k: int = 1, dims: Sequence[int] = (-2, -1)) -> "Placement":
        """Return the placement of ``torch.rot90(x, k, dims)``.

        Args:
            k: Number of quarter turns, from the first toward the second axis in ``dims``.
            dims: The two axes of the rotation, counted from the last.

        Raises:
            ValueError: If ``k`` is not an integer, or if ``dims`` does not name two different axes.

        Example:
            >>> Placement((6, 9)).rot90().size
            (9, 6)
        """
        try:
            k = operator.index(k)
        except TypeError:
            raise ValueError(f"`k` must be an integer, got {k!r}") from None
        axes = [self._axis(dim) for dim in dims] if isinstance(dims, Sequence) else []
        if len(axes) != 2 or axes[0] == axes[1]:
            raise ValueError(f"`dims` must be two different axes, got {dims!r}")
        turned = self
        for _ in range(k % 4):
            turned = turned.flip(dims[1])
            order = list(range(len(self.size)))
            order[axes[0]], order[axes[1]] = axes[1], axes[0]
            swap = tuple(tuple(int(b == other) for b in range(len(order))) for other in order)
            turned = turned._composed(swap, [0] * len(order), [turned.size[a] for a in order])
        return turned

    def resize(self, size: Sequence[int], *, align_corners: bool = False) -> "Placement":
        """Return the placement of ``torch.nn.functional.interpolate(x, size)``.

        Args:
            size: The new size.
            align_corners: The value that is passed to ``interpolate``. If True, the centers of the
                first and last pixels keep their positions; otherwise, the outer edges of the tensor
                do.

        Raises:
            ValueError: If ``size`` does not have one number for each axis.

        Example:
            >>> half = Placement((6, 8)).resize((3, 4))
            >>> half.start, half.matrix
            ((0.5, 0.5), ((2, 0), (0, 2)))
        """
        size = self._checked_size(size)
        if align_corners:
            # On an axis with one pixel, the distance between pixels has no meaning.
            steps = [divided(n - 1, max(new - 1, 1)) or 1 for n, new in self._pairs(size)]
            return self._composed(_diagonal(steps), [0] * len(size), size)
        steps = [divided(n, max(new, 1)) for n, new in self._pairs(size)]
        return self._composed(_diagonal(steps), [(step - 1) / 2 for step in steps], size)

    def affine(
        self, matrix: Sequence[Sequence[float]] | Tensor, size: Sequence[int] | None = None
    ) -> "Placement":
        """Return the placement of an image that was resampled by an affine map of pixels.

        As in ``scipy.ndimage.affine_transform``, the map goes from the new image to the old image:
        new pixel i shows the old image at position ``matrix[:, :d] @ i + matrix[:, d]``.

        Args:
            matrix: d rows of d + 1 numbers, in the order of the axes, (row, column) for an image. A
                tensor of shape (d, d + 1) or (N, d, d + 1) is also accepted.
            size: Size of the new image; the size of the old image if omitted.

        Raises:
            ValueError: If ``matrix`` does not have d rows of d + 1 numbers, if the first d numbers
                of a row or a column are zeros, or if ``size`` does not have d numbers.

        Example:
            >>> Placement((6, 8)).affine([[1, 0, 2.5], [0, 1, 0]]).start
            (2.5, 0)
        """
        rank = len(self.size)
        rows = as_matrix("matrix", matrix, rank, rank + 1)
        size = self.size if size is None else self._checked_size(size)
        return self._composed(tuple(row[:-1] for row in rows), [row[-1] for row in rows], size)

    def affine_grid(
        self,
        theta: Sequence[Sequence[float]] | Tensor,
        size: Sequence[int] | None = None,
        *,
        align_corners: bool = False,
    ) -> "Placement":
        """Return the placement of torch's ``grid_sample(x, affine_grid(theta, size))``.

        Args:
            theta: d rows of d + 1 numbers, in the order (x, y), as for ``affine_grid``. A tensor of
                shape (d, d + 1) or (N, d, d + 1) is also accepted.
            size: Size of the new image, without batch and channels; the old size if omitted.
            align_corners: The value that is passed to ``grid_sample`` and ``affine_grid``.

        Raises:
            ValueError: If ``theta`` does not have d rows of d + 1 numbers, if the first d numbers
                of a row or a column are zeros, or if ``size`` does not have d numbers.

        Example:
            >>> Placement((6, 8)).affine_grid([[1, 0, 0.25], [0, 1, 0]]).start
            (0, 1)
        """
        rank = len(self.size)
        size = self.size if size is None else self._checked_size(size)
        rows = as_matrix("theta", theta, rank, rank + 1)
        rows = tuple((*row[-2::-1], row[-1]) for row in reversed(rows))  # (x, y) to (row, column)
        # On [-1, 1], pixel i is at unit * i - edge, so position u is pixel (u + edge) / unit.
        olds, news = ([_span(n, align_corners) for n in sizes] for sizes in (self.size, size))
        units, edges = zip(*news, strict=True)
        matrix, offset = [], []
        for (unit, edge), row in zip(olds, rows, strict=True):
            spread = product((row[:-1],), _diagonal(units))[0]
            matrix.append(tuple(divided(m, unit) for m in spread))
            (shift,) = added([row[-1]], [edge - applied((row[:-1],), edges)[0]])
            offset.append(divided(shift, unit))
        return self._composed(tuple(matrix), offset, size)

    def stride(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
    ) -> "Placement":
        """Return the placement of the output of a convolution or pooling layer.

        After a strided layer, coordinates are positions in the full image's feature map. If a crop
        starts at a multiple of the stride, its feature map is a part of the full image's feature
        map. Otherwise, the pixels of its feature map are between pixels of the full image's map.

        Args:
            kernel_size: Size of the kernel. This and the other arguments are either one number for
                all axes, or a sequence with one number for each axis.
            stride: Step of the kernel, in pixels.
            padding: Margin in pixels on each side.
            dilation: Distance between the taps of the kernel, in pixels.

        Returns:
            A placement with the size of the output, in the feature map of the full image.

        Raises:
            ValueError: If an argument does not have one integer for each axis, if the padding is
                negative or another argument less than 1, or if the kernel is larger than the padded
                tensor or full image.

        Example:
            >>> crop = Placement((64, 64)).crop((16, 32), (32, 32))
            >>> crop.stride(kernel_size=3, stride=2, padding=1)  # doctest: +ELLIPSIS
            Placement(size=(16, 16), full_size=(32, 32), start=(8, 16), matrix=((1, 0), (0, 1)))
        """
        rank = len(self.size)
        kernel = checked_each_axis("kernel_size", kernel_size, rank, least=1)
        step = checked_each_axis("stride", stride, rank, least=1)
        margin = checked_each_axis("padding", padding, rank, least=0)
        apart = checked_each_axis("dilation", dilation, rank, least=1)
        reach = [d * (k - 1) for d, k in zip(apart, kernel, strict=True)]
        centers = [divided(r, 2) - p for r, p in zip(reach, margin, strict=True)]

        def outputs(size: Sequence[Any]) -> tuple[Any, ...]:
            each = zip(size, margin, reach, step, strict=True)
            return tuple((n + 2 * p - r - 1) // s + 1 for n, p, r, s in each)

        for n, p, r in zip((*self.size, *self.full_size), 2 * margin, 2 * reach, strict=True):
            if isinstance(n, (int, float)) and n + 2 * p <= r:
                raise ValueError(
                    f"the kernel covers {r + 1} pixels, but the padded input or full image has "
                    f"only {n + 2 * p}"
                )
        return self.subsampled(step, centers, outputs(self.size), outputs(self.full_size))

    def inverse(self) -> "Placement":
        """Return where the pixels of the full image are in the tensor.

        Raises:
            ValueError: If ``full_size`` contains tensors, or if the matrix has no inverse.

        Example:
            >>> Placement((6, 9)).crop((1, 2), (3, 3)).inverse().start
            (-1, -2)
        """
        if not all(isinstance(n, int) for n in self.full_size):
            raise ValueError(
                f"a placement with full images of several sizes has no inverse: {self.full_size!r}"
            )
        matrix = inverted(self.matrix)
        start = [-shift for shift in applied(matrix, self.start)]
        return Placement(self.full_size, self.size, tuple(start), matrix)

    def to(self, device: torch.device | str | int, non_blocking: bool = False) -> "Placement":
        """Return the placement with its tensors on another device.

        Args:
            device: Passed to ``Tensor.to``.
            non_blocking: Passed to ``Tensor.to``.

        Raises:
            TypeError: If a dtype is given, because positions in another type might be rounded.
        """
        if isinstance(device, torch.dtype) or isinstance(non_blocking, torch.dtype):
            raise TypeError("a placement keeps the dtype of its positions; pass only a device")
        return self._mapped(lambda one: one.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Placement":
        """Return the placement with its tensors in pinned memory; a ``DataLoader`` calls this."""
        return self._mapped(Tensor.pin_memory)

    def __eq__(self, other: object) -> bool:
        """Whether two placements have the same numbers, each as a number or in tensors."""
        if not isinstance(other, Placement):
            return NotImplemented
        if self.size != other.size:
            return False
        return all(map(_are_equal, _numbers(self), _numbers(other)))

    def __hash__(self) -> int:
        fixed = (None if isinstance(one, Tensor) else one for one in _numbers(self))
        return hash((self.size, *fixed))

    @property
    def axes(self) -> tuple[int, ...] | None:
        """For each axis of the full image, the axis of the tensor that is parallel to it.

        None if an axis of the full image is not parallel to a single axis of the tensor, as after a
        rotation by an arbitrary angle.
        """
        found = [[b for b, m in enumerate(row) if not is_zero(m)] for row in self.matrix]
        aligned = all(len(row) == 1 for row in found)
        axes = tuple(row[0] for row in found)
        return axes if aligned and len(set(axes)) == len(axes) else None

    @property
    def is_full_image(self) -> bool:
        """Whether the tensor is known to be the full image.

        False if the placement contains tensors, because their values are not read.
        """
        return not _tensors(self) and self == Placement(self.size)

    @property
    def is_shared(self) -> bool:
        """Whether all samples have the same placement."""
        return all(one.dim() == 0 for one in _tensors(self))

    def _composed(self, matrix: Matrix, offset: Sequence[Number], size: Sequence[int]):
        """Return the placement of a tensor whose pixel i is pixel ``matrix @ i + offset`` here."""
        start = added(self.start, applied(self.matrix, offset))
        composed = product(self.matrix, matrix)
        refuse_zeros(composed)
        return self.made(tuple(size), self.full_size, start, composed)

    def subsampled(
        self,
        steps: Sequence[Number],
        centers: Sequence[Number],
        size: tuple[int, ...],
        full_size: tuple[Any, ...],
    ) -> "Placement":
        """Return the placement of a subsampled tensor in the equally subsampled full image.

        Args:
            steps: Distance between the sampled pixels along each axis, in pixels of the tensor.
            centers: Position of the first sampled pixel along each axis of the tensor.
            size: Number of sampled pixels along each axis.
            full_size: Number of sampled pixels along each axis of the full image.
        """
        composed = self._composed(_diagonal(steps), centers, size)
        shifts = added(applied(self.matrix, centers), [-center for center in centers])
        start = [
            # With a step of 1 / n, a start that is an integer stays one.
            added([divided(first, step)], [divided(shift, step)])[0]
            if type(step) is float and step < 1
            else divided(added([first], [shift])[0], step)
            for first, shift, step in zip(self.start, shifts, steps, strict=True)
        ]
        matrix = [
            tuple(divided(m, step) for m in row)
            for row, step in zip(composed.matrix, steps, strict=True)
        ]
        return self.made(size, full_size, tuple(start), tuple(matrix))

    def _checked_size(self, size: Sequence[int]) -> tuple[int, ...]:
        checked = checked_size(size)
        if len(checked) != len(self.size):
            raise ValueError(
                f"`size` must have one number for each of the {len(self.size)} axes, got {size!r}"
            )
        return checked

    def _pairs(self, size: tuple[int, ...]) -> Any:
        return zip(self.size, size, strict=True)

    def _axis(self, dim: int) -> int:
        if not is_an_integer(dim) or not -len(self.size) <= dim < 0:
            raise ValueError(
                f"`dims` must be counted from the last axis, -1 to -{len(self.size)}, got {dim!r}"
            )
        return len(self.size) + plain(dim)

    def _mapped(self, function: Callable[[Tensor], Any]) -> "Placement":
        def mapped(numbers: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(function(one) if isinstance(one, Tensor) else one for one in numbers)

        matrix = tuple(map(mapped, self.matrix))
        return self.made(self.size, mapped(self.full_size), mapped(self.start), matrix)

    @classmethod
    def made(cls, size: Any, full_size: Any, start: Any, matrix: Any) -> "Placement":
        """Return a placement without validating its parts."""
        made = cls.__new__(cls)
        made._set(size, full_size, start, matrix)
        return made

    def _set(self, size: Any, full_size: Any, start: Any, matrix: Any) -> None:
        for name, part in zip(_PARTS, (size, full_size, start, matrix), strict=True):
            object.__setattr__(self, name, part)


_PARTS = ("size", "full_size", "start", "matrix")


def _diagonal(steps: Sequence[Number]) -> Matrix:
    rank = len(steps)
    return tuple(tuple(steps[a] if a == b else 0 for b in range(rank)) for a in range(rank))


def _span(n: int, align_corners: bool) -> tuple[Number, Number]:
    """Return how far apart n pixels are on [-1, 1], and how far the first one is below 0."""
    if align_corners:
        return (divided(2, n - 1), 1) if n > 1 else (1, 0)
    return divided(2, n), 1 - 1 / n


def _tensors(placement: Placement) -> list[Tensor]:
    return [one for one in _numbers(placement) if isinstance(one, Tensor)]


def _numbers(placement: Placement) -> list[Number]:
    parts = (placement.full_size, placement.start, *placement.matrix)
    return [one for part in parts for one in part]


def _are_equal(one: Number, other: Number) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and bool((one == other.to(one.device)).all())
    return not isinstance(one, Tensor) and not isinstance(other, Tensor) and one == other
