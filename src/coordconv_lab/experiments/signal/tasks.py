"""The inputs and labels of the tasks: will a person be active later, and are they still?"""

from torch import Tensor

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.crops.tasks import CropClassification
from coordconv_lab.experiments.signal.movements import CROP, DAY
from coordconv_lab.experiments.signal.source import PEOPLE
from coordconv_lab.specs import ExperimentSpec

LABELS = {"signal-later": "active_later", "signal-still": "still"}
"""The name of the tensor with the labels of each task."""


class ClassifyCrop(CropClassification):
    """Classification of crops into two classes.

    Args:
        spec: The spec of the run.
        data: The crops.
    """

    units = PEOPLE

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        start, labels = data.tensors["start"], data.tensors[LABELS[spec.task]]
        super().__init__(spec.model.told, start, (CROP,), (DAY,), labels)
        self.tensors = data.tensors

    def unit(self, examples: Tensor) -> Tensor:
        """Return the person of each crop."""
        return self.tensors["person"][examples]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the crops, (B, 1, 24)."""
        return self.tensors["crop"][examples]
