"""Frozen, validated descriptions of an experiment; a run's id is the hash of its description.

Sizes are (height, width), points (x, y), lengths in pixels, rates per optimizer step.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from coordconv_lab.errors import InputError

SPEC_VERSION = 1

TaskName = Literal["classification", "regression", "rendering"]
SplitName = Literal["uniform", "quadrant"]
SplitVariant = Literal["default", "tutorial", "paper", "walsvid"]
ModelName = Literal["coordconv", "deconv", "conv"]
Initialisation = Literal["glorot", "he", "torch"]

BASELINE: Mapping[str, ModelName] = {
    "classification": "deconv",
    "regression": "conv",
    "rendering": "deconv",
}
"""The net without coordinates that each task is compared with."""

# The smallest seed whose uniform split puts the tutorial's six pictured uniform examples on the
# tutorial's sides (three in training, three in test), so that its gallery can be shown honestly.
GALLERY_SPLIT_SEED = 215


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Size = Annotated[int, Field(ge=1, le=4096)]


class DataSpec(_Frozen):
    """Not-so-Clevr: one square on a canvas, at every position where it fits."""

    canvas: tuple[Size, Size] = (64, 64)
    square: Size = 9
    split: SplitName = "uniform"
    split_variant: SplitVariant = "default"
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = GALLERY_SPLIT_SEED

    @model_validator(mode="after")
    def _square_fits(self) -> Self:
        if self.square > min(self.canvas):
            raise ValueError(
                f"a {self.square} x {self.square} square does not fit on a canvas of height "
                f"{self.canvas[0]} and width {self.canvas[1]}; take a larger canvas or a smaller "
                "square"
            )
        if min(side - self.square for side in self.canvas) < 1:
            raise ValueError(
                "the square fits at one position only along an axis, so there is nothing to "
                "split; take a larger canvas or a smaller square"
            )
        return self


class CoordConvClassifier(_Frozen):
    """Tile the point, append coordinates, 1 x 1 convolutions (the paper's figure S1)."""

    kind: Literal["coordconv-classifier"] = "coordconv-classifier"
    widths: Annotated[tuple[Size, ...], Field(min_length=1)] = (32, 32, 64, 64)
    radius: bool = False
    batch_norm: bool = False
    input_scale: Literal["unit", "raw"] = "unit"
    initialisation: Initialisation = "glorot"


class CoordConvRenderer(_Frozen):
    """A classifier, a softmax over the pixels, then convolutions that paint the square."""

    kind: Literal["coordconv-renderer"] = "coordconv-renderer"
    widths: Annotated[tuple[Size, ...], Field(min_length=1)] = (32, 32, 64, 64)
    painter_widths: tuple[Size, ...] = (8, 8, 16, 16)
    painter_kernel: Annotated[int, Field(ge=1, le=15)] = 3
    painter_input_scale: Annotated[float, Field(gt=0)] = 1.0
    radius: bool = False
    batch_norm: bool = False
    input_scale: Literal["unit", "raw"] = "unit"
    initialisation: Initialisation = "glorot"


class CoordConvRegressor(_Frozen):
    """Append coordinates to the one-hot image, five convolutions, one global pooling."""

    kind: Literal["coordconv-regressor"] = "coordconv-regressor"
    width: Size = 8
    radius: bool = False
    padding: Literal["valid", "same"] = "valid"
    head: Literal["max", "average", "sum"] = "max"
    activation: Literal["none", "relu"] = "none"
    input_scale: Annotated[float, Field(gt=0)] = 100.0
    output_scale: Annotated[float, Field(gt=0)] = 1.0
    initialisation: Initialisation = "glorot"


class DeconvNet(_Frozen):
    """Six transposed convolutions of stride 2, from the point to a 64 x 64 picture."""

    kind: Literal["deconv"] = "deconv"
    width: Size = 2
    kernel: Literal[2, 3, 4] = 2
    batch_norm: bool = False
    input_scale: Literal["unit", "raw"] = "unit"
    initialisation: Initialisation = "glorot"


class ConvFlatRegressor(_Frozen):
    """Four 3 x 3 convolutions with max-pooling, then two linear layers (uniform split)."""

    kind: Literal["conv-flat-regressor"] = "conv-flat-regressor"
    width: Size = 16
    hidden: Size = 64
    padding: Literal["valid", "same"] = "same"
    pool_stride: Literal[1, 2] = 2
    input_scale: Annotated[float, Field(gt=0)] = 1.0
    output_scale: Annotated[float, Field(gt=0)] = 64.0
    initialisation: Initialisation = "he"


class ConvPooledRegressor(_Frozen):
    """Nine convolutions, most of stride 2, then a global pooling (quadrant split)."""

    kind: Literal["conv-pooled-regressor"] = "conv-pooled-regressor"
    width: Size = 16
    batch_norm: bool = True
    last_activation: Literal["none", "relu"] = "relu"
    head: Literal["max", "average", "sum"] = "average"
    input_scale: Annotated[float, Field(gt=0)] = 1.0
    output_scale: Annotated[float, Field(gt=0)] = 64.0
    initialisation: Initialisation = "he"


ModelSpec = Annotated[
    CoordConvClassifier
    | CoordConvRenderer
    | CoordConvRegressor
    | DeconvNet
    | ConvFlatRegressor
    | ConvPooledRegressor,
    Field(discriminator="kind"),
]

_KINDS_OF_TASK: Mapping[str, tuple[str, ...]] = {
    "classification": ("coordconv-classifier", "deconv"),
    "regression": ("coordconv-regressor", "conv-flat-regressor", "conv-pooled-regressor"),
    "rendering": ("coordconv-renderer", "coordconv-classifier", "deconv"),
}


class TrainingSpec(_Frozen):
    """How the net is trained: optimizer, schedule, length, precision."""

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    optimizer: Literal["adam", "adamw"] = "adam"
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    point_loss: Annotated[float, Field(ge=0)] = 0.0
    early_stop_epochs: Annotated[int, Field(ge=1)] | None = None
    curve_points: Annotated[int, Field(ge=1)] = 12
    precision: Literal["float32", "bfloat16"] = "float32"


class ExperimentSpec(_Frozen):
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
        if self.model.kind == "deconv" and self.data.canvas != (64, 64):
            raise ValueError(
                "the deconv net doubles one pixel six times, so it draws on a 64 x 64 canvas "
                f"alone; got {self.data.canvas[0]} x {self.data.canvas[1]}"
            )
        if self.training.point_loss and self.model.kind != "coordconv-renderer":
            raise ValueError(
                "point_loss weighs the renderer's intermediate point, which only a model of kind "
                f"coordconv-renderer has; got {self.model.kind}; set point_loss to 0"
            )
        return self

    @property
    def model_name(self) -> ModelName:
        """The family of the net: coordconv, deconv or conv."""
        return "coordconv" if self.model.kind.startswith("coordconv") else BASELINE[self.task]

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the sha256 of the canonical JSON of this spec."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def run_name(self) -> str:
        """The name of the run's directory: readable first, the id last."""
        return f"{self.task}-{self.data.split}-{self.model_name}-seed{self.seed}-{self.id}"


def explain(error: ValidationError) -> str:
    """Say a validation error in one line: which field, what was expected, what came."""
    parts = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        shown = isinstance(item["input"], str | int | float | list | tuple) and where
        came = f"; got {item['input']!r}" if shown else ""
        parts.append(f"{where}: {message}{came}" if where else message)
    return " | ".join(parts)


def parse_spec(fields: Mapping[str, Any], source: str) -> ExperimentSpec:
    """Validate the fields of a spec read from `source`.

    Raises:
        InputError: The fields come from another version, or do not describe an experiment.
    """
    version = fields.get("version")
    if version != SPEC_VERSION:
        raise InputError(
            f"{source}: expected a spec of version {SPEC_VERSION}, got version {version!r}; use "
            "the release that wrote it, or move the run away and train it again"
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
