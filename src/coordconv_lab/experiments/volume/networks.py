"""A network that classifies the voxel at the center of a crop of a head."""

from coordconv_lab.crop_classifier import CropClassifier
from coordconv_lab.experiments.volume.heads import CLASSES
from coordconv_lab.experiments.volume.specs import VolumeNetSpec, VolumeSpec


class VolumeNet(CropClassifier):
    """Three convolutions, an average over the crop and a linear layer.

    Args:
        spec: Settings of the network.
        data: The crops.
    """

    def __init__(self, spec: VolumeNetSpec, data: VolumeSpec) -> None:
        super().__init__(3, spec.width, CLASSES, sees_coordinates=spec.told != "nothing")
