"""What the terminal shows: bars while runs go on, the main table when they are done."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from coordconv_lab.claims import Entry
from coordconv_lab.claims.tally import in_all, tallies
from coordconv_lab.errors import printable
from coordconv_lab.results import Record, SummaryRow
from coordconv_lab.results.wording import absolute_error, duration, overlap, published, score
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study
from coordconv_lab.sweep.outcome import RowOutcome
from coordconv_lab.sweep.space import described

if TYPE_CHECKING:  # they come with torch, which claims and tables do without
    from coordconv_lab.sweep.estimate import Estimate
    from coordconv_lab.train import Attempt

COLUMNS = ("net", "seed", "parameters", "epochs", "seconds", "train", "test", "tutorial")
REFRESHES_PER_SECOND = 2  # drawing takes time from training
WIDTHS = (9, 4, 10, 6, 7, 6, 6, 13)


class RunBars:
    """One bar for all runs and one for the run at work; where output is no terminal, a line a run.

    Args:
        total: How many runs there are to train.
    """

    def __init__(self, total: int) -> None:
        self.console = Console()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[loss]}"),
            console=self.console,
            disable=not self.console.is_terminal,
            expand=True,
            refresh_per_second=REFRESHES_PER_SECOND,
        )
        self._total, self._started, self._steps = total, 0, 1
        self._drawn, self._score = time.monotonic(), ""
        self._all = self._bars.add_task("", total=total, loss="", visible=total > 1)
        self._run = self._bars.add_task("", total=None, loss="", visible=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._bars.update(self._all, completed=self._total)
        self._bars.stop()

    def expect(self, total: int) -> None:
        """Set how many runs there are to train, where that was not known before."""
        self._total = total
        self._bars.update(self._all, total=total, visible=total > 1)

    def passed(self, count: int) -> None:
        """Set how many runs are behind, those among them that were not trained."""
        self._started = count

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Show a new run, of one net or of several."""
        self._started, self._steps, self._score = self._started + 1, steps, ""
        spec, seeds = specs[0], ", ".join(str(spec.seed) for spec in specs)
        name = f"{spec.task} {spec.data.split} {spec.model_name} seed {seeds}"
        place = f"run {self._started} of {self._total}"
        if not self.console.is_terminal:
            self.console.print(f"{place}: {name}, {steps} steps")
        self._bars.update(self._all, description=place, completed=self._started - 1)
        self._bars.reset(self._run, total=steps, description=name, visible=True, loss="")

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Show how far the run, and all of them, are, if it is time to draw."""
        now = time.monotonic()
        if step < self._steps and now - self._drawn < 1 / REFRESHES_PER_SECOND:
            return
        self._drawn = now
        if self.console.is_terminal:
            self._bars.update(self._run, completed=step, loss=f"loss {loss():8.2g}{self._score}")
            self._bars.update(self._all, completed=self._started - 1 + step / self._steps)

    def measured(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Show the scores of the held-out examples from now on, as a mean over the nets."""
        self._score = f"  test {fmean(row['test_score'] for row in rows):6.1%}"


@contextmanager
def counting_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that draws how many of how many are done, on a terminal."""
    console = Console()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_left_out(damage: str) -> None:
    """Say that a run is left out, and why."""
    Console().print(
        f"Left as it is: {printable(damage)}", soft_wrap=True, highlight=False, markup=False
    )


def print_summary(rows: Sequence[SummaryRow], unfair: Sequence[str], report: Path) -> None:
    """Print the main table, the tutorial's figures beside ours, and where the report is."""
    console = Console()
    console.print("\n[bold]Measured here, beside the tutorial")
    console.print(_columns(*COLUMNS))
    for (task, split), group in groupby(rows, key=lambda row: (row.task, row.split)):
        console.print(f"[bold]{task}, {split}")
        for row in group:
            console.print(_columns(*_cells(row)))
            if soft := _soft_scores(row):
                console.print(soft, style="dim", highlight=False)
    console.print(
        "Scores count every example: points right for classification and regression, mean IoU for "
        "rendering; soft IoU and the mean absolute error compare probabilities, so that a gray "
        "background shows. The tutorial's regression figures count coordinates, not points.",
        style="dim",
    )
    for pair in unfair:
        console.print(f"A baseline had less than its share of time: {pair} its CoordConv run.")
    console.print(f"Report: {printable(str(report))}", soft_wrap=True, markup=False)


def _columns(*cells: str) -> str:
    """Set cells in columns that fit a terminal of 80, the first to the left."""
    first, *rest = (f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return "  ".join((f"{first.strip():<{WIDTHS[0]}}", *rest))


def _cells(row: SummaryRow) -> tuple[str, ...]:
    tutorial = (row.tutorial_train, row.tutorial_test)
    figures = "pictures" if None in tutorial else " / ".join(map(published, tutorial))
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
    """The scores of the probabilities, train / test, in a line that fits a terminal of 80."""
    both = (row.train_soft_iou, row.test_soft_iou)
    ious = [value for value in both if value is not None]
    both = (row.train_mean_absolute_error, row.test_mean_absolute_error)
    errors = [value for value in both if value is not None]
    if not ious or not errors:
        return ""
    soft, error = " / ".join(map(overlap, ious)), " / ".join(map(absolute_error, errors))
    return f"{'':11}soft IoU {soft}, mean absolute error {error}"


def print_studies(studies: Sequence[Study], kind: str = "study") -> None:
    """Print the name, the number of runs and the question of every study."""
    table = Table(kind, "runs", "question")
    for study in studies:
        table.add_row(study.name, str(len(study.specs)), study.question)
    Console().print(table)


def print_arms(study: Study, records: Mapping[str, Record]) -> None:
    """Print the question of a study, and for each arm its runs, scores and what is missing."""
    soft = any("soft_iou" in record.scores["test"] for record in records.values())
    columns = ("soft IoU, test", "absolute error, test") if soft else ()
    table = Table("arm", "runs", "train", "test", "perfect in test", *columns)
    for name, specs in study.arms.items():
        found = [records[spec.id] for spec in specs if spec.id in records]
        cells = [f"{len(found)} of {len(specs)}", "", "", ""]
        soft_cells = [_range_of(found, "soft_iou", overlap)] if soft else []
        soft_cells += [_range_of(found, "mean_absolute_error", absolute_error)] if soft else []
        if found:
            task = specs[0].task
            cells[1:] = [
                _range([record.train_score for record in found], task),
                _range([record.test_score for record in found], task),
                str(sum(record.test_score == 1 for record in found)),
            ]
        table.add_row(name, *cells, *soft_cells)
    console = Console()
    console.print(f"[bold]{study.name}[/bold]: {study.question}")
    console.print(table)


def _range_of(records: Sequence[Record], name: str, write: Callable[[float], str]) -> str:
    """The lowest and the highest test score of a name, of the records that have it."""
    values = [scores[name] for record in records if name in (scores := record.scores["test"])]
    ends = [write(value) for value in (min(values), max(values))] if values else [""]
    return ends[0] if len(set(ends)) == 1 else " to ".join(ends)


def _range(values: Sequence[float], task: str) -> str:
    low, high = score(min(values), task), score(max(values), task)
    return low if low == high else f"{low} to {high}"


VERDICT_STYLES = {
    "reproduced": "green",
    "partly": "yellow",
    "not reproduced": "red",
    "undecided": "cyan",
    "not yet": "dim",
}


def print_claims(entries: Sequence[Entry]) -> None:
    """Print every claim with its verdict, effect and condition, then the counts by source."""
    console = Console()
    for entry in entries:
        claim, finding, _ = entry
        style = VERDICT_STYLES[finding.verdict]
        console.print(f"[{style}]{finding.verdict:<15}[/] [bold]{claim.id}[/]", highlight=False)
        for line in (claim.statement, claim.source, finding.summary, finding.condition):
            if line:
                console.print(Padding(Text(line), (0, 0, 0, 16)))
    for tally in tallies(entries):
        console.print(Text(tally.words))
    console.print(Text(in_all(entries)))


class SweepBars:
    """A bar for a sweep, and one for the run at work; no terminal, a line for every run that ends.

    Args:
        at_work: The bars of the run at work, where runs are trained in this process.
    """

    def __init__(self, at_work: RunBars | None = None) -> None:
        self._at_work = at_work
        self._console = at_work.console if at_work else Console()
        self._bars: Progress | None = None
        self._task = TaskID(0)
        self._ended, self._to_do = 0, 0

    def __enter__(self) -> Self:
        if self._at_work:
            self._at_work.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bars:
            self._bars.stop()
        if self._at_work:
            self._at_work.__exit__(*error)

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        """Say what is ahead."""
        self._to_do = to_do
        together = f", {at_once} at once" if at_once > 1 else ""
        self._console.print(f"{total} runs, {to_do} of them to do now{together}")
        if self._at_work:
            self._at_work.expect(to_do)
        elif self._console.is_terminal and to_do:
            self._bars = Progress(console=self._console, transient=True)
            self._task = self._bars.add_task("runs", total=to_do)
            self._bars.start()

    def of_run(self) -> RunBars | None:
        """The bars of the run at work, on a terminal; else one line a run is enough."""
        return self._at_work if self._console.is_terminal else None

    def ended(self, spec: ExperimentSpec, attempt: "Attempt") -> None:
        """Count a run, and say what became of it where there is no bar, or where it failed."""
        if attempt.record:
            said = f"test {score(attempt.record.test_score, spec.task)}"
        elif attempt.failure:
            said = f"given up: {printable(attempt.failure)}"
        elif attempt.damage:
            said = f"left as it is: {printable(attempt.damage)}"
        else:
            said = "held by another process"
        self._advance(spec, said, attempt.record is None)

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """Count a run that was stopped early."""
        said = f"stopped at epoch {row['epoch']:g}, test {score(row['score'], spec.task)}"
        self._advance(spec, said, False)

    def _advance(self, spec: ExperimentSpec, said: str, is_news: bool) -> None:
        self._ended += 1
        if self._at_work:
            self._at_work.passed(self._ended)
        if self._bars:
            self._bars.update(self._task, completed=self._ended)
        if is_news or not self._console.is_terminal:
            line = f"{self._ended} of {self._to_do}: {spec.run_name}, {said}"
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def print_estimate(estimate: "Estimate", total: int, at_once: int, machines: int) -> None:
    """Print how many runs are missing, and how long they take here and on several machines."""
    console = Console()
    console.print(
        f"{total} runs, {len(estimate.each)} of them to do; "
        f"kinds of run measured: {estimate.shapes}"
    )
    table = Table("machines like this one", "runs at once", "time")
    for count in sorted({1, machines}):
        slots = count * at_once
        table.add_row(str(count), str(slots), duration(estimate.seconds(slots)))
    console.print(table)
    console.print(
        f"With {estimate.threads} threads a run, as long as runs side by side do not slow each "
        "other down. The longest run takes "
        f"{duration(max(estimate.each, default=0.0))}."
    )


def print_outcome(name: str, rows: Sequence[RowOutcome], best: int) -> None:
    """Print how far a sweep is, how many settings solve their task, what failed, what is best."""
    console = Console()
    table = Table("row", "done", "failed", "stopped", "solve the task", "best test", title=name)
    for row in rows:
        cells = ["", ""]
        if row.records:
            tried = row.tried
            low, high = tried.interval
            cells[0] = f"{tried.solved} of {tried.n} ({low:.0%} to {high:.0%})"
            cells[1] = score(row.best[0].test_score, row.best[0].spec.task)
        done = f"{len(row.records)} of {row.total}"
        failed, stopped = (str(len(ended) or "") for ended in (row.failures, row.stopped))
        table.add_row(row.name, done, failed, stopped, *cells)
    console.print(table)
    for row in rows:
        for record in row.best[:best]:
            scores = (record.train_score, record.test_score)
            train, test = (score(value, record.spec.task) for value in scores)
            settings = described(row.settings(record.spec)) or "the only setting"
            line = f"train {train}, test {test}, {record.seconds:.0f} s: {settings}"
            console.print(f"[bold]{row.name}[/bold]", highlight=False)
            console.print(Padding(Text(line), (0, 0, 0, 4)))
        for reason, count in Counter(row.failures.values()).items():
            console.print(
                Padding(Text(f"{count} given up: {printable(reason)}"), (0, 0, 0, 4)), style="red"
            )


def print_record(record: Record, directory: Path) -> None:
    """Print what one run came to: its scores, its cost, where it is kept."""
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
