"""Base class and types of specs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class FrozenSpec(BaseModel):
    """Immutable model that rejects unknown fields, NaN and infinity.

    Defaults must not change after a release: ids omit defaults, so a new default would change the
    meaning of existing ids.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Size = Annotated[int, Field(ge=1, le=4096)]
Positive = Annotated[float, Field(gt=0)]
