"""Progress bars of runs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from coordconv_lab.specs import ExperimentSpec

REFRESHES_PER_SECOND = 2  # Drawing slows training down.


class RunBars:
    """One bar for all runs and one bar for each current run. Without a terminal, a line per run.

    If runs are trained one after another, this object can also be passed as their callbacks.

    Args:
        total: Number of runs to train.
    """

    def __init__(self, total: int) -> None:
        self.console = Console()
        self.bars = Progress(
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
        self._total, self._started = total, 0
        self._all = self.bars.add_task("", total=total, loss="", visible=total > 1)
        self._lines: list[RunLine] = []

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.bars.update(self._all, completed=self._total)
        self.bars.stop()

    def expect(self, total: int) -> None:
        """Set the number of runs to train, if it was unknown before."""
        self._total = total
        self.bars.update(self._all, total=total, visible=total > 1)

    def passed(self, count: int) -> None:
        """Set the number of completed runs, including runs that were not trained here."""
        self._started = max(self._started, count)

    def line(self, number: int) -> "RunLine":
        """Return the callbacks for the runs of a worker. One bar shows its current run."""
        while len(self._lines) <= number:
            self._lines.append(RunLine(self))
        return self._lines[number]

    def next_place(self) -> str:
        """Count a new run, and return its number as text, such as "run 3 of 12"."""
        self._started += 1
        place = f"run {self._started} of {self._total}"
        self.bars.update(self._all, description=place)
        return place

    def draw_all(self) -> None:
        """Draw the bar of all runs, including the completed parts of current runs."""
        completed = self._started - sum(1 - line.part for line in self._lines)
        self.bars.update(self._all, completed=completed)

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Show a new run, of one network or of several."""
        self.line(0).start(specs, steps)

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Show the progress of the run and of all runs, unless the bars were drawn recently."""
        self.line(0).advance(step, loss)

    def measured(self, rows: Sequence[Mapping[str, float]]) -> None:
        """From now on, show the mean held-out score of the networks."""
        self.line(0).measured(rows)


class RunLine:
    """One bar for runs that follow one another. Without a terminal, a line per run.

    Args:
        bars: The bars that this bar belongs to.

    Attributes:
        part: Completed fraction of the steps of the current run; 1 before the first run.
    """

    def __init__(self, bars: RunBars) -> None:
        self.part = 1.0
        self._bars, self._steps = bars, 1
        self._drawn, self._score = time.monotonic(), ""
        self._run = bars.bars.add_task("", total=None, loss="", visible=False)

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Show a new run, of one network or of several."""
        self.part, self._steps, self._score = 0.0, steps, ""
        spec, seeds = specs[0], ", ".join(str(spec.seed) for spec in specs)
        name = f"{spec.task} {spec.data.split} {spec.model_name} seed {seeds}"
        place, console = self._bars.next_place(), self._bars.console
        if not console.is_terminal:
            console.print(f"{place}: {name}, {steps} steps")
        self._bars.draw_all()
        reset = self._bars.bars.reset
        reset(self._run, total=steps, description=name, visible=True, loss="")

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Show the progress of the run and of all runs, unless the bars were drawn recently."""
        now = time.monotonic()
        if step < self._steps and now - self._drawn < 1 / REFRESHES_PER_SECOND:
            return
        self._drawn, self.part = now, step / self._steps
        if self._bars.console.is_terminal:
            words = f"loss {loss():8.2g}{self._score}"
            self._bars.bars.update(self._run, completed=step, loss=words)
            self._bars.draw_all()

    def measured(self, rows: Sequence[Mapping[str, float]]) -> None:
        """From now on, show the mean held-out score of the networks."""
        self._score = f"  test {fmean(row['test_score'] for row in rows):6.1%}"


@contextmanager
def counting_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows progress on a terminal, given the counts of done and total."""
    console = Console()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)
