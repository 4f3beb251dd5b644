"""A network that maps elevation and land to temperatures."""

from coordconv_lab.experiments.climate.specs import ClimateNetSpec, ClimateSpec
from coordconv_lab.experiments.earth.networks import EarthNet


class ClimateNet(EarthNet):
    """Map crops, (N, 2, 16, 16), to the standardized temperatures of all months, (N, 12, 16, 16).

    Args:
        spec: Settings of the network.
        data: The crops.
    """

    def __init__(self, spec: ClimateNetSpec, data: ClimateSpec) -> None:
        super().__init__(spec, 2, 12)
