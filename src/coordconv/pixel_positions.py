"""The coordinates of pixels, computed from a convention and a placement or given explicitly."""

from typing import NamedTuple

import torch
from torch import Tensor

from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.grids import AnyWindow, coordinates_at, grid_channels
from coordconv.model_positions import placement_here
from coordconv.pixel_placements import PixelPlacement
from coordconv.placements import Placement

__all__ = ["Positions"]


class Positions(NamedTuple):
    """The coordinates of the pixels of a batch.

    They are given explicitly as ``coordinates``, or computed from the convention and the window.
    """

    convention: Convention
    radius: bool
    window: AnyWindow | None
    coordinates: Tensor | None

    @classmethod
    def of(
        cls,
        x: Tensor,
        rank: int,
        convention: Convention | ConventionName,
        radius: bool,
        window: AnyWindow | PixelPlacement | None,
        coordinates: Tensor | None,
    ) -> "Positions":
        """Return the positions of ``x``.

        If neither ``window`` nor ``coordinates`` is given, this uses the placement that was set by
        the context manager `positions`, if any.

        Raises:
            TypeError: If the radius is not True or False.
            ValueError: If the convention is unknown, or if the placement of ``x`` cannot be
                inferred from the placement that was set by `positions`.
        """
        if window is None and coordinates is None:
            window = placement_here(x, rank)
        convention, radius = Convention.of(convention), checked_radius(radius)
        if isinstance(window, PixelPlacement) and coordinates is None:
            at, whole = window.indices, window.full_size
            window, coordinates = None, coordinates_at(at, whole, convention, radius)
        return cls(convention, radius, window, coordinates)  # pyright: ignore[reportArgumentType]

    @property
    def are_separable(self) -> bool:
        """Whether each coordinate depends on only one axis, and is the same for all samples."""
        if self.radius or self.coordinates is not None:
            return False
        if isinstance(self.window, Placement):
            return self.window.is_shared and self.window.axes is not None
        return not isinstance(self.window, (tuple, list)) or not any(map(_has_rows, self.window))

    @property
    def may_run_along_axes(self) -> bool:
        """Whether each coordinate depends on only one axis, and may differ between samples."""
        if self.radius or self.coordinates is not None or self.window is None:
            return False
        if isinstance(self.window, Placement):
            return self.window.axes is not None
        return not self.are_separable

    def channels(self, x: Tensor, rank: int, dtype: torch.dtype) -> list[Tensor]:
        """Return the channels of `grid` one by one, as expanded views where possible."""
        if self.coordinates is not None:
            return list(self.grid(x, rank, dtype).unbind(-1 - rank))
        size = x.shape[x.dim() - rank :]
        return grid_channels(size, self.convention, self.radius, self.window, dtype, x.device)

    def grid(self, x: Tensor, rank: int, dtype: torch.dtype) -> Tensor:
        """Return the coordinates of the pixels of x, shape (d, *size) or (N, d, *size).

        Raises:
            TypeError: If explicit coordinates are not a tensor.
            ValueError: If explicit coordinates do not have the size of x, if a window is given in
                addition, or if there are several rows, but not one row per sample.
        """
        if self.coordinates is None:
            # Round after stacking, because autocast cannot stack some half types.
            working = torch.promote_types(dtype, torch.float32)
            grid = torch.stack(self.channels(x, rank, working), dim=-1 - rank).to(dtype)
        else:
            grid = self._written_out(x, rank).to(device=x.device, dtype=dtype)
        samples = x.shape[0] if x.dim() == rank + 2 else 1
        rows = grid.shape[0] if grid.dim() == rank + 2 else 1
        # Compare twice, because compilers do not support ``in`` for symbolic sizes.
        if rows != 1 and rows != samples:
            raise ValueError(
                f"the window or the coordinates have rows for {rows} samples, "
                f"but x of shape {tuple(x.shape)} has {samples}"
            )
        return grid

    def _written_out(self, x: Tensor, rank: int) -> Tensor:
        if self.coordinates is None or self.window is not None:
            raise ValueError("pass either `window` or `coordinates`, not both")
        if not isinstance(self.coordinates, Tensor):
            kind = type(self.coordinates).__name__
            raise TypeError(f"`coordinates` must be a tensor, got a value of type {kind}")
        expected = (rank + 1 if self.radius else rank, *x.shape[x.dim() - rank :])
        shape = self.coordinates.shape
        if len(shape) not in (rank + 1, rank + 2) or shape[-rank - 1 :] != expected:
            raise ValueError(
                f"`coordinates` must have shape {tuple(expected)} or (N, *{tuple(expected)}) for x "
                f"of shape {tuple(x.shape)} and radius={self.radius}, got {tuple(shape)}"
            )
        return self.coordinates


def _has_rows(part: object) -> bool:
    """Whether one part of a window has one value per sample."""
    if isinstance(part, Tensor):
        return part.dim() > 1
    return isinstance(part, (tuple, list)) and any(
        isinstance(one, Tensor) and one.dim() > 0 for one in part
    )
