"""The base class of the tasks whose outputs are images."""

from torch import Tensor

from coordconv_lab.examples import Data
from coordconv_lab.experiments.notsoclevr.tasks.sheet import Sheet
from coordconv_lab.objective import Objective


class ImageObjective(Objective):
    """A task whose outputs can be shown as images, (N, 1, H, W) in [0, 1].

    Args:
        canvas: (height, width) in pixels.
    """

    def __init__(self, canvas: tuple[int, int]) -> None:
        self.canvas = canvas

    def picture(self, outputs: Tensor) -> Tensor:
        """Return outputs as images, (N, 1, H, W) in [0, 1]."""
        raise NotImplementedError

    def observer(self, data: Data) -> Sheet:
        """Return a sheet that collects the images of all positions."""
        return Sheet(self, data.examples, self.canvas)
