"""What all specs have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class FrozenSpec(BaseModel):
    """Fields that cannot change, cannot be misspelt, and are finite numbers.

    A default never changes once a release has it: ids leave defaults out, so that another one would
    give an old id a new meaning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Size = Annotated[int, Field(ge=1, le=4096)]
Positive = Annotated[float, Field(gt=0)]
