"""The main table: one row per network, grouped by task and data, with published scores."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv_lab.claims.statistics import FEW, mean_interval
from coordconv_lab.registry import Score, registry
from coordconv_lab.report.panels import Published, panels_of
from coordconv_lab.report.runs import Cell, Network, Run, compared_families
from coordconv_lab.results.score_format import any_score

FOLDED = 12
"""Number of rows of a cell that the page shows, the best first; the rest are collapsed."""


class Spread(NamedTuple):
    """The values of a number over several seeds."""

    mean: float
    low: float
    high: float


class Further(NamedTuple):
    """An additional score, on training and held-out examples."""

    score: Score
    train: Spread
    test: Spread


class TableRow(NamedTuple):
    """One network, over its seeds.

    Attributes:
        name: Name of the network.
        style: Style class with the network's color.
        settings: The id of the settings.
        seeds: Number of seeds.
        perfect: Number of seeds that solve the task on held-out examples.
        ratio: Mean training time relative to the best main network; None for main networks, or if
            no main network has a run.
        interval: The 95% interval of the mean test score over seeds, by Student's t; None if
            there are fewer than five seeds.
        further: Other scores that have a label and are in every run.
        published: Published scores of this network, or None.
    """

    name: str
    style: str
    settings: str
    seeds: int
    perfect: int
    parameters: int
    epochs: Spread
    seconds: Spread
    ratio: float | None
    train: Spread
    test: Spread
    interval: tuple[float, float] | None
    further: Sequence[Further]
    published: Published | None


class TableCell(NamedTuple):
    """The rows of one task and data.

    Attributes:
        rows: The rows, best first.
        missing: Families that should be compared on the task but have no run.
        main: Name of the main family, to which other rows are compared.
    """

    cell: Cell
    rows: list[TableRow]
    missing: list[str]
    main: str


def is_perfect(run: Run) -> bool:
    """Whether a run solves its task on held-out examples."""
    return run.record.test_score >= registry().task(run.record.spec.task).solved


def table(cells: Sequence[Cell]) -> list[TableCell]:
    """Return the table, best rows first."""
    return [_table_cell(cell) for cell in cells]


def solved_in_words(cells: Sequence[Cell]) -> list[str]:
    """Return the score required to solve each task, as in "accuracy of 100% (Regression)"."""
    tasks: dict[str, list[str]] = {}
    for name in dict.fromkeys(cell.task for cell in cells):
        task = registry().task(name)
        score, least = task.main_score, any_score(task.solved, task.main_score)
        words = score.label or score.name.replace("_", " ")
        bound = least if task.solved == 1 else f"at least {least}"
        tasks.setdefault(f"{words} of {bound}", []).append(task.title)
    return [f"{words} ({', '.join(titles)})" for words, titles in tasks.items()]


def _table_cell(cell: Cell) -> TableCell:
    families = compared_families(cell.task)
    runs_of_main = [one for one in cell.networks if one.family == families[0]]
    seconds = [_seconds(one) for one in runs_of_main[:1]]
    rows = [
        _row(one, _seconds(one) / seconds[0] if any(seconds) and one not in runs_of_main else None)
        for one in cell.networks
    ]
    found = {one.family for one in cell.networks}
    return TableCell(cell, rows, [name for name in families if name not in found], families[0])


def _seconds(network: Network) -> float:
    return fmean(run.record.seconds for run in network.runs)


def _row(network: Network, ratio: float | None) -> TableRow:
    records = [run.record for run in network.runs]
    test = [record.test_score for record in records]
    return TableRow(
        name=network.name,
        style=network.style,
        settings=network.id,
        seeds=len(records),
        perfect=sum(map(is_perfect, network.runs)),
        parameters=records[0].parameters,
        epochs=_spread([record.epochs for record in records]),
        seconds=_spread([record.seconds for record in records]),
        ratio=ratio,
        train=_spread([record.train_score for record in records]),
        test=_spread(test),
        interval=None if len(test) < FEW else mean_interval(test, (0, 1)),
        further=_further(network),
        published=panels_of(network.task).published(records[0].spec),
    )


def _further(network: Network) -> list[Further]:
    found = []
    for score in registry().task(network.task).scores[1:]:
        sides = [
            [run.record.scores[side][score.name] for run in network.runs
             if score.name in run.record.scores[side]]
            for side in ("train", "test")
        ]  # fmt: skip
        if score.label and all(len(side) == len(network.runs) for side in sides):
            found.append(Further(score, *map(_spread, sides)))
    return found


def _spread(values: Sequence[float]) -> Spread:
    return Spread(sum(values) / len(values), min(values), max(values))
