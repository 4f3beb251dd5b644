"""A network that classifies two hours of movement."""

from coordconv_lab.crop_classifier import CropClassifier
from coordconv_lab.experiments.signal.specs import SignalNetSpec, SignalSpec


class SignalNet(CropClassifier):
    """Three convolutions, an average over the crop and a linear layer.

    Args:
        spec: Settings of the network.
        data: The crops.
    """

    def __init__(self, spec: SignalNetSpec, data: SignalSpec) -> None:
        super().__init__(1, spec.width, 2, sees_coordinates=spec.told != "nothing")
