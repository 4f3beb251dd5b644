"""Print the scores and the cost of one run, or why the run has no scores."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from coordconv_lab.errors import printable
from coordconv_lab.results import Record


def print_record(record: Record, directory: Path) -> None:
    """Print the scores, the cost and the directory of one run."""
    table = Table("score", "train", "test")
    for name, train in record.scores["train"].items():
        table.add_row(name, f"{train:.4f}", f"{record.scores['test'][name]:.4f}")
    console = Console()
    console.print(table)
    console.print(
        f"{record.parameters:,} parameters, {record.steps:,} steps, {record.epochs} epochs, "
        f"{record.seconds:.1f} s"
    )
    console.print(f"Run: {printable(str(directory))}", soft_wrap=True, markup=False)


def print_left_out(damage: str) -> None:
    """Print that a run is skipped, and why."""
    Console().print(f"Skipped: {printable(damage)}", soft_wrap=True, highlight=False, markup=False)


def print_unfinished(error: str, console: Console) -> None:
    """Print why a run has ended without a record, above the bars of a console."""
    said = f"Not finished: {printable(error)}"
    console.print(said, soft_wrap=True, highlight=False, markup=False)
