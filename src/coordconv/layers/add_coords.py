"""A module that appends coordinates to its input, which is the first half of a CoordConv.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

from typing import Any

import torch.fx
from torch import Tensor, nn

from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.functional import append_coordinates
from coordconv.grids import AnyWindow
from coordconv.layers.coordinates import describe

__all__ = ["AddCoords"]

# Let torch.fx record a call of this function, because it cannot trace code that reads a size.
torch.fx.wrap("append_coordinates")


class AddCoords(nn.Module):
    """Append the coordinates of every pixel to the channels: the first half of a CoordConv.

    The second half is a convolution. Put this module in front of any module that needs positions.
    It has no parameters. Its input may have any size and any number of spatial axes, but must have
    a batch axis. See `append_coordinates` for shapes, conventions and errors.

    Args:
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: Whether to append the distance to the center as well.
        groups: Number of groups of channels. The coordinates are appended to each group, as
            needed for a convolution with the same number of groups.

    Raises:
        ValueError: If ``convention`` is a string, but not the name of a preset.
        TypeError: If the radius is not True or False.

    Example:
        >>> AddCoords(radius=True)(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 19, 2, 3])
    """

    convention: Convention
    radius: bool
    groups: int = 1

    def __init__(
        self,
        *,
        convention: Convention | ConventionName = "paper",
        radius: bool = False,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.convention = Convention.of(convention)
        self.radius = checked_radius(radius)
        self.groups = groups

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "convention":
            value = Convention.of(value)
        super().__setattr__(name, value)

    def forward(
        self,
        input: Tensor,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return `append_coordinates` of ``input`` with the options of this module."""
        return append_coordinates(
            input,
            convention=self.convention,
            radius=self.radius,
            groups=self.groups,
            window=window,
            coordinates=coordinates,
        )

    def extra_repr(self) -> str:
        """Return the radius, and the convention if it is not the default."""
        text = f"radius={self.radius}{describe(self.convention)}"
        return text if self.groups == 1 else f"{text}, groups={self.groups}"
