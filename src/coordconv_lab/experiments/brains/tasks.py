"""The loss, the scores and the coordinates for predicting regions."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv import Placement
from coordconv_lab.experiments.brains.patches import PATCH, WORLD, Patches
from coordconv_lab.experiments.brains.source import PEOPLE
from coordconv_lab.experiments.brains.volumes import SIDE
from coordconv_lab.placed_objective import PlacedObjective
from coordconv_lab.specs import ExperimentSpec


class NameRegion(PlacedObjective):
    """Classification of patches: cross-entropy over 41 regions on two sides.

    Args:
        spec: The spec of the run.
        data: The patches.
    """

    units = PEOPLE
    evaluation_batch = 200

    def __init__(self, spec: ExperimentSpec, data: Patches) -> None:
        super().__init__(spec.model.told, data.tensors["start"], (PATCH,) * 3, (WORLD,) * 3)
        self.data, self.mirror, self.labels = data, spec.training.mirror, data.tensors["label"]

    def unit(self, examples: Tensor) -> Tensor:
        """Return the person of each patch."""
        return self.data.tensors["person"][examples]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the patches, (B, 1, 12, 12, 12)."""
        return self.data.cut(examples)

    def mirrored_place(self, examples: Tensor) -> Placement:
        """Return the positions that the network sees for mirrored patches."""
        if self.mirror == "carried":
            return self.place(examples).flip(-3)
        start = self.first(examples)
        start = torch.cat([WORLD - PATCH - start[:, :1], start[:, 1:]], 1)
        return Placement(self.full_size).crop(start, self.size)

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean cross-entropy. If the spec says so, half of the batches are mirrored."""
        if self.mirror != "no" and torch.rand(()) < 0.5:
            patches, place = self.inputs(examples).flip(-3), self.mirrored_place(examples)
            outputs = self.call(net, patches, place)
        else:
            outputs = self.predict(net, examples)
        return functional.cross_entropy(outputs, self.labels[examples])

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return the scores of each patch: is the side correct, and are region and side correct."""
        found, wanted = outputs.argmax(-1), self.labels[examples]
        side = (found < SIDE) == (wanted < SIDE)
        return {"side": side.float(), "region_and_side": (found == wanted).float()}
