"""Settings of the data, the network and the training for brains."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import DatasetSpec, NetworkSpec, Size
from coordconv_lab.specs.training import TrainingSpec

Told = Literal["nothing", "patch", "true", "shuffled"]
"""The coordinates that a network sees: "nothing"; those relative to the "patch"; the "true" ones in
the brain; or "shuffled" ones, which belong to another patch.
"""

FAMILIES = {"nothing": "conv", "patch": "patch", "true": "coordconv", "shuffled": "shuffled"}


class BrainsSpec(DatasetSpec):
    """Patches of 12 x 12 x 12 voxels of 4 mm around random voxels of regions."""

    split: Literal["first", "second", "third"] = "first"
    """Pair of the six people to hold out."""

    train: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Patches per person in the training set."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 400
    """Patches per held-out person."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the people of the split; validation, for choosing settings, omits them and
    holds out the first two of the other people instead.
    """

    patch_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the positions of the patches."""

    @property
    def is_complete(self) -> bool:
        """Whether the people of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """The name of the data in messages."""
        return "patches of 12 x 12 x 12 voxels"


class BrainNetSpec(NetworkSpec):
    """Three convolutions with stride 2 and batch normalization; the first may see coordinates."""

    kind: Literal["brain-regions"] = "brain-regions"
    told: Told = "true"
    """The coordinates that the network sees: nothing; those relative to the patch; the true ones in
    millimeters; or shuffled ones, which belong to another patch.
    """

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """The name in tables, which depends on the coordinates."""
        return FAMILIES[self.told]


class BrainTrainingSpec(TrainingSpec):
    """Training that may mirror patches from left to right; labels are not mirrored."""

    mirror: Literal["no", "carried", "stale"] = "no"
    """Whether to mirror half of the batches: no; carried, which mirrors the coordinates as well; or
    stale, which uses the coordinates of the patch's position in the mirrored brain.
    """
