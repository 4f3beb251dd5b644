"""The inputs and labels of the tasks: the side and the tissue of the voxel at a crop's center."""

from torch import Tensor

from coordconv_lab.experiments.crops.tasks import CropClassification
from coordconv_lab.experiments.volume.heads import CROP, HEADS, WORLD, Crops
from coordconv_lab.specs import ExperimentSpec

LABELS = {"volume-side": "side", "volume-tissue": "tissue"}
"""The name of the tensor with the labels of each task."""


class ClassifyMiddle(CropClassification):
    """Classification of the voxel at the center of a crop.

    Args:
        spec: The spec of the run.
        data: The crops.
    """

    units = HEADS

    def __init__(self, spec: ExperimentSpec, data: Crops) -> None:
        start, labels = data.tensors["start"], data.tensors[LABELS[spec.task]]
        super().__init__(spec.model.told, start, (CROP,) * 3, (WORLD,) * 3, labels)
        self.data = data

    def unit(self, examples: Tensor) -> Tensor:
        """Return the head of each crop."""
        return self.data.tensors["head"][examples]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the crops, (B, 1, 8, 8, 8)."""
        return self.data.cut(examples)
