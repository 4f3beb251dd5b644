"""Finished runs, each with the curve and the answers that lie beside its record."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from coordconv_lab.errors import InputError, printable
from coordconv_lab.report.answers import Answers, read_answers
from coordconv_lab.report.sheets import read_sheet
from coordconv_lab.report.wording import named
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.tutorial import TUTORIAL_SCORES, Key
from coordconv_lab.specs import BASELINE

Cell = tuple[str, str]

CELLS: Sequence[Cell] = tuple(dict.fromkeys((task, split) for task, split, _ in TUTORIAL_SCORES))
"""(task, split), in the tutorial's order."""

MANY = 5
"""From so many settings of one net on, runs are a search."""

SHOWN = 3
"""Of a net that was trained with many settings, so many of the best are shown run by run."""

Content = TypeVar("Content")


class Run(NamedTuple):
    """One finished run.

    Attributes:
        name: The name of its directory.
        record: Its record.
        curve: Its learning curve, or None where `gaps` says why there is none.
        answers: What it answers at every position, or None where `gaps` says why.
        sheet: A data address of its pictures for all positions; None where its answers are points,
            or `gaps` says why.
        gaps: In words, by file name, why a file could not be used.
    """

    name: str
    record: Record
    curve: list[CurveRow] | None
    answers: Answers | None
    sheet: str | None
    gaps: Mapping[str, str]

    @property
    def key(self) -> Key:
        """Task, split and model."""
        spec = self.record.spec
        return spec.task, spec.data.split, spec.model_name

    @property
    def label(self) -> str:
        """Its model and seed, as the page prints them."""
        return f"{named(self.key[2])}, seed {self.record.spec.seed}"

    @property
    def settings(self) -> str:
        """The id of everything in the spec but the seed: runs that share it can be averaged."""
        return self.record.spec.model_copy(update={"seed": 0}).id


def models_of(task: str) -> tuple[str, str]:
    """The two nets that are compared on a task: with coordinates, without."""
    return "coordconv", BASELINE[task]


def read_runs(store: RunStore, damaged: list[str] | None = None) -> list[Run]:
    """Read every finished run of the tutorial's nets, in its order, then by settings and seed.

    Args:
        store: The runs.
        damaged: Where to note records that cannot be used, in words.

    Raises:
        InputError: A record cannot be used, and it is not to be noted.
    """
    order = list(TUTORIAL_SCORES)
    found = [_read(directory, record) for directory, record in store.records(damaged)]
    runs = [run for run in found if run.key in TUTORIAL_SCORES]
    return sorted(runs, key=lambda run: (order.index(run.key), run.settings, run.record.spec.seed))


def shown(runs: Sequence[Run]) -> list[Run]:
    """The runs that are shown one by one: all, but of a net with many settings the best alone."""
    kept: set[str] = set()
    for group in by_key(runs).values():
        if len({run.settings for run in group}) >= MANY:
            group = sorted(group, key=lambda run: -run.record.test_score)[:SHOWN]
        kept |= {run.name for run in group}
    return [run for run in runs if run.name in kept]


def by_key(runs: Sequence[Run]) -> dict[Key, list[Run]]:
    """Sort runs into task, split and model, each in the order of `runs`."""
    groups: dict[Key, list[Run]] = {key: [] for key in TUTORIAL_SCORES}
    for run in runs:
        groups[run.key].append(run)
    return groups


def first_answers(model: str, runs: Sequence[Run]) -> tuple[Run, Answers] | str:
    """The first run of a net and its answers, or why there are none, in words."""
    if not runs:
        return f"No run of {named(model)} here."
    run = runs[0]
    return (run, run.answers) if run.answers else f"{run.label}: {run.gaps['predictions.npz']}."


def _read(directory: Path, record: Record) -> Run:
    gaps: dict[str, str] = {}

    def attempt(read: Callable[[Path], Content], name: str) -> Content | None:
        path = directory / name
        if path.exists() and not path.is_file():  # a pipe would never end
            gaps[name] = f"{name} is no file"
            return None
        try:
            if path.exists():
                record.check_file(path)
            return read(path)
        except InputError as error:
            gaps[name] = str(error)
            return None

    curve = attempt(read_curve, "metrics.csv")
    answers = attempt(lambda path: read_answers(path, record.spec), "predictions.npz")
    sheet = None
    if answers is not None and record.spec.task != "regression":
        where, canvas = answers, record.spec.data.canvas
        sheet = attempt(lambda path: read_sheet(path, where, canvas), "sheet.png")
    return Run(printable(directory.name), record, curve, answers, sheet, gaps)
