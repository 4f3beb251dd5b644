"""Networks for regression, which predict the point of a one-hot image.

They follow Liu et al. 2018 (arXiv:1807.03247), section 4.2 and supplementary section S3. Two
details are only in the paper's code: the CoordConv network has no activations, and it ends with
global max pooling. Images are (N, 1, H, W). Points are (x, y) in pixels, (N, 2).
"""

from itertools import pairwise
from typing import Any, Literal

from torch import Tensor, nn

from coordconv import CoordConv2d
from coordconv_lab.experiments.notsoclevr.networks.coordinates import first_layer
from coordconv_lab.experiments.notsoclevr.networks.layout import channels_last
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvRegressor,
    Padding,
)

Head = Literal["max", "average", "sum"]


def pool(maps: Tensor, head: Head) -> Tensor:
    """Reduce each map in (N, C, H, W) to one number, as (N, C)."""
    if head == "max":
        # If several pixels have the maximum, only the first gets the gradient.
        return maps.flatten(2).max(dim=2).values
    return maps.mean(dim=(2, 3)) if head == "average" else maps.sum(dim=(2, 3))


def _padded(padding: Padding) -> dict[str, Any]:
    """Return the arguments of a convolution for a kind of padding."""
    if padding in ("valid", "same"):
        return {"padding": padding}
    return {"padding": "same", "padding_mode": padding}


class CoordConvPooling(nn.Module):
    """One CoordConv layer, four convolutions and global pooling."""

    def __init__(self, spec: CoordConvRegressor) -> None:
        super().__init__()
        self.spec = spec
        width = spec.width
        layers: list[nn.Module] = [first_layer(1, width, spec)]
        for outputs, kernel in ((width, 1), (width, 1), (width, spec.kernel), (2, spec.kernel)):
            if spec.activation == "relu":
                layers.append(nn.ReLU(inplace=True))
            layers.append(nn.Conv2d(width, outputs, kernel, **_padded(spec.padding)))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to points (N, 2) in pixels."""
        maps = self.layers(channels_last(images * self.spec.input_scale))
        return pool(maps, self.spec.head) * self.spec.output_scale


class ConvFlattening(nn.Module):
    """Baseline of the uniform split: convolutions, max pooling and two linear layers."""

    def __init__(self, spec: ConvFlatRegressor, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.spec = spec
        layers: list[nn.Module] = []
        channels = (1, *(spec.width,) * 4)
        for index, (inputs, outputs) in enumerate(pairwise(channels)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=spec.padding), nn.ReLU(inplace=True)]
            if index < 3:
                layers.append(nn.MaxPool2d(2, spec.pool_stride))
        height, width = (self._side(side) for side in canvas)
        flat = nn.Linear(spec.width * height * width, spec.hidden)
        self.layers = nn.Sequential(*layers, nn.Flatten(), flat, nn.ReLU(inplace=True))
        self.layers.append(nn.Linear(spec.hidden, 2))

    def _side(self, side: int) -> int:
        """Return the size of an axis after the last convolution."""
        for index in range(4):
            side -= 2 if self.spec.padding == "valid" else 0
            if index < 3:
                side = (side - 2) // self.spec.pool_stride + 1
            if side < 1:
                raise ValueError("convolutions and pooling leave no pixels")
        return side

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to points (N, 2) in pixels."""
        return self.layers(channels_last(images * self.spec.input_scale)) * self.spec.output_scale


class ConvPooling(nn.Module):
    """Baseline of the quadrant split: nine convolutions, five of them with stride 2."""

    def __init__(self, spec: ConvPooledRegressor) -> None:
        super().__init__()
        self.spec = spec
        width, valid = spec.width, spec.padding == "valid"
        # (kernel, stride, whether batch normalization is applied) of all but the last convolution.
        plan = ((5, 2, 0), (1, 1, 1), (3, 1, 0), (3, 2, 0), (3, 2, 1), (3, 2, 0), (1, 1, 0))
        plan += () if valid else ((3, 2, 0),)
        layers: list[nn.Module] = []
        inputs = 1
        after = {"before": (), "first_after": (1,), "after": (1, 4)}[spec.normalise]
        for index, (kernel, stride, normalise) in enumerate(plan):
            padding = 0 if valid else kernel // 2
            convolution = self._convolution(index, len(plan))
            layers.append(convolution(inputs, width, kernel, stride, padding))
            layers += self._activation(normalise and spec.batch_norm, index in after)
            inputs = width
        convolution = self._convolution(len(plan), len(plan))
        layers.append(convolution(width, 2, 2) if valid else convolution(width, 2, 3, padding=1))
        if spec.last_activation == "relu":
            layers.append(nn.ReLU(inplace=True))
        self.layers = nn.Sequential(*layers)

    def _convolution(self, index: int, last: int) -> type[nn.Conv2d | CoordConv2d]:
        """Return the class of a convolution, which has coordinates if the spec says so."""
        places = {"first": (0,), "middle": (4,), "last": (last,), "all": range(last + 1)}
        seeing = self.spec.coordinates and index in places[self.spec.coordinate_layers]
        return CoordConv2d if seeing else nn.Conv2d

    def _activation(self, normalise: bool | int, after: bool) -> list[nn.Module]:
        """Return a ReLU, optionally with batch normalization before or after it."""
        if not normalise:
            return [nn.ReLU(inplace=True)]
        running = self.spec.statistics == "running"
        norm = nn.BatchNorm2d(self.spec.width, self.spec.epsilon, track_running_stats=running)
        return [nn.ReLU(), norm] if after else [norm, nn.ReLU(inplace=True)]

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to points (N, 2) in pixels."""
        maps = self.layers(channels_last(images * self.spec.input_scale))
        return pool(maps, self.spec.head) * self.spec.output_scale
