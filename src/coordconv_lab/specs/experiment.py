"""One experiment, whole, and the reading of one that was written down."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.specs.base import FrozenSpec
from coordconv_lab.specs.data import DataSpec
from coordconv_lab.specs.models import CoordinateOptions, ModelSpec
from coordconv_lab.specs.training import TrainingSpec

SPEC_VERSION = 1

TaskName = Literal["classification", "regression", "rendering", "reconstruction"]
ModelName = Literal["coordconv", "deconv", "conv", "hand-built", "mlp", "transformer"]

BASELINE: Mapping[str, ModelName] = {
    "classification": "deconv",
    "regression": "conv",
    "rendering": "deconv",
    "reconstruction": "deconv",
}
"""The net without coordinates that each task is compared with."""

_KINDS_OF_TASK: Mapping[str, tuple[str, ...]] = {
    "classification": ("coordconv-classifier", "deconv", "hand-built-classifier"),
    "regression": (
        "coordconv-regressor",
        "conv-flat-regressor",
        "conv-pooled-regressor",
        "mlp-regressor",
        "transformer-regressor",
        "hand-built-regressor",
    ),
    "rendering": (
        "coordconv-renderer",
        "coordconv-classifier",
        "deconv",
        "deconv-renderer",
        "hand-built-renderer",
    ),
    "reconstruction": ("square-autoencoder",),
}

_FIND_THE_POINT = ("coordconv-renderer", "deconv-renderer")

_TUTORIAL_TASKS = ("classification", "regression", "rendering")


class ExperimentSpec(FrozenSpec):
    """One training run, whole: what is learnt, by which net, how, and from which seed."""

    version: Literal[1] = SPEC_VERSION
    task: TaskName
    data: DataSpec = DataSpec()
    model: ModelSpec
    training: TrainingSpec
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        kinds = _KINDS_OF_TASK[self.task]
        if self.model.kind not in kinds:
            raise ValueError(
                f"the {self.task} task takes a model of kind {', '.join(kinds)}; "
                f"got {self.model.kind}"
            )
        doubles = self.model.kind in ("deconv", "deconv-renderer") or (
            self.model.kind == "square-autoencoder" and self.model.decoder == "deconv"
        )
        if doubles and self.data.canvas != (64, 64):
            raise ValueError(
                "the deconv net doubles one pixel six times, so it draws on a 64 x 64 canvas "
                f"alone; got {self.data.canvas[0]} x {self.data.canvas[1]}"
            )
        if self.model.kind.startswith("hand-built") != (self.training.epochs == 0):
            raise ValueError(
                "training.epochs must be 0 for a hand-built net and 1 or more for all others; got "
                f"{self.training.epochs} for a model of kind {self.model.kind}"
            )
        if self.model.kind == "hand-built-renderer" and self.model.square != self.data.square:
            raise ValueError(
                f"the net paints squares of {self.model.square} pixels, the data's have "
                f"{self.data.square}; set model.square to the same"
            )
        model = self.model
        if isinstance(model, CoordinateOptions) and (
            model.grid == "off_centre_radius" and not model.radius
        ):
            raise ValueError(
                "the grid off_centre_radius differs in its radius alone; set model.radius to true"
            )
        if self.training.batch_order == "tutorial" and (
            self.data.split_variant != "tutorial"
            or not self.data.is_complete
            or self.task not in _TUTORIAL_TASKS
        ):
            raise ValueError(
                "training.batch_order tutorial repeats the draws of the tutorial's code, which has "
                f"the tasks {', '.join(_TUTORIAL_TASKS)}, the split variant tutorial and all "
                f"positions; got {self.task} with the split variant {self.data.split_variant}, "
                f"held_out {self.data.held_out} and train_share {self.data.train_share}"
            )
        if self.training.pixel_loss != "cross_entropy" and self.task != "rendering":
            raise ValueError(
                f"pixel_loss is what rendering minimises; leave it at cross_entropy for {self.task}"
            )
        if self.training.point_loss and self.model.kind not in _FIND_THE_POINT:
            raise ValueError(
                "point_loss weighs the renderer's intermediate point, which only a model of kind "
                f"{' or '.join(_FIND_THE_POINT)} has; got {self.model.kind}; set point_loss to 0"
            )
        return self

    @property
    def model_name(self) -> ModelName:
        """The family of the network, such as coordconv, deconv or conv."""
        match self.model.kind:
            case "hand-built-classifier" | "hand-built-regressor" | "hand-built-renderer":
                return "hand-built"
            case "square-autoencoder":
                return "coordconv" if self.model.decoder == "broadcast" else "deconv"
            case "deconv" | "deconv-renderer":
                return "deconv"
            case "conv-flat-regressor":
                return "conv"
            case "mlp-regressor":
                return "mlp"
            case "transformer-regressor":
                return "transformer"
            case _:
                return "coordconv" if self.model.coordinates else "conv"

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the sha256 of this spec's canonical JSON.

        The canonical JSON leaves out what is at its default, so that a later release with one more
        setting still finds the runs of today.
        """
        chosen = self.model_dump(mode="json", exclude_defaults=True)
        chosen["model"]["kind"] = self.model.kind
        canonical = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def run_name(self) -> str:
        """The name of the run's directory: readable first, the id last."""
        return f"{self.task}-{self.data.split}-{self.model_name}-seed{self.seed}-{self.id}"


_EXPLAINED = 5
"""Faults that one message tells of."""

_LONGEST_NAME = 80
"""Characters of a field's name in it, which is the file's own where it is unknown."""


def explain(error: ValidationError) -> str:
    """Say a validation error in one line: which field, what was expected, what came."""
    parts = []
    items = _without_follow_ons(error.errors(include_url=False))
    for item in items[:_EXPLAINED]:
        where = ".".join(str(part)[:_LONGEST_NAME] for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        shown = isinstance(item["input"], str | int | float | list | tuple) and where
        came = f"; got {in_short(item['input'])}" if shown else ""
        parts.append(f"{where}: {message}{came}" if where else message)
    more = len(items) - len(parts)
    return " | ".join(parts) + (f" | and {more} more" if more > 0 else "")


def _without_follow_ons(items: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Faults but for lists that are too short only because their items have faults of their own."""

    def follows(item: ErrorDetails) -> bool:
        place = item["loc"]
        within = (other["loc"] for other in items if len(other["loc"]) > len(place))
        return item["type"] == "too_short" and any(loc[: len(place)] == place for loc in within)

    return [item for item in items if not follows(item)]


def parse_spec(fields: Mapping[str, Any], source: str) -> ExperimentSpec:
    """Validate the fields of a spec read from `source`.

    Raises:
        InputError: The fields come from another version, or do not describe an experiment.
    """
    version = fields.get("version")
    if version != SPEC_VERSION:
        raise InputError(
            f"{source}: expected a spec of version {SPEC_VERSION}, got version "
            f"{in_short(version)}; use the release that wrote it, or move the run away and train "
            "it again"
        )
    try:
        return ExperimentSpec.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(f"{source}: {explain(error)}") from error


def parse_data_spec(fields: Mapping[str, Any]) -> DataSpec:
    """Validate the description of a data set.

    Raises:
        InputError: The fields do not describe a data set.
    """
    try:
        return DataSpec.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(explain(error)) from error
