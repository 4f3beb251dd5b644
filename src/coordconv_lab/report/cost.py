"""Charts of scores by training time and by parameters, after figure 4 of the paper."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from coordconv_lab.report.charts import (
    Chart,
    Trace,
    by_family,
    dots,
    figure,
    logarithmic,
    score_axis,
)
from coordconv_lab.report.runs import CELLS, Run, models_of
from coordconv_lab.report.search import Rows, searched_records
from coordconv_lab.report.wording import named
from coordconv_lab.results import Record
from coordconv_lab.results.wording import score
from coordconv_lab.sweep.space import described

Costly = tuple[Record, Mapping[str, Any]]
"""A run, and the settings that identify it."""

SYMBOLS = {"uniform": "circle", "quadrant": "diamond"}


def costly(runs: Sequence[Run], rows: Rows) -> list[Costly]:
    """Return the runs of a search with their settings, then all other runs."""
    found = searched_records(rows)
    ids = {record.spec.id for record, _ in found}
    return [*found, *((run.record, {}) for run in runs if run.record.spec.id not in ids)]


def cost_charts(runs: Sequence[Costly]) -> list[Chart]:
    """Create two charts per task: test score by training time, and by number of parameters."""
    found = []
    for task in dict.fromkeys(task for task, _ in CELLS):
        members = [run for run in runs if run[0].spec.task == task]
        if members:
            found += [_chart(task, members, "seconds"), _chart(task, members, "parameters")]
    return found


def _chart(task: str, runs: Sequence[Costly], cost: str) -> Chart:
    models = {
        model: [run for run in runs if run[0].spec.model_name == model] for model in models_of(task)
    }
    traces = [
        _dots(
            task,
            model,
            split,
            [run for run in models[model] if run[0].spec.data.split == split],
            cost,
        )
        for model in by_family(models)
        for split in SYMBOLS
    ]
    costs = [getattr(record, cost) for record, _ in runs]
    powers = [math.log10(value) for value in costs if value > 0] or [0]
    bounds = math.floor(min(powers)), math.ceil(max(powers) + 1e-9)
    title, unit = ("time of training", " s") if cost == "seconds" else ("parameters", "")
    alt = (
        f"{named(task)}: held-out score against {title} of {len(runs)} runs, "
        f"{min(costs):,.0f} to {max(costs):,.0f}{unit}."
    )
    return Chart(
        named(task),
        "score by time" if cost == "seconds" else "score by parameters",
        figure(traces, logarithmic(title, bounds, unit), score_axis(task)),
        alt=alt,
    )


def _dots(task: str, model: str, split: str, runs: Sequence[Costly], cost: str) -> Trace:
    words = [
        f"{named(model)}, {split} split: held out {score(record.test_score, task)}<br>"
        f"{record.seconds:.0f} s, {record.parameters:,} parameters"
        + "".join(f"<br>{described({path: value})}" for path, value in settings.items())
        for record, settings in runs
    ]
    outline = {"color": "--ground", "width": 1}
    return dots(
        [getattr(record, cost) for record, _ in runs],
        [record.test_score for record, _ in runs],
        model,
        words,
        size=9,
        opacity=0.75,
        symbol=SYMBOLS[split],
        line=outline,
    )
