"""The records on which claims are tested."""

from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

from coordconv_lab.claims.recordings import Recordings, Run
from coordconv_lab.errors import InputError
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.stored import is_stored
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, study_named
from coordconv_lab.studies.study import row


class NotYet(Exception):  # noqa: N818  (an outcome, not an error)
    """A claim needs records that are missing; the message names them."""


class Used(NamedTuple):
    """An arm of a study on which a claim was tested.

    Attributes:
        study: The study's name.
        arm: The arm's name.
        runs: The directory and the record of each run.
    """

    study: str
    arm: str
    runs: Sequence[Run]


class Evidence:
    """The records of all studies.

    An arm includes every recorded run of its specs: the seeds of its own study, and more seeds if
    other studies ran the same specs.

    Args:
        recordings: The recorded runs.

    Attributes:
        used: The requested arms, each once; `ledger` empties the list before each claim.
    """

    def __init__(self, recordings: Recordings) -> None:
        self.recordings = recordings
        self.used: dict[tuple[str, str], Used] = {}
        self._study = cache(study_named)

    @property
    def damaged(self) -> list[str]:
        """Descriptions of the files that cannot be used; their runs count as missing."""
        return self.recordings.damaged

    def study(self, name: str) -> Study:
        """Return the study with this name."""
        return self._study(name)

    def _run(self, study: str, spec: ExperimentSpec) -> Run | None:
        """Return the run of a spec, from this study if possible, otherwise from another study."""
        found = self.recordings.of(spec)
        own = [run for run in found if run[0].parent.name == study]
        return next(iter([*own, *found]), None)

    def runs(self, study: str, arm: str, at_least: int | None = None) -> list[Record]:
        """Return the records of an arm of a study, including other recorded seeds of its specs.

        Args:
            study: The name of the study.
            arm: The name of the arm.
            at_least: The number of runs required; by default, every run of the study.

        Raises:
            NotYet: There are fewer runs.
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
        """Return the record of every run of an arm, in order; None for a run that diverged.

        Raises:
            NotYet: A run is missing, or there are records of the same specs with other seeds, which
                would have to be included.
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
            raise NotYet(
                f"{study}, {arm}: expected one seed per draw, but there is another run, "
                f"{others[0].run_name}"
            )
        self._note(study, arm, [run for run in found if run])
        return [None if run is None else run[1] for run in found]

    def arms(
        self, study: str, at_least: int | None = None, names: Sequence[str] | None = None
    ) -> dict[str, list[Record]]:
        """Return the records of several arms of a study; see `runs`.

        Args:
            study: The name of the study.
            at_least: The number of runs required of each arm, as for `runs`.
            names: The names of the arms; by default, all arms of the study.

        Raises:
            NotYet: An arm has too few records.
        """
        names = list(self.study(study).arms) if names is None else names
        found = {arm: self._found(study, arm, at_least) for arm in names}
        return {arm: self._note(study, arm, runs) for arm, runs in found.items()}

    def arms_if_any(self, study: str, at_least: int) -> dict[str, list[Record]]:
        """Return the records of all arms of a study, or an empty dict if an arm has too few."""
        try:
            return self.arms(study, at_least)
        except NotYet:
            return {}

    def every(self, task: str, split: str, model: str) -> list[Record]:
        """Return the records of all runs of a row that use all positions, with any settings.

        Raises:
            NotYet: No such run is recorded.
        """
        arm = row(task, split, model)
        found = self.recordings.of_row(task, split, model)
        if not found:
            raise NotYet(f"any study, {arm}: no run")
        for study in sorted({path.parent.name for path, _ in found}):
            self._note(study, arm, [run for run in found if run[0].parent.name == study])
        return [record for _, record in found]

    def studies_of(self, runs: Sequence[Record]) -> str:
        """Describe how many of the runs that `every` returned are from each study."""
        place = {
            record.spec.id: used.study for used in self.used.values() for _, record in used.runs
        }
        counts = Counter(place[run.spec.id] for run in runs).most_common()
        return "runs by study: " + ", ".join(f"{study} {count}" for study, count in counts)

    def every_recording(self, study: str, arm: str) -> list[Run]:
        """Return all recordings of the runs of an arm.

        A spec can have several recordings, each with its own times. Copies of one recording count
        once.
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
            NotYet: The curve is missing or damaged.
        """
        directory, record = run
        path = directory / "metrics.csv"
        if not is_stored(path):
            raise NotYet(f"no curve of {directory.parent.name}/{directory.name}")
        try:
            record.check_file(path)
            return read_curve(path)
        except InputError as error:
            self.damaged.append(f"{directory}: {error}")
            raise NotYet(f"no usable curve of {directory.parent.name}/{directory.name}") from error

    def curve_of(self, study: str, spec: ExperimentSpec) -> list[CurveRow]:
        """Return the learning curve of the run of a spec.

        Raises:
            NotYet: The curve is missing or damaged.
        """
        run = self._run(study, spec)
        if run is None:
            raise NotYet(f"{study}: no run {spec.run_name}")
        return self.curve(run)
