"""A classifier and a region-proposal network, with coordinates at the same layers as in the paper.

The paper is Liu et al. 2018 (arXiv:1807.03247).
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv2d, coordinate_grid
from coordconv_lab.experiments.digits.boxes import SIDES
from coordconv_lab.experiments.digits.specs import (
    DigitClassifierSpec,
    DigitProposalsSpec,
    DigitsSpec,
    Told,
)


class ShuffledCoordConv2d(CoordConv2d):
    """A CoordConv2d whose coordinates are shuffled between pixels, differently for every batch.

    In evaluation mode, the order is the same for every batch.
    """

    def forward(self, input: Tensor, window: object = None, coordinates: object = None) -> Tensor:
        """Return the convolution of the input, (N, C, H, W), and shuffled coordinates."""
        if coordinates is None:
            size = input.shape[-2:]
            seed = None if self.training else torch.Generator().manual_seed(0)
            order = torch.randperm(size[0] * size[1], generator=seed).to(input.device)
            grid = coordinate_grid(tuple(size), device=input.device)
            coordinates = grid.flatten(1)[:, order].unflatten(1, tuple(size))
        return super().forward(input, coordinates=coordinates)  # pyright: ignore[reportArgumentType]


LAYERS = {"nothing": nn.Conv2d, "true": CoordConv2d, "shuffled": ShuffledCoordConv2d}


def trunk(told: Told, width: int) -> nn.Sequential:
    """Return convolutions from a canvas, (N, 1, 64, 64), to features, (N, 2 width, 13, 13).

    The network of the paper's code has 32 and 64 channels, and max pooling after each 5 x 5
    convolution. Here, these convolutions have stride 2, and there is no pooling. This reduces the
    time to a fifth.
    """
    layer = LAYERS[told]
    return nn.Sequential(
        layer(1, width, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 5, stride=2),
        nn.ReLU(),
        layer(2 * width, 2 * width, 3, padding=1),
        nn.ReLU(),
    )


class DigitClassifier(nn.Sequential):
    """Three convolutions with stride 2 and batch normalization, average pooling and a linear layer.

    Args:
        spec: Settings of the network.
        data: The canvases.
    """

    def __init__(self, spec: DigitClassifierSpec, data: DigitsSpec) -> None:
        layer, width = LAYERS[spec.told], spec.width
        super().__init__(
            layer(1, width, 5, stride=2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 5, stride=2),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            layer(2 * width, 4 * width, 3, stride=2),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * width, 10),
        )


class DigitProposals(nn.Module):
    """A region-proposal network, which predicts four offsets and an object logit for every anchor.

    Args:
        spec: Settings of the network.
        data: The canvases.
    """

    def __init__(self, spec: DigitProposalsSpec, data: DigitsSpec) -> None:
        super().__init__()
        features, count = 2 * spec.width, len(SIDES) ** 2
        self.trunk = trunk(spec.told, spec.width)
        self.mover = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
            LAYERS[spec.told](features, 4 * count, 1),
        )
        self.scorer = nn.Conv2d(features, count, 1)
        for parameter in self.mover[-1].parameters():
            nn.init.zeros_(parameter)  # Initially, every predicted box equals its reference.

    def forward(self, images: Tensor) -> Tensor:
        """Map canvases, (N, 1, 64, 64), to offsets and logits, (N, 13 * 13 * 9, 5)."""
        features = self.trunk(images)
        offsets = self.mover(features).unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2)
        logits = self.scorer(features).permute(0, 2, 3, 1)
        return torch.cat([offsets.flatten(1, 3), logits.flatten(1)[..., None]], -1)
