"""Print the estimated duration and the outcome of a sweep."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from coordconv_lab.errors import printable
from coordconv_lab.results.score_format import duration, score
from coordconv_lab.sweep.outcome import RowOutcome
from coordconv_lab.sweep.space import described

if TYPE_CHECKING:  # This import needs torch.
    from coordconv_lab.sweep.estimate import Estimate


def print_estimate(estimate: "Estimate", total: int, at_once: int, machines: int) -> None:
    """Print how many runs remain, and how long they take on one and on several machines."""
    console = Console()
    console.print(
        f"{total} runs, {len(estimate.each)} remaining; kinds of runs measured: {estimate.shapes}"
    )
    table = Table("machines like this one", "parallel runs", "time")
    for count in sorted({1, machines}):
        slots = count * at_once
        table.add_row(str(count), str(slots), duration(estimate.seconds(slots)))
    console.print(table)
    threads = "1 thread" if estimate.threads == 1 else f"{estimate.threads} threads"
    console.print(
        f"With {threads} per run, if parallel runs do not slow each other down. "
        f"The longest run takes {duration(max(estimate.each, default=0.0))}."
    )


def print_outcome(name: str, rows: Sequence[RowOutcome], best: int) -> None:
    """Print the progress, failures and best runs of a sweep, and which share solves the task."""
    console = Console()
    table = Table(
        "row", "done", "failed", "stopped", "solve the task", "best test", title=Text(name)
    )
    for row in rows:
        cells = ["", ""]
        if row.records:
            tried = row.tried
            low, high = tried.interval
            cells[0] = f"{tried.solved} of {tried.n} ({low:.0%} to {high:.0%})"
            cells[1] = score(row.best[0].test_score, row.best[0].spec.task)
        done = f"{len(row.records)} of {row.total}"
        failed, stopped = (str(len(ended) or "") for ended in (row.failures, row.stopped))
        table.add_row(Text(row.name), done, failed, stopped, *cells)
    console.print(table)
    for row in rows:
        for record in row.best[:best]:
            scores = (record.train_score, record.test_score)
            train, test = (score(value, record.spec.task) for value in scores)
            settings = described(row.settings(record.spec)) or "the only setting"
            line = f"train {train}, test {test}, {record.seconds:.0f} s: {settings}"
            console.print(Text(row.name, style="bold"))
            console.print(Padding(Text(line), (0, 0, 0, 4)))
        for reason, count in Counter(row.failures.values()).items():
            console.print(
                Padding(Text(f"{count} failed: {printable(reason)}"), (0, 0, 0, 4)), style="red"
            )
