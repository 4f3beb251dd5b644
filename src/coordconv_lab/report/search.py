"""Charts of a search: how many settings a task takes until it is solved, and scores by setting."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coordconv_lab.registry import registry
from coordconv_lab.report.charts import (
    Chart,
    Trace,
    figure,
    line,
    share_axis,
)
from coordconv_lab.report.page_format import named, style
from coordconv_lab.report.runs import compared_families, in_order
from coordconv_lab.results import Record
from coordconv_lab.results.score_format import percent
from coordconv_lab.sweep.outcome import RowOutcome

MOST_NAMES = 6
"""Maximum number of readable labels on one axis."""

MANY = 5
"""Minimum number of settings for the runs of a network to count as a search."""

Rows = Mapping[tuple[str, str, str], RowOutcome]


def rows_of(outcomes: Sequence[RowOutcome]) -> Rows:
    """Return the rows with a search, by task, split and network."""
    return {
        (spec.task, spec.data.split, spec.model_name): one
        for one in outcomes
        if len({s.model_copy(update={"seed": 0}).id for s in one.specs}) >= MANY and one.tried.n
        for spec in one.specs[:1]
    }


def searched_records(rows: Rows) -> list[tuple[Record, Mapping[str, Any]]]:
    """Return all finished runs, with the settings that vary within their rows."""
    return [(record, one.settings(record.spec)) for one in rows.values() for record in one.best]


def _cells(rows: Rows) -> list[tuple[str, str]]:
    """Return the task and split of every row, in the order of the experiments."""
    found = []
    for task in in_order([task for task, _, _ in rows]):
        splits = [split for t, split, _ in rows if t == task]
        known = [split for split in registry().experiment_of(task).splits if split in splits]
        found += [(task, split) for split in dict.fromkeys([*known, *splits])]
    return found


def _by_family(task: str, rows: Mapping[str, RowOutcome]) -> list[str]:
    """Return the networks of a chart in drawing order: the main family last, on top."""
    return sorted(rows, key=lambda family: family == compared_families(task)[0])


def tries_charts(rows: Rows) -> list[Chart]:
    """Create a chart per task and split of how often the best of k settings solves the task."""
    return [
        _tries_chart(
            task, split, {m: one for (t, s, m), one in rows.items() if (t, s) == (task, split)}
        )
        for task, split in _cells(rows)
    ]


def _tries_chart(task: str, split: str, rows: Mapping[str, RowOutcome]) -> Chart:
    order = _by_family(task, rows)
    traces = [trace for model in order for trace in _tries_traces(task, model, rows[model])]
    words = [_in_words(model, rows[model]) for model in order]
    most = max(one.tried.n for one in rows.values())
    x = {
        "title": {"text": "settings tried"},
        "tickvals": sorted({1, (most + 1) // 2, most}),
        "range": [0.8, most + 0.2],
    }
    plot = figure(traces, x, share_axis())
    return Chart(named(task), f"{split} split", plot, alt="; ".join(words) + ".", caption=words)


def _tries_traces(task: str, model: str, one: RowOutcome) -> list[Trace]:
    tried, counts = one.tried, range(1, one.tried.n + 1)
    shares = [tried.within(k) for k in counts]
    bounds = [tried.interval_within(k) for k in counts]
    words = [
        f"{named(model)}: the best of {k} settings<br>solves it in {percent(share)} of cases "
        f"({percent(low)} to {percent(high)})"
        for k, share, (low, high) in zip(counts, shares, bounds, strict=True)
    ]
    outline = [high for _, high in bounds] + [low for low, _ in reversed(bounds)]
    look = style(task, model)
    band = line([*counts, *reversed(counts)], outline, look, None, width=0)
    return [
        band | {"fill": "toself", "fillcolor": f"--{look}", "opacity": 0.16},
        line(counts, shares, look, words, width=2.4),
    ]


def _in_words(model: str, one: RowOutcome) -> str:
    low, high = one.tried.interval
    return (
        f"{named(model)}: {one.tried.solved} of {one.tried.n} settings solve it "
        f"({percent(low)} to {percent(high)})"
    )


def settings_charts(rows: Rows) -> list[Chart]:
    """Create charts with parallel axes for settings and score, and one line per run."""
    found = []
    for task in dict.fromkeys(task for task, _ in _cells(rows)):
        models = dict.fromkeys([*compared_families(task), *(m for t, _, m in rows if t == task)])
        for model in models:
            members = [one for (t, _, m), one in rows.items() if (t, m) == (task, model)]
            if members:
                found.append(_settings_chart(task, model, members))
    return found


def _settings_chart(task: str, model: str, rows: Iterable[RowOutcome]) -> Chart:
    runs = [(one.settings(r.spec), r.test_score) for one in rows for r in one.records.values()]
    paths = list(dict.fromkeys(path for settings, _ in runs for path in settings))
    scales = [_Scale([settings.get(path) for settings, _ in runs]) for path in paths]
    names = [path.rsplit(".", 1)[-1].replace("_", " ") for path in paths]
    places = range(len(paths) + 1)
    lines: list[tuple[bool, list[float]]] = []
    # Draw the best run last, so that it is on top of the others.
    for settings, held_out in sorted(runs, key=_held_out):
        heights = [scale.at(settings.get(path)) for path, scale in zip(paths, scales, strict=True)]
        lines.append((held_out >= 0.99, [*heights, held_out]))
    solved = sum(good for good, _ in lines)
    alt = (
        f"{named(task)}, {named(model)}: one line for each of {len(runs)} runs, through the values "
        f"of its settings; {solved} runs end at 99% or more."
    )
    traces = [
        line([*places], heights, style(task, model), None, width=1.8 if good else 1)
        | {"opacity": 0.9 if good else 0.3}
        for good, heights in lines
    ]
    ticks = [scale.ticks() for scale in scales] + [[(0.0, "0%"), (1.0, "100%")]]
    marks = [
        {
            "x": x,
            "y": y,
            "text": text,
            "showarrow": False,
            "font": {"size": 11},
            "bgcolor": "--ground",
        }
        for x, labels in zip(places, ticks, strict=True)
        for y, text in labels
    ]
    wrapped = [name.replace(" ", "<br>") for name in [*names, "score"]]
    x = {
        "tickvals": [*places],
        "ticktext": wrapped,
        "range": [-0.4, len(paths) + 0.4],
        "tickangle": 0,
        "tickfont": {"size": 11},
    }
    y = {"visible": False, "range": [-0.2, 1.1]}
    plot = figure(traces, x, y, annotations=marks)
    return Chart(named(task), named(model), plot, alt=alt)


def _held_out(run: tuple[Any, float]) -> float:
    """Return the score to sort by, with NaN as the worst."""
    return run[1] if math.isfinite(run[1]) else -1.0


class _Scale:
    """A scale from the values of a setting to heights; logarithmic if the values vary widely."""

    def __init__(self, values: Sequence[Any]) -> None:
        shown = [value for value in values if value is not None]
        self._has_none = len(shown) < len(values)
        self._numbers = bool(shown) and all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in shown
        )
        self._order = sorted({_text(value) for value in shown})
        if self._numbers:
            above = [value for value in shown if value > 0]
            self._log = bool(above) and max(above) >= 20 * min(above)
            # Zero has no logarithm, so it is drawn below the smallest value.
            self._has_zero = self._log and min(shown) <= 0
            used = above if self._log else shown
            self._low, self._high = min(used), max(used)

    def at(self, value: Any) -> float:
        """Return the height of a value, from 0 to 1."""
        if value is None:
            return -0.12 if self._order else 0.5
        if not self._numbers:
            last = len(self._order) - 1
            return self._order.index(_text(value)) / last if last else 0.5
        if not self._log:
            wide = self._high - self._low
            return (value - self._low) / wide if wide else 0.5
        if value <= 0:
            return 0.0
        low, high = math.log(self._low), math.log(self._high)
        part = (math.log(value) - low) / (high - low)  # the quotient of the values could overflow
        return 0.15 + 0.85 * part if self._has_zero else part

    def ticks(self) -> list[tuple[float, str]]:
        """Return the tick labels: the smallest and largest number, or all names."""
        none = [(self.at(None), "none")] if self._has_none and self._order else []
        return none + self._values()

    def _values(self) -> list[tuple[float, str]]:
        if not self._numbers and len(self._order) > MOST_NAMES:
            ends = [(self.at(name), name) for name in (self._order[0], self._order[-1])]
            return [*ends, (0.5, f"{len(self._order)} values")]
        if not self._numbers:
            return [(self.at(name), name) for name in self._order]
        ends = [self._low, self._high, *([0] if self._log and self._has_zero else [])]
        return [(self.at(value), f"{value:.2g}") for value in dict.fromkeys(ends)]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()
