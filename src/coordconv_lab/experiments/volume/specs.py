"""Settings of the data and the network for volumes."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.experiments.crops.specs import CropNetSpec
from coordconv_lab.specs.base import DatasetSpec, NetworkSpec


class VolumeSpec(DatasetSpec):
    """Crops of 8 x 8 x 8 voxels of 4 mm, from heads that are deformations of one template."""

    split: Literal["aligned", "moved"] = "aligned"
    """aligned holds out heads that are positioned like the training heads. moved shifts the
    held-out heads by 20 to 40 mm."""

    train: Annotated[int, Field(ge=2, le=100_000)] = 200
    """Number of crops per head in the training set."""

    test: Annotated[int, Field(ge=2, le=100_000)] = 200
    """Number of crops per held-out head."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the heads of the split. validation is for choosing settings: it omits these
    heads, and holds out five of the other heads instead."""

    head_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed for the deformations and for the positions of the crops."""

    @property
    def is_complete(self) -> bool:
        """Whether the heads of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "crops of 8 x 8 x 8 voxels"


class VolumeNetSpec(CropNetSpec, NetworkSpec):
    """Three convolutions with stride 2 and batch normalization. The first can see coordinates."""

    kind: Literal["volume-net"] = "volume-net"
