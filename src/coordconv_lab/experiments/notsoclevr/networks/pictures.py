"""Networks that map a point to an image, for classification and rendering.

They follow Liu et al. 2018 (arXiv:1807.03247), sections 4.1 and 4.3 and supplementary figures S1
and S2. Points are (x, y) in pixels. Images are logits of shape (N, 1, H, W).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from coordconv import CoordConv2d, coordinate_grid
from coordconv_lab.experiments.notsoclevr.networks.coordinates import first_layer
from coordconv_lab.experiments.notsoclevr.networks.layout import channels_last
from coordconv_lab.experiments.notsoclevr.networks.pixelwise import run_pixelwise
from coordconv_lab.experiments.notsoclevr.specs import (
    CoordConvClassifier,
    CoordConvRenderer,
    DeconvOptions,
    DeconvRenderer,
)

InputScale = Literal["unit", "raw"]


def scale_points(points: Tensor, canvas: tuple[int, int], scale: InputScale) -> Tensor:
    """Convert points in pixels to the input of a network, (N, 2).

    "unit" maps the first pixel to -1 and the last pixel to 1, as for coordinate channels. "raw"
    keeps pixels, as in the code of the paper and of the tutorial.
    """
    points = points.float()
    if scale == "raw":
        return points
    height, width = canvas
    last_pixel = points.new_tensor([max(width - 1, 1), max(height - 1, 1)])
    return points / last_pixel * 2 - 1


def _hidden(layer: nn.Module, channels: int, batch_norm: bool) -> Iterator[nn.Module]:
    yield layer
    if batch_norm:
        yield nn.BatchNorm2d(channels)
    yield nn.ReLU(inplace=True)  # The gradients of a convolution do not need its output.


def pixel_layers(inputs: int, spec: CoordConvClassifier | CoordConvRenderer) -> nn.Sequential:
    """Append coordinates, then apply 1 x 1 convolutions from the inputs to one map."""
    first = first_layer(inputs, spec.widths[0], spec)
    layers = list(_hidden(first, spec.widths[0], spec.batch_norm))
    for wide, narrow in pairwise(spec.widths):
        layers += _hidden(nn.Conv2d(wide, narrow, 1), narrow, spec.batch_norm)
    return nn.Sequential(*layers, nn.Conv2d(spec.widths[-1], 1, 1))


def broadcast(layers: nn.Sequential, inputs: Tensor, canvas: tuple[int, int]) -> Tensor:
    """Tile inputs (N, C) over the canvas and apply layers to every pixel, (N, 1, H, W)."""
    return run_pixelwise(list(layers), inputs[:, :, None, None].expand(-1, -1, *canvas))


class CoordConvPointNet(nn.Module):
    """Tile the point over the canvas, append coordinates, and apply 1 x 1 convolutions."""

    def __init__(
        self, spec: CoordConvClassifier | CoordConvRenderer, canvas: tuple[int, int]
    ) -> None:
        super().__init__()
        self.canvas = canvas
        self.input_scale: InputScale = spec.input_scale
        self.layers = pixel_layers(2, spec)

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, 2) in pixels to logits (N, 1, H, W)."""
        return broadcast(
            self.layers, scale_points(points, self.canvas, self.input_scale), self.canvas
        )

    def logits_at(self, points: Tensor, pixels: Tensor) -> Tensor:
        """Map points (N, 2) in pixels to the logits of K pixels of each image, (N, K).

        Args:
            points: The points, (N, 2).
            pixels: Indices of pixels in the flattened canvas, (N, K).
        """
        first, *others = self.layers
        assert isinstance(first, CoordConv2d)
        grid = coordinate_grid(
            self.canvas,
            radius=first.radius,
            convention=first.convention,
            device=points.device,
        )
        coordinates = grid.flatten(1).t()[pixels].transpose(1, 2)[:, :, None]
        inputs = scale_points(points, self.canvas, self.input_scale)[:, :, None, None]
        maps = first(inputs.expand(-1, -1, 1, pixels.shape[1]), coordinates=coordinates)
        return run_pixelwise(others, channels_last(maps)).flatten(1)


def doubling_layers(inputs: int, spec: DeconvOptions) -> nn.Sequential:
    """Return six transposed convolutions that enlarge one pixel to one map of 64 x 64."""
    wide, narrow = 64 * spec.width, 32 * spec.width
    layers: list[nn.Module] = []
    for channels in (wide, wide, wide, narrow, narrow):
        layers += _hidden(_doubling(inputs, channels, spec.kernel), channels, spec.batch_norm)
        inputs = channels
    return nn.Sequential(*layers, _doubling(narrow, 1, spec.kernel))


class DeconvPointNet(nn.Module):
    """The baseline. It doubles the point, a 1 x 1 image with two channels, six times to 64 x 64."""

    def __init__(self, spec: DeconvOptions, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.canvas = canvas
        self.input_scale: InputScale = spec.input_scale
        self.layers = doubling_layers(2, spec)

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, 2) in pixels to logits (N, 1, 64, 64)."""
        inputs = scale_points(points, self.canvas, self.input_scale)
        return self.layers(inputs[:, :, None, None])


def _doubling(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    # For every kernel size, the output is exactly twice as large, as with TensorFlow's padding
    # 'same'.
    padding = (kernel - 1) // 2
    output_padding = 2 * padding + 2 - kernel
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding, output_padding)


class PainterNet(nn.Module):
    """Find the point like a classifier, sharpen it by a softmax, and paint the square around it.

    The receptive field of n painting convolutions of k x k is `n (k - 1) + 1` pixels wide. With the
    five 3 x 3 convolutions of the paper, it is 11 pixels wide, more than the square with its 9
    pixels. With the five 2 x 2 convolutions of the tutorial, it is only 6 pixels wide, so the point
    has to be spread over several pixels.

    Args:
        find: Network that maps points in pixels, (N, 2), to logits of the point, (N, 1, H, W).
        spec: The options of the painter.
    """

    def __init__(self, find: nn.Module, spec: CoordConvRenderer | DeconvRenderer) -> None:
        super().__init__()
        self.find = find
        self.paint_scale, self.logit_scale = spec.painter_input_scale, spec.painter_logit_scale
        layers, inputs = [], 1
        for channels in spec.painter_widths:
            layer = nn.Conv2d(inputs, channels, spec.painter_kernel, padding="same")
            layers += _hidden(layer, channels, spec.batch_norm)
            inputs = channels
        last = nn.Conv2d(inputs, 1, spec.painter_kernel, padding="same")
        self.paint = nn.Sequential(*layers, last)

    def draw(self, point_logits: Tensor) -> Tensor:
        """Map logits of the point to logits of the square, both (N, 1, H, W)."""
        logits = point_logits.flatten(1) * self.logit_scale
        sharpened = logits.softmax(dim=1).view_as(point_logits)
        return self.paint(channels_last(sharpened * self.paint_scale)) * self.logit_scale

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, 2) in pixels to logits (N, 1, H, W)."""
        return self.draw(self.find(points))
