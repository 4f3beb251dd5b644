"""Settings of the data, the network and the training for brains."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import DatasetSpec, NetworkSpec, Size
from coordconv_lab.specs.training import TrainingSpec

Told = Literal["nothing", "patch", "true", "shuffled"]
"""Coordinates of a network: none, relative to the patch, in the brain, or of another patch."""

FAMILIES = {"nothing": "conv", "patch": "patch", "true": "coordconv", "shuffled": "shuffled"}


class BrainsSpec(DatasetSpec):
    """Patches of 12 x 12 x 12 voxels of 4 mm around random voxels of regions."""

    split: Literal["first", "second", "third"] = "first"
    """Which two of six people are held out."""

    train: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Patches per person of training."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 400
    """Patches per held-out person."""

    held_out: Literal["test", "validation"] = "test"
    """validation omits the held-out people and instead holds out the first two others, for choosing
    settings.
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
    """The coordinates that the network sees: nothing, relative to the patch, the true millimeters,
    or shuffled ones of another patch.
    """

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name in tables, by the coordinates."""
        return FAMILIES[self.told]


class BrainTrainingSpec(TrainingSpec):
    """Training that may mirror patches from left to right, and keeps their labels."""

    mirror: Literal["no", "carried", "stale"] = "no"
    """Mirror half of the batches: no; carried, with mirrored coordinates; or stale, with the
    coordinates of the patch's position in the mirrored brain.
    """
