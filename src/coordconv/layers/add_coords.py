"""The first half of a CoordConv as a module.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

import torch.fx
from torch import Tensor, nn

from coordconv.conventions import Convention, checked_radius
from coordconv.functional import append_coordinates
from coordconv.grids import Window
from coordconv.layers.coordinates import describe
from coordconv.placements import Placement

__all__ = ["AddCoords"]

# A traced graph calls the function: it cannot look into a size that it does not know.
torch.fx.wrap("append_coordinates")


class AddCoords(nn.Module):
    """Append the coordinates of every pixel to the channels: the first half of a CoordConv.

    Put it in front of any module that should know where it is. It has no parameters and takes
    pictures of every size and rank, always with a batch. See `append_coordinates` for shapes,
    conventions and errors.

    Args:
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: Append the distance to the centre as well.
        groups: Append the coordinates to each of so many groups of channels, for a convolution
            with as many groups.

    Raises:
        ValueError: If no preset has the name of the convention.
        TypeError: If the radius is not True or False.

    Example:
        >>> AddCoords(radius=True)(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 19, 2, 3])
    """

    groups: int = 1

    def __init__(
        self, *, convention: Convention | str = "tutorial", radius: bool = False, groups: int = 1
    ) -> None:
        super().__init__()
        self.convention = Convention.of(convention)
        self.radius = checked_radius(radius)
        self.groups = groups

    def forward(
        self,
        input: Tensor,
        window: Window | Placement | tuple | None = None,
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
        """Return the radius, and the convention if it is not the tutorial's."""
        text = f"radius={self.radius}{describe(self.convention)}"
        return text if self.groups == 1 else f"{text}, groups={self.groups}"
