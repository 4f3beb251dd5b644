"""What a finished run leaves behind, as a schema."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.specs import ExperimentSpec, explain, parse_spec

RECORD_VERSION = 1

PRIMARY_SCORE: Mapping[str, str] = {
    "classification": "accuracy",
    "regression": "accuracy",
    "rendering": "mean_iou",
    "reconstruction": "mean_iou",
}
"""The score that the tables show for each task, in [0, 1], higher is better."""

CURVE_EXAMPLES = 48
"""Curves are measured on at most so many examples a side; scores on all."""

SCORE_NAME = "^[a-z][a-z0-9_]{0,63}$"
"""How scores are named: what stands on pages and in terminals is no markup."""

Scores = dict[Annotated[str, Field(pattern=SCORE_NAME)], float]


class _Frozen(BaseModel):
    # A net can score infinity (a mean distance, say), so that records admit it where specs do not.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(_Frozen):
    """Where, with what and from which source a run was made.

    Attributes:
        device: "cpu", or the name of the device that computed in its place.
        compiled: Whether net and loss were compiled into one program.
        ensemble: How many nets were trained at once, this one among them.
        processes: How many trained it together.
        threads: Of the processor.
    """

    versions: dict[str, str]
    machine: str
    processor: str
    device: str = "cpu"
    compiled: bool = False
    ensemble: int = 1
    processes: int = 1
    threads: int
    precision: str
    seed: int
    commit: str
    finished: str


Count = Annotated[int, Field(ge=0, lt=2**63)]


class Record(_Frozen):
    """One finished run.

    Attributes:
        spec: What was run.
        scores: For "train" and "test", each score by name, over every example of that side.
        parameters: How many numbers were trained.
        steps: Optimizer steps taken.
        epochs: Passes over the training set taken.
        seconds: Wall time of training, evaluation for the curve included, over all sittings.
        weights_sha256: Of the file weights.safetensors.
    """

    version: Literal[1] = RECORD_VERSION
    spec: ExperimentSpec
    scores: dict[Literal["train", "test"], Scores]
    parameters: Count
    steps: Count
    epochs: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    provenance: Provenance

    @property
    def train_score(self) -> float:
        """The task's main score on the training set."""
        return self.scores["train"][PRIMARY_SCORE[self.spec.task]]

    @property
    def test_score(self) -> float:
        """The task's main score on the held-out set."""
        return self.scores["test"][PRIMARY_SCORE[self.spec.task]]

    @classmethod
    def parse(
        cls, fields: dict[str, Any], source: str, wanted: ExperimentSpec | None = None
    ) -> Self:
        """Validate what was read from `source`.

        Args:
            fields: What was read.
            source: Its name, for the message of an error.
            wanted: The spec that it is to be of.

        Raises:
            InputError: It is a record of another version or of another spec, or no record.
        """
        if fields.get("version") != RECORD_VERSION:
            raise InputError(
                f"{source}: expected a record of version {RECORD_VERSION}, got version "
                f"{in_short(fields.get('version'))}; use the release that wrote it, or move the "
                "run away"
            )
        spec = fields.get("spec")
        parse_spec(spec if isinstance(spec, dict) else {}, f"{source}: spec")
        try:
            record = cls.model_validate(fields)
        except ValidationError as error:
            raise InputError(f"{source}: {explain(error)}") from error
        name = PRIMARY_SCORE[record.spec.task]
        for side in ("train", "test"):
            if name not in record.scores.get(side, {}):
                raise InputError(
                    f"{source} has no {side} score {name!r}; move the run away, or delete it, and "
                    "run it again"
                )
        if record.scores["train"].keys() != record.scores["test"].keys():
            raise InputError(
                f"{source} has other scores for training than for test; move the run away, or "
                "delete it, and run it again"
            )
        if wanted is not None and record.spec != wanted:
            raise InputError(f"{source} is of another run than {wanted.run_name}; move it away")
        return record
