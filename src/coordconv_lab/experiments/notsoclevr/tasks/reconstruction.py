"""Reconstruction: encode the image of a square as a short code, and decode it.

The task follows Watters et al. 2019 (arXiv:1901.07017), with the data of Not-so-Clevr.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from coordconv_lab.examples import Data
from coordconv_lab.experiments.notsoclevr.data.notsoclevr import square_images
from coordconv_lab.experiments.notsoclevr.tasks.rendering import Rendering


class Reconstruction(Rendering):
    """A task like rendering, in which the input is the image of the square instead of its point."""

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the images, (N, 1, H, W)."""
        return square_images(examples, self.canvas, self.square)

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Return the binary cross-entropy, averaged over pixels."""
        return self._pixel_loss(self.ask(net, points), points)

    def arrays(self, net: nn.Module, data: Data) -> dict[str, NDArray[np.generic]]:
        """Return no arrays, because the tutorial has no figures for this task."""
        return {}
