"""The learning curves: one panel for each task and split, laid out in the units of its drawing."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from coordconv_lab.report.runs import CELLS, Run, by_key, models_of
from coordconv_lab.report.wording import family, named, seconds
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.wording import score

WIDTH, HEIGHT = 360, 236
LEFT, RIGHT, TOP, BOTTOM = 46, 348, 14, 196

Probe = tuple[float, float, float, str]


class Tick(NamedTuple):
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


class Line(NamedTuple):
    """One side of one run: its style classes and the points of its line."""

    style: str
    points: str


class Panel(NamedTuple):
    """One task and split.

    Attributes:
        lines: Training below, test above.
        probes: Where each measurement stands (x, y of test, y of training) and what it says.
        notes: Runs or files that are missing, in words.
        alt: The panel in one sentence.
    """

    task: str
    split: str
    lines: list[Line]
    probes: list[Probe]
    y_ticks: list[Tick]
    notes: list[str]
    alt: str


class TimeAxis(NamedTuple):
    """A logarithmic axis of seconds, from one power of ten to another."""

    low: int
    high: int

    def at(self, value: float) -> float:
        """Where a time stands, in the units of the drawing."""
        power = math.log10(value) if value > 0 else self.low
        share = (max(power, self.low) - self.low) / (self.high - self.low)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def ticks(self) -> list[Tick]:
        """A mark at every power of ten."""
        powers = range(self.low, self.high + 1)
        return [Tick(self.at(10.0**power), f"{10.0**power:,g} s") for power in powers]


def time_axis(runs: Sequence[Run]) -> TimeAxis:
    """The axis that all panels share, so that they can be compared."""
    times = [row.seconds for run in runs for row in run.curve or [] if row.seconds > 0]
    if not times:
        return TimeAxis(0, 3)
    low = math.floor(math.log10(min(times)))
    return TimeAxis(low, max(low + 1, math.ceil(math.log10(max(times)))))


def panels(runs: Sequence[Run]) -> list[Panel]:
    """Lay out the six panels, whether or not their runs are there."""
    axis, groups = time_axis(runs), by_key(runs)
    return [
        _panel(cell, {model: groups[*cell, model] for model in models_of(cell[0])}, axis)
        for cell in CELLS
    ]


def _panel(cell: tuple[str, str], models: dict[str, list[Run]], axis: TimeAxis) -> Panel:
    task, split = cell
    # The net without coordinates first: CoordConv is drawn over it.
    runs = [run for model in reversed(models) for run in models[model]]
    drawn = [(run, run.curve) for run in runs if run.curve]
    notes = [f"No run of {named(model)} here." for model in models if not models[model]]
    notes += [f"{run.label}: {run.gaps['metrics.csv']}." for run in runs if not run.curve]
    return Panel(
        task,
        split,
        [_line(run, rows, side, axis) for side in ("train", "test") for run, rows in drawn],
        [_probe(run, row, axis) for run, rows in drawn for row in rows],
        [Tick(_height(part), _mark(part, task)) for part in (0.0, 0.5, 1.0)],
        notes,
        _in_words(task, split, drawn),
    )


def _line(run: Run, rows: list[CurveRow], side: str, axis: TimeAxis) -> Line:
    heights = [row.test_score if side == "test" else row.train_score for row in rows]
    places = zip((axis.at(row.seconds) for row in rows), map(_height, heights), strict=True)
    points = " ".join(f"{x:g},{y:g}" for x, y in places)
    return Line(f"{family(run.record.spec.model_name)} {side}", points)


def _probe(run: Run, row: CurveRow, axis: TimeAxis) -> Probe:
    spec = run.record.spec
    text = (
        f"{run.label}, after {seconds(row.seconds)} s "
        f"(epoch {row.epoch:.2g}): held out {score(row.test_score, spec.task)}, "
        f"training {score(row.train_score, spec.task)}"
    )
    return axis.at(row.seconds), _height(row.test_score), _height(row.train_score), text


def _mark(part: float, task: str) -> str:
    return f"{part:g}" if task == "rendering" else f"{part:.0%}"


def _height(value: float) -> float:
    return round(BOTTOM - min(max(value, 0.0), 1.0) * (BOTTOM - TOP), 1)


def _in_words(task: str, split: str, drawn: list[tuple[Run, list[CurveRow]]]) -> str:
    ends = [
        f"{run.label} ends at {score(rows[-1].test_score, task)} on held-out examples after "
        f"{seconds(rows[-1].seconds)} seconds"
        for run, rows in reversed(drawn)
    ]
    return f"{named(task)}, {split} split: " + ("; ".join(ends) or "no curve") + "."
