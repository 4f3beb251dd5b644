"""Reconstruction: give back the image of a square, by way of a short code.

The frame of Watters et al. 2019 (arXiv:1901.07017), reduced to what Not-so-Clevr can ask.
"""

from torch import Tensor, nn

from coordconv_lab.data.notsoclevr import square_images
from coordconv_lab.tasks.rendering import Rendering


class Reconstruction(Rendering):
    """Rendering, but the net sees the image that it is to paint instead of its point."""

    def ask(self, net: nn.Module, points: Tensor) -> Tensor:
        """The logit that each pixel is white, (N, 1, H, W)."""
        return net(self._images(points))

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Binary cross-entropy, a mean over pixels."""
        return self._pixel_loss(net(self._images(points)), points)

    def _images(self, points: Tensor) -> Tensor:
        return square_images(points, self.canvas, self.square)
