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
    """One bar for all runs and one for the current run; without a terminal, a line per run.

    Args:
        total: Number of runs to train.
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
        """Set the number of runs to train, if it was unknown before."""
        self._total = total
        self._bars.update(self._all, total=total, visible=total > 1)

    def passed(self, count: int) -> None:
        """Set the number of completed runs, including those that were not trained."""
        self._started = count

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Show a new run, of one network or of several."""
        self._started, self._steps, self._score = self._started + 1, steps, ""
        spec, seeds = specs[0], ", ".join(str(spec.seed) for spec in specs)
        name = f"{spec.task} {spec.data.split} {spec.model_name} seed {seeds}"
        place = f"run {self._started} of {self._total}"
        if not self.console.is_terminal:
            self.console.print(f"{place}: {name}, {steps} steps")
        self._bars.update(self._all, description=place, completed=self._started - 1)
        self._bars.reset(self._run, total=steps, description=name, visible=True, loss="")

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Show the progress of the run and of all runs, unless the bars were drawn recently."""
        now = time.monotonic()
        if step < self._steps and now - self._drawn < 1 / REFRESHES_PER_SECOND:
            return
        self._drawn = now
        if self.console.is_terminal:
            self._bars.update(self._run, completed=step, loss=f"loss {loss():8.2g}{self._score}")
            self._bars.update(self._all, completed=self._started - 1 + step / self._steps)

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
