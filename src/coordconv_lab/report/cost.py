"""Charts of scores by training time and by parameters, after figure 4 of the paper."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from coordconv_lab.registry import registry
from coordconv_lab.report.charts import Chart, Trace, dots, figure, logarithmic, score_axis
from coordconv_lab.report.page_format import named, style
from coordconv_lab.report.runs import Cell, compared_families, in_order
from coordconv_lab.report.search import Rows, searched_records
from coordconv_lab.results import Record
from coordconv_lab.results.score_format import score
from coordconv_lab.specs.words import setting_in_words

Costly = tuple[Record, str]
"""A run and its name, which includes the settings that identify the run."""

SYMBOLS = ("circle", "diamond", "square", "cross")
"""Markers for the splits of an experiment, in order; all further splits have the last marker."""


def costly(cells: Sequence[Cell], rows: Rows) -> list[Costly]:
    """Return the runs of a search, labeled by settings, then all other runs, labeled by name."""
    found = [(record, _with_settings(record, varied)) for record, varied in searched_records(rows)]
    ids = {record.spec.id for record, _ in found}
    others = [(run.record, one.name) for cell in cells for one in cell.networks for run in one.runs]
    return [*found, *((record, name) for record, name in others if record.spec.id not in ids)]


def _with_settings(record: Record, settings: Mapping[str, Any]) -> str:
    words = (setting_in_words(record.spec, path) for path in settings)
    return "<br>".join([named(record.spec.model_name), *words])


def cost_charts(runs: Sequence[Costly]) -> list[Chart]:
    """Create two charts per task: test score by training time, and by number of parameters."""
    found = []
    for task in in_order([record.spec.task for record, _ in runs]):
        members = [run for run in runs if run[0].spec.task == task]
        found += [_chart(task, members, "seconds"), _chart(task, members, "parameters")]
    return found


def symbols_in_words(tasks: Sequence[str]) -> str:
    """Describe the meaning of the markers, such as "Circles are the uniform split"."""
    experiments = {one.name: one for one in map(registry().experiment_of, tasks)}
    splits: dict[str, list[str]] = {}
    for one in experiments.values():
        for split, symbol in zip(one.splits, SYMBOLS, strict=False):
            splits.setdefault(symbol, []).append(split)
    if len(splits) < 2:
        return ""
    words = [f"{symbol}s the {' or '.join(names)} split" for symbol, names in splits.items()]
    return ", ".join(words).capitalize().replace("s the", "s are the", 1) + "."


def _symbol(record: Record) -> str:
    splits = registry().experiment_of(record.spec.task).splits
    split = record.spec.data.split
    at = splits.index(split) if split in splits else len(SYMBOLS)
    return SYMBOLS[min(at, len(SYMBOLS) - 1)]


def _chart(task: str, runs: Sequence[Costly], cost: str) -> Chart:
    # Draw the main family last, so that it is on top.
    main = compared_families(task)[0]
    families = sorted(
        {run[0].spec.model_name for run in runs}, key=lambda name: (name == main, name)
    )
    groups: dict[tuple[str, str], list[Costly]] = {}
    for family in families:
        for run in runs:
            if run[0].spec.model_name == family:
                groups.setdefault((family, _symbol(run[0])), []).append(run)
    traces = [_dots(task, *key, members, cost) for key, members in groups.items()]
    costs = [getattr(record, cost) for record, _ in runs]
    powers = [math.log10(value) for value in costs if value > 0] or [0]
    bounds = math.floor(min(powers)), math.ceil(max(powers) + 1e-9)
    title, unit = ("training time", " s") if cost == "seconds" else ("parameters", "")
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


def _dots(task: str, family: str, symbol: str, runs: Sequence[Costly], cost: str) -> Trace:
    words = [
        f"{name}, {record.spec.data.split} split: held out {score(record.test_score, task)}<br>"
        f"{record.seconds:.0f} s, {record.parameters:,} parameters"
        for record, name in runs
    ]
    outline = {"color": "--ground", "width": 1}
    return dots(
        [getattr(record, cost) for record, _ in runs],
        [record.test_score for record, _ in runs],
        style(task, family),
        words,
        size=9,
        opacity=0.75,
        symbol=symbol,
        line=outline,
    )
