"""What a finished run leaves behind, as a schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordconv_lab.errors import DamagedError, InputError, in_short
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import MOST_BYTES, read_file
from coordconv_lab.specs import ExperimentSpec, explain, parse_spec

RECORD_VERSION = 1

PRIMARY_SCORE: Mapping[str, str] = {
    "classification": "accuracy",
    "regression": "accuracy",
    "rendering": "mean_iou",
    "reconstruction": "mean_iou",
}
"""The score that the tables show for each task, in [0, 1], higher is better."""

SHARES: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy",),
    "regression": ("accuracy", "coordinate_accuracy"),
    "rendering": ("mean_iou", "worst_iou"),
    "reconstruction": ("mean_iou", "worst_iou"),
}
"""The scores of each task that lie in [0, 1]; a record has them all."""

LATER_SHARES: Mapping[str, tuple[str, ...]] = {
    "rendering": ("soft_iou", "mean_absolute_error"),
    "reconstruction": ("soft_iou", "mean_absolute_error"),
}
"""The scores of each task that lie in [0, 1] and that older records lack."""

DISTANCES: Mapping[str, tuple[str, ...]] = {"regression": ("mean_distance", "worst_distance")}
"""The scores of each task that are no shares; a record has them all, and they can be infinite."""

LEAST_SECONDS, MOST_SECONDS = 1e-6, 1e10
"""Between which a training takes time: a microsecond, three hundred years."""

CURVE_EXAMPLES = 48
"""Curves are measured on at most so many examples a side; scores on all."""

MOST_CURVE_BYTES = 101_000_000
"""Of a metrics.csv: a million rows of numbers, as many as a spec can ask for."""

MOST_SHEET_BYTES = 35_000_000
"""Of a sheet.png: half a byte a pixel, of the largest that is made."""

MOST_WEIGHTS_BYTES = 500_000_000
"""Of a weights.safetensors: the largest net that is built, in float32, and the names of weights."""

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
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
        files_sha256: Of the other files beside the record, by name; none where it is older.
    """

    version: Literal[1] = RECORD_VERSION
    spec: ExperimentSpec
    scores: dict[Literal["train", "test"], Scores]
    parameters: Count
    steps: Count
    epochs: Count
    seconds: Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
    weights_sha256: Sha256
    files_sha256: dict[str, Sha256] = {}
    provenance: Provenance

    @property
    def train_score(self) -> float:
        """The task's main score on the training set."""
        return self.scores["train"][PRIMARY_SCORE[self.spec.task]]

    @property
    def test_score(self) -> float:
        """The task's main score on the held-out set."""
        return self.scores["test"][PRIMARY_SCORE[self.spec.task]]

    def check_file(self, path: Path) -> None:
        """Check that a file beside the record is the one that was written with it.

        Args:
            path: The file; as large as a run of this spec can have made it, and no larger.

        Raises:
            DamagedError: It is another one, or cannot be read; the message names it without its
                directory.
        """
        name = path.name
        written = {"weights.safetensors": self.weights_sha256, **self.files_sha256}.get(name)
        try:
            if written is not None and sha256(read_file(path, self._most_bytes(name))) != written:
                raise DamagedError(f"{name} is not the file that the record beside it is about")
        except OSError as error:
            raise DamagedError(f"{name} cannot be read: {error.strerror or error}") from error

    def _most_bytes(self, name: str) -> int:
        height, width = self.spec.data.canvas
        return {
            "metrics.csv": MOST_CURVE_BYTES,
            "predictions.npz": 1_000_000 + 100 * height * width,
            "sheet.png": MOST_SHEET_BYTES,
            "weights.safetensors": MOST_WEIGHTS_BYTES,
        }.get(name, MOST_BYTES)

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
            DamagedError: It is a record of another version or of another spec, or no record.
        """
        if fields.get("version") != RECORD_VERSION:
            raise DamagedError(
                f"{source}: expected a record of version {RECORD_VERSION}, got version "
                f"{in_short(fields.get('version'))}; use the release that wrote it, or move the "
                "run away"
            )
        spec = fields.get("spec")
        try:
            parse_spec(spec if isinstance(spec, dict) else {}, f"{source}: spec")
        except InputError as error:
            raise DamagedError(str(error)) from error
        try:
            record = cls.model_validate(fields)
        except ValidationError as error:
            raise DamagedError(f"{source}: {explain(error)}") from error
        if (fault := record._fault()) is not None:
            raise DamagedError(
                f"{source} {fault}; move the run away, or delete it, and run it again"
            )
        if wanted is not None and record.spec != wanted:
            raise DamagedError(f"{source} is of another run than {wanted.run_name}; move it away")
        return record

    def _fault(self) -> str | None:
        """What makes it no record of a run, in words; None where nothing does.

        Tables, charts and claims divide by what is asked for here.
        """
        task, trained = self.spec.task, self.spec.training.epochs > 0
        for side in ("train", "test"):
            scores = self.scores.get(side, {})
            for name in (*SHARES[task], *DISTANCES.get(task, ())):
                if name not in scores:
                    return f"has no {side} score {name!r}"
            for name in (*SHARES[task], *LATER_SHARES.get(task, ())):
                if name in scores and not 0 <= scores[name] <= 1:
                    return f"has a {side} score {name!r} that is not in [0, 1]: {scores[name]}"
            for name in DISTANCES.get(task, ()):
                if scores[name] < 0:
                    return f"has a {side} score {name!r} below 0: {scores[name]}"
        if self.scores["train"].keys() != self.scores["test"].keys():
            return "has other scores for training than for test"
        if trained and self.seconds < LEAST_SECONDS:
            return f"has a net that was trained for {self.seconds} seconds"
        if trained and not self.parameters:
            return "has a trained net without parameters"
        return None
