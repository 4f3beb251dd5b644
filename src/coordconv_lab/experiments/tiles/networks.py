"""A network that maps satellite images to climate zones."""

from coordconv_lab.experiments.earth.networks import EarthNet
from coordconv_lab.experiments.tiles.specs import TilesNetSpec, TilesSpec


class TilesNet(EarthNet):
    """Map tiles, (N, 3, 20, 20), to logits of the five climates, (N, 5, 20, 20).

    Args:
        spec: Settings of the network.
        data: The tiles.
    """

    def __init__(self, spec: TilesNetSpec, data: TilesSpec) -> None:
        super().__init__(spec, 3, 5)
