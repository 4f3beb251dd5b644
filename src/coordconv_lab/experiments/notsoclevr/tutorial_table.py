"""The table that ``coordconv reproduce`` prints, with the tutorial's scores beside ours."""

from collections.abc import Iterable
from itertools import groupby

from rich.console import Console

from coordconv_lab.experiments.notsoclevr.summary import SummaryRow, summarise, unfair_pairs
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import absolute_error, overlap, published, score

COLUMNS = ("network", "seed", "parameters", "epochs", "seconds", "train", "test", "tutorial")
WIDTHS = (9, 4, 10, 6, 7, 6, 6, 13)


def print_table(records: Iterable[Record]) -> None:
    """Print a row for each run, and list the baselines with too little training time."""
    rows, console = summarise(records), Console()
    console.print("\n[bold]Our results and the tutorial's")
    console.print(_columns(*COLUMNS))
    for (task, split), group in groupby(rows, key=lambda row: (row.task, row.split)):
        console.print(f"[bold]{task}, {split}")
        for row in group:
            console.print(_columns(*_cells(row)))
            if soft := _soft_scores(row):
                console.print(soft, style="dim", highlight=False)
    console.print(
        "Scores are over all examples: accuracy for classification and regression, mean IoU for "
        "rendering. Soft IoU and the mean absolute error compare probabilities, so they show a "
        "gray background. The tutorial's accuracy in regression is by coordinate, not by point.",
        style="dim",
    )
    for pair in unfair_pairs(rows):
        console.print(
            f"Note: the training of a baseline was too short for a fair comparison: {pair} its "
            "CoordConv run."
        )


def _columns(*cells: str) -> str:
    """Format cells in columns for a terminal of 80 characters, with the first left-aligned."""
    first, *rest = (f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return "  ".join((f"{first.strip():<{WIDTHS[0]}}", *rest))


def _cells(row: SummaryRow) -> tuple[str, ...]:
    tutorial = (row.tutorial_train, row.tutorial_test)
    figures = "images" if None in tutorial else " / ".join(map(published, tutorial))
    return (
        row.model,
        str(row.seed),
        f"{row.parameters:,}",
        str(row.epochs),
        f"{row.seconds:.1f}",
        score(row.train_score, row.task),
        score(row.test_score, row.task),
        figures,
    )


def _soft_scores(row: SummaryRow) -> str:
    """Format the training and test scores of the probabilities, for a terminal of 80 characters."""
    both = (row.train_soft_iou, row.test_soft_iou)
    ious = [value for value in both if value is not None]
    both = (row.train_mean_absolute_error, row.test_mean_absolute_error)
    errors = [value for value in both if value is not None]
    if not ious or not errors:
        return ""
    soft, error = " / ".join(map(overlap, ious)), " / ".join(map(absolute_error, errors))
    return f"{'':11}soft IoU {soft}, mean absolute error {error}"
