"""What a search came to: tries until a task is solved, score against time, all settings at once."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from coordconv_lab.report.curves import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Probe,
    Tick,
    TimeAxis,
)
from coordconv_lab.report.runs import CELLS, MANY, models_of
from coordconv_lab.report.wording import family, named
from coordconv_lab.results.wording import percent, score
from coordconv_lab.sweep.outcome import RowOutcome
from coordconv_lab.sweep.space import described

SETTINGS_WIDTH = 560
"""Of the drawing of all settings at once, which has up to nine axes."""

Rows = Mapping[tuple[str, str, str], RowOutcome]


class Shape(NamedTuple):
    """A line or an area: its style classes and its points."""

    style: str
    points: str


class Dot(NamedTuple):
    """One run: its style class and where it stands."""

    style: str
    x: float
    y: float


class SearchPanel(NamedTuple):
    """One task and split.

    Attributes:
        bands: Where the share lies with a confidence of 95%.
        lines: How often the best of so many tries solves the task.
        tries: The ticks of the axis of tries.
        tries_probes: What the lines say at each number of tries.
        dots: Every run, by time and score.
        dot_probes: What they say.
        words: The panel in one sentence for each net.
    """

    task: str
    split: str
    bands: list[Shape]
    lines: list[Shape]
    tries: list[Tick]
    tries_probes: list[Probe]
    dots: list[Dot]
    dot_probes: list[Probe]
    words: list[str]


class Axis(NamedTuple):
    """One setting in the drawing of all settings at once."""

    name: str
    x: float
    ticks: list[Tick]


class SettingsPanel(NamedTuple):
    """All runs of one net of a task, a line each, through the values of its settings."""

    task: str
    model: str
    axes: list[Axis]
    lines: list[Shape]
    alt: str


def rows_of(outcomes: Sequence[RowOutcome]) -> Rows:
    """The rows that were searched, by task, split and net."""
    return {
        (spec.task, spec.data.split, spec.model_name): one
        for one in outcomes
        if len({s.model_copy(update={"seed": 0}).id for s in one.specs}) >= MANY and one.tried.n
        for spec in one.specs[:1]
    }


def search_time_axis(rows: Rows) -> TimeAxis:
    """The axis of seconds that all panels share."""
    times = [r.seconds for one in rows.values() for r in one.records.values() if r.seconds > 0]
    low = math.floor(math.log10(min(times, default=1)))
    return TimeAxis(low, max(low + 1, math.ceil(math.log10(max(times, default=10)))))


def search_panels(rows: Rows) -> list[SearchPanel]:
    """One panel for every task and split that was searched."""
    axis = search_time_axis(rows)
    found = []
    for task, split in CELLS:
        # The net without coordinates first: CoordConv is drawn over it.
        models = [model for model in reversed(models_of(task)) if (task, split, model) in rows]
        if models:
            members = {model: rows[task, split, model] for model in models}
            found.append(_panel(task, split, members, axis))
    return found


def _panel(task: str, split: str, rows: Mapping[str, RowOutcome], axis: TimeAxis) -> SearchPanel:
    most = max(one.tried.n for one in rows.values())
    counts = {model: range(1, one.tried.n + 1) for model, one in rows.items()}
    bands, lines, probes, dots, dot_probes, words = [], [], [], [], [], []
    for model, one in rows.items():
        tried, style = one.tried, family(model)
        within = [
            (_along(k, most), tried.within(k), tried.interval_within(k)) for k in counts[model]
        ]
        lines.append(Shape(f"{style} test", _points((x, share) for x, share, _ in within)))
        outline = [(x, high) for x, _, (_, high) in within]
        outline += [(x, low) for x, _, (low, _) in reversed(within)]
        bands.append(Shape(style, _points(outline)))
        for k, (x, share, (low, high)) in zip(counts[model], within, strict=True):
            text = (
                f"{named(model)}: the best of {k} settings solves it in {percent(share)} of cases "
                f"({percent(low)} to {percent(high)})"
            )
            probes.append((x, _height(share), _height(share), text))
        for record in one.records.values():
            x, y = axis.at(record.seconds), _height(record.test_score)
            dots.append(Dot(style, x, y))
            text = (
                f"{named(model)}: held out {score(record.test_score, task)} after "
                f"{record.seconds:.0f} s; {described(one.settings(record.spec))}"
            )
            dot_probes.append((x, y, y, text))
        low, high = tried.interval
        words.append(
            f"{named(model)}: {tried.solved} of {tried.n} settings solve it "
            f"({percent(low)} to {percent(high)})"
        )
    ticks = [Tick(_along(k, most), str(k)) for k in sorted({1, (most + 1) // 2, most})]
    return SearchPanel(task, split, bands, lines, ticks, probes, dots, dot_probes, words)


def settings_panels(rows: Rows) -> list[SettingsPanel]:
    """One panel for every task and net, both splits in it."""
    found = []
    for task in dict.fromkeys(task for task, _ in CELLS):
        for model in models_of(task):
            members = [one for (t, _, m), one in rows.items() if (t, m) == (task, model)]
            if members:
                found.append(_settings_panel(task, model, members))
    return found


def _settings_panel(task: str, model: str, rows: Sequence[RowOutcome]) -> SettingsPanel:
    runs = [(one.settings(r.spec), r.test_score) for one in rows for r in one.records.values()]
    paths = list(dict.fromkeys(path for settings, _ in runs for path in settings))
    scales = [_Scale([settings.get(path) for settings, _ in runs]) for path in paths]
    places = [
        round(LEFT + number * (SETTINGS_WIDTH - 2 * LEFT) / max(1, len(paths)), 1)
        for number in range(len(paths) + 1)
    ]
    axes = [
        Axis(path.rsplit(".", 1)[-1].replace("_", " "), x, scale.ticks())
        for path, x, scale in zip(paths, places, scales, strict=False)
    ]
    ends = [Tick(_height(part), f"{part:.0%}") for part in (0.0, 1.0)]
    axes.append(Axis("score", places[-1], ends))
    lines = []
    # The best are drawn last, over the others.
    for settings, held_out in sorted(runs, key=lambda run: run[1]):
        heights = [scale.at(settings.get(path)) for path, scale in zip(paths, scales, strict=True)]
        points = zip(places, [*heights, held_out], strict=True)
        strength = "strong" if held_out >= 0.99 else "faint"
        lines.append(Shape(f"{family(model)} {strength}", _points(points)))
    solved = sum(held_out >= 0.99 for _, held_out in runs)
    alt = (
        f"{named(task)}, {named(model)}: a line for each of {len(runs)} runs through its settings; "
        f"{solved} end at 99% or more."
    )
    return SettingsPanel(task, model, axes, lines, alt)


class _Scale:
    """From the values of a setting to heights: logarithmic where they span much, names in order."""

    def __init__(self, values: Sequence[Any]) -> None:
        shown = [value for value in values if value is not None]
        self._numbers = bool(shown) and all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in shown
        )
        self._order = sorted({_text(value) for value in shown})
        if self._numbers:
            above = [value for value in shown if value > 0]
            self._log = bool(above) and max(above) >= 20 * min(above)
            # Zero has no logarithm: it stands below the least.
            self._has_zero = self._log and min(shown) <= 0
            used = above if self._log else shown
            self._low, self._high = min(used), max(used)

    def at(self, value: Any) -> float:
        """Where a value stands, from 0 to 1."""
        if value is None:
            return 0.5
        if not self._numbers:
            last = len(self._order) - 1
            return self._order.index(_text(value)) / last if last else 0.5
        if not self._log:
            wide = self._high - self._low
            return (value - self._low) / wide if wide else 0.5
        if value <= 0:
            return 0.0
        part = math.log(value / self._low) / math.log(self._high / self._low)
        return 0.15 + 0.85 * part if self._has_zero else part

    def ticks(self) -> list[Tick]:
        """The values at its ends, or all names."""
        if not self._numbers:
            return [Tick(_height(self.at(name)), name) for name in self._order]
        ends = [self._low, self._high, *([0] if self._log and self._has_zero else [])]
        return [Tick(_height(self.at(value)), f"{value:.2g}") for value in dict.fromkeys(ends)]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()


def _along(tries: int, most: int) -> float:
    return round(LEFT + (tries - 1) / max(1, most - 1) * (RIGHT - LEFT), 1)


def _height(value: float) -> float:
    return round(BOTTOM - min(max(value, 0.0), 1.0) * (BOTTOM - TOP), 1)


def _points(places: Any) -> str:
    return " ".join(f"{x:g},{_height(y):g}" for x, y in places)
