"""Settings of the data, the network and the training for brains."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import DatasetSpec, NetworkSpec, Size
from coordconv_lab.specs.training import TrainingSpec

Told = Literal["nothing", "patch", "true", "shuffled"]
"""The coordinates that a network sees.

"nothing" means none, "patch" coordinates relative to the patch, "true" coordinates in the brain,
and "shuffled" those of another patch.
"""

FAMILIES = {"nothing": "conv", "patch": "patch", "true": "coordconv", "shuffled": "shuffled"}


class BrainsSpec(DatasetSpec):
    """Patches of 12 x 12 x 12 voxels of 4 mm, around random voxels of the regions of a brain."""

    split: Literal["first", "second", "third"] = "first"
    """Which pair of the six people is held out."""

    train: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Number of patches per person in the training set."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 400
    """Number of patches per held-out person."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the people of the split. validation is for choosing settings: it omits these
    people, and holds out the first two of the other people instead.
    """

    patch_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the positions of the patches."""

    @property
    def is_complete(self) -> bool:
        """Whether the people of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "patches of 12 x 12 x 12 voxels"


class BrainNetSpec(NetworkSpec):
    """Three convolutions with stride 2 and batch normalization. The first can see coordinates."""

    kind: Literal["brain-regions"] = "brain-regions"
    told: Told = "true"
    """The coordinates that the network sees. nothing means none, patch means coordinates relative
    to the patch, true means coordinates in the brain in millimeters, and shuffled means the
    coordinates of another patch.
    """

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name of the network in tables, which depends on the coordinates that it sees."""
        return FAMILIES[self.told]


class BrainTrainingSpec(TrainingSpec):
    """Training that can mirror patches from left to right. Labels are not mirrored."""

    mirror: Literal["no", "carried", "stale"] = "no"
    """Whether to mirror half of the batches. carried mirrors the patches and their coordinates.
    stale mirrors the patches, but uses the coordinates of their positions in the mirrored brain.
    """
