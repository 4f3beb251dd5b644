"""The finished runs of a trial, stored as one line of JSON each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.results.digest import with_digest
from coordconv_lab.results.files import parse_json, write_atomically
from coordconv_lab.results.locks import how_to_free, locked

__all__ = ["Finished", "TrialStore", "held"]

FILE = "runs.jsonl"


class Finished(NamedTuple):
    """One run of a trial.

    Attributes:
        arm: Name of the arm.
        seed: The seed.
        score: The result of ``score``; None if it is not finite.
        without_position: The score of the same network with the mean position at every pixel; None
            if it was not computed, as for the model without coordinates.
        seconds: Wall time of training.
        parameters: Number of parameters.
        weights: Digest of the initial weights, without coordinate weights.
        note: Why the run has no score, or "".
        changed: The scores of the same network with changed coordinates, by the name of the change;
            None if they were not computed.
        memory: Peak memory of training in bytes, see `coordconv_lab.trials.memory`.
        errors: Errors by position, see `coordconv_lab.trials.error_maps.map_of`.
        warning: Why coordinates were wrong in training, or "".
    """

    arm: str
    seed: Annotated[int, Field(ge=0)]
    score: float | None
    without_position: float | None
    seconds: float
    parameters: int
    weights: str
    note: str = ""
    changed: dict[str, float] | None = None
    memory: int | None = None
    errors: dict[str, Any] | None = None
    warning: str = ""


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Lock the directory of a trial, and create it if it does not exist.

    Raises:
        LockedError: Another process has locked the directory.
        InputError: The directory cannot be created.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {directory}: {error.strerror or error}") from error
    lock = directory / "lock"
    with locked(lock) as is_acquired:
        if not is_acquired:
            raise LockedError(
                f"{directory} is in use by another process; wait for it, or choose another "
                f"--out{how_to_free(lock)}"
            )
        yield


class TrialStore:
    """The runs of a trial in a directory.

    Args:
        directory: Directory of the runs; created if it does not exist.
        digest: Identifies the code of the user. Stored runs of other code raise an error.

    Raises:
        InputError: The directory cannot be used, or contains runs of other code.
        DamagedError: A line cannot be read.
    """

    def __init__(self, directory: Path, digest: str) -> None:
        self.directory = directory
        self.digest = digest
        self.path = directory.absolute() / FILE  # the user's code may change the directory
        self.runs = self._read()

    def add(self, run: Finished) -> None:
        """Store a run. It replaces an earlier run of the same arm with the same seed."""
        kept = [one for one in self.runs if (one.arm, one.seed) != (run.arm, run.seed)]
        self.runs = [*kept, run]
        fields = [{"code": self.digest}, *(one._asdict() for one in self.runs)]
        lines = [json.dumps(with_digest(one), allow_nan=False) for one in fields]
        write_atomically(self.path, "\n".join(lines).encode() + b"\n")

    def find(self, arm: str, seed: int) -> Finished | None:
        """Return a run, with or without a score; None if there is no such run."""
        found = (one for one in self.runs if (one.arm, one.seed) == (arm, seed))
        return next(found, None)

    def of(self, arm: str, seeds: int) -> dict[int, Finished]:
        """Return the runs of an arm with the first seeds, by seed."""
        return {run.seed: run for run in self.runs if run.arm == arm and run.seed < seeds}

    def _read(self) -> list[Finished]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeError) as error:
            raise InputError(f"cannot read {self.path}: {error}") from error
        if not lines:
            return []
        if self._fields(1, lines[0]) != {"code": self.digest}:
            raise InputError(
                f"{self.directory} contains runs of other code: the file or its functions were "
                "changed since then; choose another --out, or pass --fresh to delete the runs"
            )
        found: dict[tuple[str, int], Finished] = {}
        for number, line in enumerate(lines[1:], start=2):
            run = self._run(number, line)
            if (run.arm, run.seed) in found:
                raise DamagedError(
                    f"line {number} of {self.path} is a second run of the arm {run.arm} with seed "
                    f"{run.seed}; delete one of the two lines"
                )
            found[run.arm, run.seed] = run
        return list(found.values())

    def _run(self, number: int, line: str) -> Finished:
        try:
            return _FINISHED.validate_python(self._fields(number, line))
        except ValidationError as error:
            raise self._damaged(number) from error

    def _fields(self, number: int, line: str) -> dict[str, Any]:
        try:
            return parse_json(line.encode(), f"line {number} of {self.path}")
        except DamagedError as error:
            raise self._damaged(number) from error

    def _damaged(self, number: int) -> DamagedError:
        remedy = (
            "it identifies the code of the runs; restore it, or choose another --out"
            if number == 1
            else "delete it to repeat its run"
        )
        return DamagedError(f"line {number} of {self.path} is damaged; {remedy}")


_FINISHED = TypeAdapter(Finished, config=ConfigDict(strict=True, allow_inf_nan=False))
