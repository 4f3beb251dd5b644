"""A network that predicts the region at the center of a patch."""

from coordconv_lab.crop_classifier import CropClassifier
from coordconv_lab.experiments.brains.specs import BrainNetSpec, BrainsSpec
from coordconv_lab.experiments.brains.volumes import REGIONS


class BrainNet(CropClassifier):
    """Three convolutions, an average over the patch and a linear layer.

    Args:
        spec: Settings of the network.
        data: The patches.
    """

    def __init__(self, spec: BrainNetSpec, data: BrainsSpec) -> None:
        super().__init__(3, spec.width, REGIONS, sees_coordinates=spec.told != "nothing")
