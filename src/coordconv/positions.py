"""Where the pixels of a batch lie, by whichever way it was said."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coordconv.conventions import Convention
from coordconv.grids import Window, coordinate_grid, grid_channels

__all__ = ["Positions"]


class Positions(NamedTuple):
    """Where the pixels of a batch lie: by a convention and a window, or written out."""

    convention: Convention
    radius: bool
    window: Window | tuple | None
    coordinates: Tensor | None

    @property
    def are_separable(self) -> bool:
        """Tell whether each coordinate depends on one axis alone, for all samples alike."""
        if self.radius or self.coordinates is not None:
            return False
        return self.window is None or not any(
            isinstance(part, Tensor) and part.dim() > 1 for part in self.window
        )

    def channels(self, x: Tensor, rank: int, dtype: torch.dtype) -> Sequence[Tensor]:
        """Return the channels of `grid` one by one, not yet written to memory if made here."""
        if self.coordinates is not None:
            return self.grid(x, rank, dtype).unbind(-1 - rank)
        size = x.shape[x.dim() - rank :]
        return grid_channels(size, self.convention, self.radius, self.window, dtype, x.device)

    def grid(self, x: Tensor, rank: int, dtype: torch.dtype) -> Tensor:
        """Return the coordinates of the pixels of x, shape (d, *size) or (N, d, *size).

        Raises:
            ValueError: If written-out coordinates do not have the size of x, or if there is a
                window beside them.
        """
        size = x.shape[x.dim() - rank :]
        if self.coordinates is None:
            return coordinate_grid(
                size,
                convention=self.convention,
                radius=self.radius,
                window=self.window,
                dtype=dtype,
                device=x.device,
            )
        if self.window is not None:
            raise ValueError("give either a window or the coordinates, not both")
        expected = (rank + 1 if self.radius else rank, *size)
        shape = self.coordinates.shape
        if len(shape) not in (rank + 1, rank + 2) or shape[-rank - 1 :] != expected:
            raise ValueError(
                f"coordinates must have shape {tuple(expected)} or (N, *{tuple(expected)}) for x "
                f"of shape {tuple(x.shape)} and radius={self.radius}, got {tuple(shape)}"
            )
        return self.coordinates.to(device=x.device, dtype=dtype)
