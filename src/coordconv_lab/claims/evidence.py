"""The records that claims are tested on."""

from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

from coordconv_lab.claims.recordings import Recordings, Run
from coordconv_lab.errors import InputError
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, study_named
from coordconv_lab.studies.rows import row


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
    runs: Sequence[Run]


class Evidence:
    """The records of all studies.

    An arm comes with every run of its specs that was recorded anywhere: the seeds of the study, and
    those that another study ran of the same specs.

    Args:
        recordings: The runs that there are.

    Attributes:
        used: The arms that were asked for, each once; `ledger` empties it before each claim.
    """

    def __init__(self, recordings: Recordings) -> None:
        self.recordings = recordings
        self.used: dict[tuple[str, str], Used] = {}
        self._study = cache(study_named)

    @property
    def damaged(self) -> list[str]:
        """In words, the files that cannot be used; their runs count as missing."""
        return self.recordings.damaged

    def study(self, name: str) -> Study:
        """The study of that name."""
        return self._study(name)

    def _run(self, study: str, spec: ExperimentSpec) -> Run | None:
        """The run of a spec: that of the study, else one that another study made."""
        found = self.recordings.of(spec)
        own = [run for run in found if run[0].parent.name == study]
        return next(iter([*own, *found]), None)

    def runs(self, study: str, arm: str, at_least: int | None = None) -> list[Record]:
        """The records of one arm of a study, and of every other seed of its specs.

        Args:
            study: Its name.
            arm: The name of the arm.
            at_least: How many runs are enough; if not given, every run of the study.

        Raises:
            NotYet: There are fewer.
        """
        return self._note(study, arm, self._found(study, arm, at_least))

    def _found(self, study: str, arm: str, at_least: int | None) -> list[Run]:
        specs = self.study(study).arms[arm]
        found = [run for spec in specs if (run := self._run(study, spec))]
        others = self.recordings.every_seed(specs)[len(specs) :]
        everything = found + [run for spec in others if (run := self._run(study, spec))]
        there, needed = (
            (len(found), len(specs)) if at_least is None else (len(everything), at_least)
        )
        if there < needed:
            raise NotYet(f"{study}, {arm}: {there} of {needed} runs")
        return everything

    def _note(self, study: str, arm: str, found: Sequence[Run]) -> list[Record]:
        if found:
            before = self.used[study, arm].runs if (study, arm) in self.used else ()
            self.used[study, arm] = Used(study, arm, tuple(dict([*before, *found]).items()))
        return [record for _, record in found]

    def outcomes(self, study: str, arm: str) -> list[Record | None]:
        """What became of every run of an arm, in its order: a record, or None where it diverged.

        Raises:
            NotYet: A run is missing, or other seeds of its specs are recorded, which would have to
                be compared as well.
        """
        specs = self.study(study).arms[arm]
        store = RunStore(self.recordings.results / study)
        found: list[Run | None] = []
        for spec in specs:
            run = self._run(study, spec)
            if run is None and self.recordings.usable(partial(store.failure, spec)) is None:
                raise NotYet(f"{study}, {arm}: {len(found)} of {len(specs)} runs")
            found.append(run)
        if others := self.recordings.every_seed(specs)[len(specs) :]:
            raise NotYet(f"{study}, {arm}: expected one seed a draw, got {others[0].run_name} too")
        self._note(study, arm, [run for run in found if run])
        return [None if run is None else run[1] for run in found]

    def arms(self, study: str, at_least: int | None = None) -> dict[str, list[Record]]:
        """The records of all arms of a study, as `runs` gives those of one.

        Raises:
            NotYet: An arm has fewer than `at_least` records, or than all.
        """
        found = {arm: self._found(study, arm, at_least) for arm in self.study(study).arms}
        return {arm: self._note(study, arm, runs) for arm, runs in found.items()}

    def arms_if_any(self, study: str, at_least: int) -> dict[str, list[Record]]:
        """The records of all arms of a study once each has enough; until then no arm."""
        try:
            return self.arms(study, at_least)
        except NotYet:
            return {}

    def every(self, task: str, split: str, model: str) -> list[Record]:
        """The record of every run of a task, split and network on all positions, any settings.

        Raises:
            NotYet: There is none.
        """
        arm = row(task, split, model)
        found = self.recordings.of_row(task, split, model)
        if not found:
            raise NotYet(f"any study, {arm}: no run")
        for study in sorted({path.parent.name for path, _ in found}):
            self._note(study, arm, [run for run in found if run[0].parent.name == study])
        return [record for _, record in found]

    def every_recording(self, study: str, arm: str) -> list[Run]:
        """Each recording of the runs of an arm, of one spec perhaps several: each took its time.

        Copies of one recording count once.
        """
        specs = self.recordings.every_seed(self.study(study).arms[arm])
        found: list[Run] = []
        for run in (run for spec in specs for run in self.recordings.of(spec)):
            if all(run[1] != record for _, record in found):
                found.append(run)
        for place in sorted({path.parent.name for path, _ in found}):
            self._note(place, arm, [run for run in found if run[0].parent.name == place])
        return found

    def curve(self, run: Run) -> list[CurveRow]:
        """The learning curve of a run.

        Raises:
            NotYet: It is not there, or damaged.
        """
        directory, record = run
        path = directory / "metrics.csv"
        if not path.exists():
            raise NotYet(f"no curve of {directory.parent.name}/{directory.name}")
        try:
            record.check_file(path)
            return read_curve(path)
        except InputError as error:
            self.damaged.append(f"{directory}: {error}")
            raise NotYet(
                f"no curve of {directory.parent.name}/{directory.name} that can be used"
            ) from error

    def curve_of(self, study: str, spec: ExperimentSpec) -> list[CurveRow]:
        """The learning curve of the run of a spec.

        Raises:
            NotYet: It is not there, or damaged.
        """
        run = self._run(study, spec)
        if run is None:
            raise NotYet(f"{study}: no run {spec.run_name}")
        return self.curve(run)
