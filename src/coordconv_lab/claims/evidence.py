"""The records that claims are tested on."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, recorded, study_named

Content = TypeVar("Content")


class NotYet(Exception):  # noqa: N818  (no error: an answer)
    """Records that a claim needs are not there; the message says which."""


class Used(NamedTuple):
    """An arm of a study that a claim was tested on.

    Attributes:
        study: The study's name.
        arm: The arm's name.
        runs: The directory of each run and its record.
    """

    study: str
    arm: str
    runs: Sequence[tuple[Path, Record]]


class Evidence:
    """The records of all studies.

    Args:
        results: The directory that holds a directory of runs for each study.

    Attributes:
        used: The arms that were asked for, each once; whoever tests a claim empties it first.
        damaged: In words, the files that cannot be used; their runs count as missing.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self._study = cache(study_named)
        self.used: dict[tuple[str, str], Used] = {}
        self.damaged: list[str] = []
        self._found: dict[tuple[str, str], tuple[Path, Record] | None] = {}

    def study(self, name: str) -> Study:
        """The study of that name."""
        return self._study(name)

    def _run(self, study: str, spec: ExperimentSpec) -> tuple[Path, Record] | None:
        """The run of a spec, looked for once: many claims ask for the same."""
        key = study, spec.run_name
        if key not in self._found:
            self._found[key] = self._usable(
                lambda: recorded(self.results, study, spec, self.damaged)
            )
        return self._found[key]

    def _usable(self, read: Callable[[], Content]) -> Content | None:
        try:
            return read()
        except DamagedError as error:
            self.damaged.append(str(error))
            return None

    def runs(self, study: str, arm: str, at_least: int | None = None) -> list[Record]:
        """The records of one arm of a study.

        Args:
            study: Its name.
            arm: The name of the arm.
            at_least: How many runs are enough; all of them, if not given.

        Raises:
            NotYet: There are fewer.
        """
        specs = self.study(study).arms[arm]
        found = [run for spec in specs if (run := self._run(study, spec))]
        needed = len(specs) if at_least is None else at_least
        if len(found) < needed:
            raise NotYet(f"{study}, {arm}: {len(found)} of {needed} runs")
        return self._note(study, arm, found)

    def _note(self, study: str, arm: str, found: Sequence[tuple[Path, Record]]) -> list[Record]:
        if found:
            self.used[study, arm] = Used(study, arm, found)
        return [record for _, record in found]

    def outcomes(self, study: str, arm: str) -> list[Record | None]:
        """What became of every run of an arm, in its order: a record, or None where it diverged.

        Raises:
            NotYet: A run is missing.
        """
        store, specs = RunStore(self.results / study), self.study(study).arms[arm]
        found: list[tuple[Path, Record] | None] = []
        for spec in specs:
            run = self._run(study, spec)
            if run is None and self._usable(partial(store.failure, spec)) is None:
                raise NotYet(f"{study}, {arm}: {len(found)} of {len(specs)} runs")
            found.append(run)
        self._note(study, arm, [run for run in found if run])
        return [None if run is None else run[1] for run in found]

    def arms(self, study: str, at_least: int | None = None) -> dict[str, list[Record]]:
        """The records of all arms of a study.

        Raises:
            NotYet: An arm has fewer than `at_least` records, or than all.
        """
        return {arm: self.runs(study, arm, at_least) for arm in self.study(study).arms}

    def curve(self, study: str, spec: ExperimentSpec) -> list[CurveRow]:
        """The learning curve of a run.

        Raises:
            NotYet: It is not there, or damaged.
        """
        run = self._run(study, spec)
        if run is None or not (path := run[0] / "metrics.csv").exists():
            raise NotYet(f"{study}: no curve of {spec.run_name}")
        try:
            run[1].check_file(path)
            return read_curve(path)
        except InputError as error:
            self.damaged.append(f"{run[0]}: {error}")
            raise NotYet(f"{study}: no curve of {spec.run_name} that can be used") from error
