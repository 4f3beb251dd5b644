"""The main table: a row for every net on every task and split, the tutorial's figures beside."""

from collections.abc import Sequence
from typing import NamedTuple

from coordconv_lab.report.runs import CELLS, Run, by_key, models_of
from coordconv_lab.results.record import PRIMARY_SCORE
from coordconv_lab.results.tutorial import TUTORIAL_SCORES

PERFECT_IOU = 0.99


class Spread(NamedTuple):
    """A number over several seeds."""

    mean: float
    low: float
    high: float


class TableRow(NamedTuple):
    """One net with one choice of settings, over its seeds.

    Attributes:
        model: coordconv, deconv or conv.
        settings: The id of its settings where the net has rows with others too, else "".
        seeds: How many seeds were run.
        perfect: How many of them were perfect on the held-out positions.
        ratio: Its mean seconds over those of CoordConv; None for CoordConv, and without it.
        coordinates: For regression, the training and test accuracy over coordinates.
        soft_iou: For rendering, of the painted probabilities in training and test; None where a
            record is older than this score.
        absolute_error: The same, of the mean absolute error of the probabilities.
    """

    model: str
    settings: str
    seeds: int
    perfect: int
    parameters: int
    epochs: Spread
    seconds: Spread
    ratio: float | None
    train: Spread
    test: Spread
    coordinates: tuple[Spread, Spread] | None
    soft_iou: tuple[Spread, Spread] | None
    absolute_error: tuple[Spread, Spread] | None


class Pair(NamedTuple):
    """The rows of one task and split.

    Attributes:
        rows: CoordConv first.
        missing: Models without a run.
        tutorial: The tutorial's training and test figures by model; None where it has pictures.
    """

    task: str
    split: str
    rows: list[TableRow]
    missing: list[str]
    tutorial: dict[str, tuple[float | None, float | None]]


def is_perfect(run: Run) -> bool:
    """Whether every held-out answer is right, or the mean intersection over union is 0.99."""
    bar = PERFECT_IOU if run.record.spec.task == "rendering" else 1.0
    return run.record.test_score >= bar


def pairs(runs: Sequence[Run]) -> list[Pair]:
    """Make the table, one pair for each task and split, whether or not it was run."""
    groups = by_key(runs)
    return [
        Pair(
            task,
            split,
            _rows([groups[task, split, model] for model in models_of(task)]),
            [model for model in models_of(task) if not groups[task, split, model]],
            {model: TUTORIAL_SCORES[task, split, model] for model in models_of(task)},
        )
        for task, split in CELLS
    ]


def _rows(models: list[list[Run]]) -> list[TableRow]:
    rows = [row for runs in models for row in _rows_of(runs)]
    means = [row.seconds.mean for row in rows if row.model == "coordconv"]
    if not means or not means[0]:
        return rows
    return [
        row if row.model == "coordconv" else row._replace(ratio=row.seconds.mean / means[0])
        for row in rows
    ]


def _rows_of(runs: list[Run]) -> list[TableRow]:
    """One row for each choice of settings: runs of different settings are never averaged."""
    choices = list(dict.fromkeys(run.settings for run in runs))
    return [
        _row([run for run in runs if run.settings == choice], choice if len(choices) > 1 else "")
        for choice in choices
    ]


def _row(runs: list[Run], settings: str) -> TableRow:
    records = [run.record for run in runs]
    return TableRow(
        model=records[0].spec.model_name,
        settings=settings,
        seeds=len(records),
        perfect=sum(is_perfect(run) for run in runs),
        parameters=records[0].parameters,
        epochs=_spread([record.epochs for record in records]),
        seconds=_spread([record.seconds for record in records]),
        ratio=None,
        train=_spread(_scores(runs, "train", PRIMARY_SCORE[records[0].spec.task])),
        test=_spread(_scores(runs, "test", PRIMARY_SCORE[records[0].spec.task])),
        coordinates=_further(runs, "coordinate_accuracy"),
        soft_iou=_further(runs, "soft_iou"),
        absolute_error=_further(runs, "mean_absolute_error"),
    )


def _further(runs: list[Run], name: str) -> tuple[Spread, Spread] | None:
    """A score beside the main one, in training and test, where every run has it."""
    train, test = (_scores(runs, side, name) for side in ("train", "test"))
    complete = len(train) == len(test) == len(runs)
    return (_spread(train), _spread(test)) if complete else None


def _scores(runs: list[Run], side: str, name: str) -> list[float]:
    scores = [values for run in runs for key, values in run.record.scores.items() if key == side]
    return [values[name] for values in scores if name in values]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(sum(values) / len(values), min(values), max(values))
