"""Placements that store a position for every pixel, as needed after elastic transforms."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from coordconv.affine import as_vector, divided

__all__ = ["PixelPlacement"]


@dataclass(frozen=True, eq=False)
class PixelPlacement:
    """Where each pixel of a tensor is in the full image, as one position per pixel.

    It can be passed to `positions`, or as ``window`` to a coordinate layer.

    Attributes:
        indices: For each pixel, its index in the full image along each axis: shape (d, *size), or
            (N, d, *size) with one map per sample. Fractions are allowed.
        full_size: Size of the full image.

    Raises:
        ValueError: If ``indices`` is not a floating-point tensor of one of these shapes, or if
            ``full_size`` does not have one positive number for each axis.

    Example:
        >>> row, column = torch.meshgrid(torch.arange(4.0), torch.arange(6.0), indexing="ij")
        >>> PixelPlacement(torch.stack([row, column**1.1]), (4, 8)).size
        (4, 6)
    """

    indices: Tensor
    full_size: tuple[float, ...]

    def __post_init__(self) -> None:
        full_size = self.full_size
        rank = len(full_size) if isinstance(full_size, (tuple, list, Tensor)) else 0
        if not 1 <= rank <= 3:
            raise ValueError(
                "`full_size` must have one number for each of one to three axes, such as "
                f"(480, 640), got {full_size!r}"
            )
        full_size = as_vector("`full_size`", full_size, rank)
        if any(not isinstance(n, Tensor) and n <= 0 for n in full_size):
            raise ValueError(f"`full_size` must have positive numbers, got {full_size!r}")
        object.__setattr__(self, "full_size", full_size)
        is_float = isinstance(self.indices, Tensor) and self.indices.is_floating_point()
        shape = tuple(getattr(self.indices, "shape", ()))
        if not is_float or len(shape) not in (rank + 1, rank + 2) or shape[-rank - 1] != rank:
            given = getattr(self.indices, "dtype", type(self.indices).__name__)
            raise ValueError(
                f"`indices` must be a tensor of floating-point numbers of shape ({rank}, *size) or "
                f"(N, {rank}, *size) for a full image of size {full_size}, got {given} of shape "
                f"{shape}"
            )

    @property
    def size(self) -> tuple[int, ...]:
        """Size of the tensor."""
        return tuple(self.indices.shape[-len(self.full_size) :])

    @property
    def is_full_image(self) -> bool:
        """Always False, because the positions are not compared with those of the full image."""
        return False

    def at(self, size: Sequence[int], *, strict: bool = True) -> "PixelPlacement":
        """Return the placement of a feature map, inferred from its size.

        The position of a pixel of a smaller feature map is the mean over the pixels that it covers.
        Positions of a larger feature map are interpolated linearly, and extrapolated at the border.

        Args:
            size: Size of the feature map.
            strict: Require that the size of the tensor is a multiple or a divisor of ``size`` along
                each axis, and that the ratio of these two sizes evenly divides the size of the full
                image.

        Raises:
            ValueError: If ``strict`` is set and these conditions are not met.
        """
        size = tuple(size)
        if size == self.size:
            return self
        pairs = [*zip(self.size, size, strict=True)]
        steps = [divided(n, max(new, 1)) for n, new in pairs]
        full_size = tuple(divided(n, s) for n, s in zip(self.full_size, steps, strict=True))
        if strict and not all(
            (n % max(new, 1) == 0 or new % n == 0) and whole % 1 == 0
            for (n, new), whole in zip(pairs, full_size, strict=True)
        ):
            raise ValueError(
                f"the feature map has size {size} for an input of size {self.size}, so the input "
                f"or the full image of size {self.full_size} is not divided evenly; make these "
                "sizes multiples of the stride of the network, or pass strict=False"
            )
        rank = len(size)
        means = self._resized(size)
        shift = means.new_tensor([(step - 1) / 2 for step in steps]).reshape(-1, *[1] * rank)
        scale = means.new_tensor([float(step) for step in steps]).reshape(-1, *[1] * rank)
        return PixelPlacement((means - shift) / scale, full_size)

    def _resized(self, size: tuple[int, ...]) -> Tensor:
        batched = self.indices.dim() == len(size) + 2
        means = self.indices if batched else self.indices[None]
        smaller = [min(n, new) for n, new in zip(self.size, size, strict=True)]
        means = functional.interpolate(means, smaller, mode="area")
        for axis, new in enumerate(size):
            means = _enlarged(means, axis + 2, new)
        return means if batched else means[0]


def _enlarged(means: Tensor, axis: int, new: int) -> Tensor:
    """Interpolate linearly along one axis, and extrapolate at its ends, if it is to be longer."""
    n = means.shape[axis]
    if new <= n:
        return means
    at = (torch.arange(new, dtype=torch.float64) + 0.5) * (n / new) - 0.5
    before = at.floor().clamp(0, max(n - 2, 0)).long()
    part = (at - before).to(means).reshape(-1, *[1] * (means.dim() - 1 - axis))
    low = means.index_select(axis, before.to(means.device))
    high = means.index_select(axis, (before + 1).clamp(max=n - 1).to(means.device))
    return low + part * (high - low)
