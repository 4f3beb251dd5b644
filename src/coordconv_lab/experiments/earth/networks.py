"""A network that turns crops of earth maps into crops of other maps."""

from torch import Tensor, nn

from coordconv import CoordConv2d
from coordconv_lab.experiments.earth.specs import EarthNetSpec


class EarthNet(nn.Module):
    """Convolutions that keep the size of a crop.

    Args:
        spec: Settings of the network.
        in_channels: Channels of a crop.
        out_channels: Channels of the outputs.
    """

    def __init__(self, spec: EarthNetSpec, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width, self.sees = spec.width, spec.told != "nothing"
        # With a radius, the layer expects three coordinates, which points on the sphere have.
        self.first = (
            CoordConv2d(in_channels, width, 3, padding=1, radius=spec.told == "sphere")
            if self.sees
            else nn.Conv2d(in_channels, width, 3, padding=1)
        )
        self.rest = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, out_channels, 1),
        )

    def forward(self, maps: Tensor, coordinates: Tensor | None = None) -> Tensor:
        """Map crops, (N, C, H, W), to outputs of the same size.

        Args:
            maps: The crops.
            coordinates: The coordinates of every pixel, (N, d, H, W). By default, the position
                within the crop.
        """
        told = {} if coordinates is None or not self.sees else {"coordinates": coordinates}
        return self.rest(self.first(maps, **told))
