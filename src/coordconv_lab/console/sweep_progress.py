"""Progress bars of sweeps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import Progress, TaskID

from coordconv_lab.console.run_progress import RunBars, RunLine
from coordconv_lab.errors import printable
from coordconv_lab.results.score_format import score
from coordconv_lab.specs import ExperimentSpec

if TYPE_CHECKING:  # This import needs torch.
    from coordconv_lab.train import Attempt


class SweepBars:
    """A bar for a sweep and a bar for each current run. Without a terminal, a line per ended run.

    Args:
        at_work: The bars of the current runs, if they are trained on this machine.
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
        """Print the number of remaining runs."""
        self._to_do = to_do
        together = f", {at_once} in parallel" if at_once > 1 else ""
        self._console.print(f"{total} runs, {to_do} remaining{together}")
        if self._at_work:
            self._at_work.expect(to_do)
        elif self._console.is_terminal and to_do:
            self._bars = Progress(console=self._console, transient=True)
            self._task = self._bars.add_task("runs", total=to_do)
            self._bars.start()

    def of_run(self, number: int) -> RunLine | None:
        """Return the bar of a worker, or None without a terminal, where ended runs are lines."""
        return self._at_work.line(number) if self._at_work and self._console.is_terminal else None

    def ended(self, spec: ExperimentSpec, attempt: "Attempt") -> None:
        """Count a run, and print the outcome if there is no bar, or if the run failed."""
        if attempt.record:
            said = f"test {score(attempt.record.test_score, spec.task)}"
        elif attempt.failure:
            said = f"failed: {printable(attempt.failure)}"
        elif attempt.damage:
            said = f"skipped: {printable(attempt.damage)}"
        elif attempt.loss:
            said = f"lost: {printable(attempt.loss)}"
        else:
            said = "locked by another process"
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
