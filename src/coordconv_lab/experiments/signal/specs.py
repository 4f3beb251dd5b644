"""Settings of the data and the network for signals."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.experiments.crops.specs import CropNetSpec
from coordconv_lab.specs.base import DatasetSpec, NetworkSpec


class SignalSpec(DatasetSpec):
    """Two hours of wrist movement, in steps of five minutes."""

    split: Literal["first", "second"] = "first"
    """Which five of the ten people are held out."""

    train: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Number of crops per person in the training set."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 500
    """Number of crops per held-out person."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the people of the split. validation is for choosing settings: it omits these
    people, and holds out two of the other people instead."""

    crop_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed for drawing the times of the crops."""

    @property
    def is_complete(self) -> bool:
        """Whether the people of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "crops of 24 steps of five minutes"


class SignalNetSpec(CropNetSpec, NetworkSpec):
    """Three convolutions with stride 2 and batch normalization. The first can see coordinates."""

    kind: Literal["signal-net"] = "signal-net"
