"""Finished runs with their learning curves and predictions."""

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
"""(task, split) in the order of the tutorial."""

MANY = 5
"""Number of settings of a network from which its runs count as a search."""

SHOWN = 3
"""Number of best runs shown individually for a network with many settings."""

Content = TypeVar("Content")


class Run(NamedTuple):
    """One finished run.

    Attributes:
        name: The name of its directory.
        record: Its record.
        curve: Its learning curve, or None if `gaps` says why.
        answers: Its predictions at every position, or None if `gaps` says why.
        sheet: Data URL of its images for all positions; None if its predictions are points, or
            `gaps` says why.
        gaps: Messages about unusable files, by file name.
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
        """Model and seed, as printed on the page."""
        return f"{named(self.key[2])}, seed {self.record.spec.seed}"

    @property
    def settings(self) -> str:
        """Id of the spec without its seed; runs with the same id can be averaged."""
        return self.record.spec.model_copy(update={"seed": 0}).id


def models_of(task: str) -> tuple[str, str]:
    """Return the two networks compared on a task: with coordinates, then without."""
    return "coordconv", BASELINE[task]


def read_runs(store: RunStore, damaged: list[str] | None = None) -> list[Run]:
    """Read all finished runs of the tutorial's networks, in its order, then by settings and seed.

    Args:
        store: The runs.
        damaged: Collects messages about unusable records.

    Raises:
        InputError: A record cannot be used, and ``damaged`` is None.
    """
    order = list(TUTORIAL_SCORES)
    found = [_read(directory, record) for directory, record in store.records(damaged)]
    runs = [run for run in found if run.key in TUTORIAL_SCORES]
    return sorted(runs, key=lambda run: (order.index(run.key), run.settings, run.record.spec.seed))


def shown(runs: Sequence[Run]) -> list[Run]:
    """Return the runs to show individually: only the best of a network with many settings."""
    kept: set[str] = set()
    for group in by_key(runs).values():
        if len({run.settings for run in group}) >= MANY:
            group = sorted(group, key=lambda run: -run.record.test_score)[:SHOWN]
        kept |= {run.name for run in group}
    return [run for run in runs if run.name in kept]


def by_key(runs: Sequence[Run]) -> dict[Key, list[Run]]:
    """Group runs by task, split and model, each group in the order of `runs`."""
    groups: dict[Key, list[Run]] = {key: [] for key in TUTORIAL_SCORES}
    for run in runs:
        groups[run.key].append(run)
    return groups


def first_answers(model: str, runs: Sequence[Run]) -> tuple[Run, Answers] | str:
    """Return the first run of a network and its predictions, or a message if there are none."""
    if not runs:
        return f"No run of {named(model)} here."
    run = runs[0]
    return (run, run.answers) if run.answers else f"{run.label}: {run.gaps['predictions.npz']}."


def _read(directory: Path, record: Record) -> Run:
    gaps: dict[str, str] = {}

    def attempt(read: Callable[[Path], Content], name: str) -> Content | None:
        path = directory / name
        if path.exists() and not path.is_file():  # reading a pipe may never end
            gaps[name] = f"{name} is not a regular file"
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
