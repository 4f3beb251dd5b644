"""Base class and types of specs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class FrozenSpec(BaseModel):
    """An immutable model that rejects unknown fields, NaN and infinity.

    The string below a field is its description, which the command line shows as help.

    Defaults must not change after a release. The id of a run is a hash of the settings that differ
    from their defaults, so a new default would change the meaning of existing ids.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


Size = Annotated[int, Field(ge=1, le=4096)]
Positive = Annotated[float, Field(gt=0)]


class DatasetSpec(FrozenSpec):
    """Settings of a data set; base class for the data of experiments.

    Subclasses restrict the type of ``split`` to the names of their splits. These names are part of
    the names of runs and tables.
    """

    split: Any = "default"
    """Which examples are held out."""

    @property
    def is_complete(self) -> bool:
        """Whether runs on these data store predictions in addition to scores."""
        return True

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "these data"

    @property
    def remedy(self) -> str:
        """The advice in error messages if a network cannot be used on the data."""
        return "change the settings of the data or of the network"


class NetworkSpec(FrozenSpec):
    """Settings of a network. Each kind of network has its own subclass."""

    kind: Any
    """Name of the kind. A subclass sets the type ``Literal["..."]`` with the same default."""

    @property
    def family(self) -> str:
        """Name of the network in tables and in the names of runs; by default its kind."""
        return self.kind

    @property
    def is_trained(self) -> bool:
        """Whether the network is trained; False if formulas give its weights."""
        return True

    @property
    def batch_statistics(self) -> Literal["running", "batch", "batch_of_a_side"]:
        """Which statistics batch normalization uses in an evaluation.

        "running" means the running averages of training. "batch" means the statistics of each
        batch, which is a random mixture of training and test examples. "batch_of_a_side" means the
        statistics of batches that contain only training or only test examples.
        """
        return "running"
