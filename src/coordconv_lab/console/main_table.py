"""The table of ``coordconv reproduce`` for experiments that do not define their own table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from coordconv_lab.results import Record
from coordconv_lab.results.score_format import score

COLUMNS = ("network", "seed", "parameters", "epochs", "seconds")


def print_table(records: Sequence[Record]) -> None:
    """Print the cost and the main score of each run, in a table for each task and split."""
    console = Console()
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.spec.task, record.spec.data.split), []).append(record)
    for (task, split), group in groups.items():
        table = Table(*COLUMNS, "train", "test", title=f"{task}, {split}", title_justify="left")
        for record in group:
            table.add_row(
                record.spec.model_name,
                str(record.spec.seed),
                f"{record.parameters:,}",
                str(record.epochs),
                f"{record.seconds:.1f}",
                score(record.train_score, task),
                score(record.test_score, task),
            )
        console.print(table)
