"""The first layer of a network, with correct, faulty or no coordinates."""

import torch
from torch import Tensor, nn

from coordconv import Convention, CoordConv2d
from coordconv_lab.experiments.notsoclevr.specs import CoordinateOptions


def first_layer(inputs: int, outputs: int, spec: CoordinateOptions) -> nn.Module:
    """Create a pointwise convolution over the inputs and the coordinates of a spec."""
    if not spec.coordinates:
        return nn.Conv2d(inputs, outputs, 1)
    match spec.grid:
        case "right":
            return CoordConv2d(inputs, outputs, 1, radius=spec.radius)
        case "off_centre_radius":
            convention = Convention(radius="off_center")
            return CoordConv2d(inputs, outputs, 1, radius=spec.radius, convention=convention)
        case "swapped_divisors":
            return SwappedDivisors(inputs, outputs, 1, radius=spec.radius)


class SwappedDivisors(CoordConv2d):
    """CoordConv with x divided by the height and y by the width, as in the paper's listing S9.

    The paper's code has the same fault. On a square canvas, the coordinates are correct.
    """

    def forward(self, input: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolve the input, (N, C, H, W), and the faulty coordinates."""
        height, width = input.shape[-2:]
        options = {"device": input.device, "dtype": input.dtype}
        x = torch.arange(width, **options) / max(height - 1, 1) * 2 - 1
        y = torch.arange(height, **options) / max(width - 1, 1) * 2 - 1
        channels = [x.expand(height, width), y[:, None].expand(height, width)]
        if self.radius:
            channels.append((channels[0] ** 2 + channels[1] ** 2).sqrt())
        return super().forward(input, coordinates=torch.stack(channels))
