"""The record of a finished run, which holds its spec, scores, cost and provenance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordconv_lab.errors import DamagedError, InputError, in_short
from coordconv_lab.registry import registry
from coordconv_lab.registry.descriptors import SCORE_NAME
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.stored import read_stored
from coordconv_lab.specs import ExperimentSpec, explain, parse_spec

RECORD_VERSION = 1

LEAST_SECONDS, MOST_SECONDS = 1e-6, 1e10
"""Minimum and maximum of plausible training times: one microsecond and three hundred years."""

CURVE_EXAMPLES = 48
"""Maximum number of training examples, and of test examples, that a learning curve is computed on.

The scores in a record are over all examples.
"""

MOST_FILE_BYTES = 500_000_000
"""Maximum size of a file of a run: the weights of the largest allowed network in float32."""

MOST_SHEET_BYTES = 35_000_000
"""Maximum size of sheet.png, an image with all predictions of a run.

It is half a byte per pixel of the largest sheet that is written.
"""

Scores = dict[Annotated[str, Field(pattern=SCORE_NAME)], float]

UNIT_NAME = "^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$"
"""Pattern of the names of units."""

UnitName = Annotated[str, Field(pattern=UNIT_NAME)]
"""Type of the name of a unit, such as a person, which reports show."""


class _Frozen(BaseModel):
    # Unlike specs, records allow infinity, because a score such as a mean distance can be infinite.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(_Frozen):
    """The machine, versions and source code of a run.

    Attributes:
        device: "cpu", or the name of the accelerator.
        compiled: Whether network and loss were compiled with `torch.compile`.
        ensemble: Number of networks trained together, including this one.
        processes: Number of processes that trained the network together.
        plugins: Versions of the plug-ins that define the task and the network, by name; empty if
            this package defines them.
        threads: Number of CPU threads.
    """

    versions: dict[str, str]
    machine: str
    processor: str
    device: str = "cpu"
    compiled: bool = False
    ensemble: int = 1
    processes: int = 1
    plugins: dict[str, str] = {}
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
        spec: The description of the run.
        scores: For "train" and "test", the scores by name, over all training or test examples.
        units: The test scores of each unit, such as a person, by the name of the unit. Empty for
            tasks whose examples do not belong to units, and in older records.
        parameters: Number of trained parameters.
        steps: Optimizer steps taken.
        epochs: Passes over the training set.
        seconds: Wall time of training, including evaluations for the learning curve. If the run was
            resumed, the total over all sessions.
        weights_sha256: The sha256 of weights.safetensors.
        files_sha256: The sha256 of each other file of the run, by name; empty in older records.
    """

    version: Literal[1] = RECORD_VERSION
    spec: ExperimentSpec
    scores: dict[Literal["train", "test"], Scores]
    units: dict[UnitName, Scores] = {}
    parameters: Count
    steps: Count
    epochs: Count
    seconds: Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
    weights_sha256: Sha256
    files_sha256: dict[str, Sha256] = {}
    provenance: Provenance

    @property
    def main_score(self) -> str:
        """The name of the task's main score."""
        return registry().task(self.spec.task).main_score.name

    @property
    def train_score(self) -> float:
        """The task's main score on the training set."""
        return self.scores["train"][self.main_score]

    @property
    def test_score(self) -> float:
        """The task's main score on the held-out set."""
        return self.scores["test"][self.main_score]

    def check_file(self, path: Path) -> None:
        """Check that a file of the run has not changed since the record was written.

        Args:
            path: The file in the directory of the run, packed or not.

        Raises:
            DamagedError: The file differs, or cannot be read. The message names the file without
                its directory.
        """
        name = path.name
        written = {"weights.safetensors": self.weights_sha256, **self.files_sha256}.get(name)
        try:
            if written is not None and sha256(read_stored(path, MOST_FILE_BYTES)) != written:
                raise DamagedError(f"{name} is not the file that the record describes")
        except OSError as error:
            raise DamagedError(f"{name} cannot be read: {error.strerror or error}") from error

    @classmethod
    def parse(
        cls, fields: dict[str, Any], source: str, wanted: ExperimentSpec | None = None
    ) -> Self:
        """Validate the content of a record file.

        Args:
            fields: The JSON object in the file.
            source: Name of the file, for error messages.
            wanted: The spec that the record must have.

        Raises:
            DamagedError: The object is not a record, or has another version or spec.
        """
        if fields.get("version") != RECORD_VERSION:
            raise DamagedError(
                f"{source}: expected a record of version {RECORD_VERSION}, got version "
                f"{in_short(fields.get('version'))}; use the release that wrote it, or move the "
                "run elsewhere"
            )
        spec = fields.get("spec")
        try:
            # Pass the validated spec, so that it is not validated again with the record.
            fields = {
                **fields,
                "spec": parse_spec(spec if isinstance(spec, dict) else {}, f"{source}: spec"),
            }
        except InputError as error:
            raise DamagedError(_missing_plugins(fields, source) or str(error)) from error
        try:
            record = cls.model_validate(fields)
        except ValidationError as error:
            raise DamagedError(f"{source}: {explain(error)}") from error
        if (fault := record.fault()) is not None:
            raise DamagedError(
                f"{source} {fault}; move the run elsewhere or delete it, then repeat it"
            )
        if wanted is not None and record.spec != wanted:
            raise DamagedError(
                f"{source} belongs to another run than {wanted.run_name}; move it elsewhere"
            )
        return record

    def fault(self) -> str | None:
        """Return why this is not a valid record, or None.

        Tables, charts and claims divide by some of these numbers, so they must be valid.
        """
        trained = self.spec.training.epochs > 0
        wanted = registry().task(self.spec.task).scores
        sides = {side: self.scores.get(side, {}) for side in ("train", "test")}
        for side, scores in (*self.units.items(), *sides.items()):
            for score in wanted:
                name = score.name
                if name not in scores:
                    if score.required:
                        return f"has no {side} score {name!r}"
                elif (fault := score.fault(scores[name])) is not None:
                    return f"has a {side} score {name!r} {fault}: {scores[name]}"
        if self.scores["train"].keys() != self.scores["test"].keys():
            return "has different scores for training and for test"
        if trained and self.seconds < LEAST_SECONDS:
            return f"has a network that was trained for {self.seconds} seconds"
        if trained and not self.parameters:
            return "has a trained network without parameters"
        return None


def _missing_plugins(fields: Mapping[str, Any], source: str) -> str | None:
    """Return a message if a record needs a plug-in that is not loaded, or None."""
    provenance = fields.get("provenance")
    plugins = provenance.get("plugins") if isinstance(provenance, dict) else None
    missing = [name for name in plugins or () if name not in registry().plugins]
    if not isinstance(plugins, dict) or not missing:
        return None
    named = ", ".join(in_short(f"{name} {plugins[name]}") for name in missing)
    return (
        f"{source} was made with the plug-in {named}, which is not loaded; pass the plug-in's file "
        "with --plugin, or install its package"
    )
