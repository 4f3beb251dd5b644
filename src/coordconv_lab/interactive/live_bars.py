"""Show the progress of one run, in a terminal or in a notebook."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from importlib import import_module
from statistics import fmean
from typing import Any

from coordconv_lab.console.run_progress import RunBars
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Progress, SilentProgress

UPDATES_PER_SECOND = 2


@contextmanager
def bars_for_one_run(show: bool = True) -> Iterator[Progress]:
    """Yield callbacks that show the progress of a run as a bar, in a terminal or a notebook.

    Args:
        show: Whether to show a bar.
    """
    if not show:
        yield SilentProgress()
    elif in_notebook():
        yield NotebookBar()
    else:
        with RunBars(total=1) as bars:
            yield bars


def in_notebook() -> bool:
    """Whether the code runs in the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = import_module("IPython").get_ipython()
    # IPython in a terminal has a shell, but not a kernel.
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A progress bar in a notebook: one HTML output that is updated in place, without widgets."""

    def __init__(self) -> None:
        # Import IPython here, because it is not a dependency and only available in notebooks.
        self._display: Any = import_module("IPython.display")
        self._handle: Any = None
        self._name, self._steps, self._score = "", 1, ""
        self._began = self._drawn = time.monotonic()

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Show an empty bar."""
        spec = specs[0]
        self._name = f"{spec.task}, {spec.data.split}, {spec.model_name}, seed {spec.seed}"
        self._steps = max(steps, 1)
        self._handle = self._display.display(self._html(0, ""), display_id=True)

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Update the bar, unless it was updated recently."""
        now = time.monotonic()
        is_last = step >= self._steps
        if self._handle is None or (not is_last and now - self._drawn < 1 / UPDATES_PER_SECOND):
            return
        self._drawn = now
        words = "" if is_last else f", loss {loss():.2g}"
        self._handle.update(self._html(step, words + self._score))

    def measured(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Show the held-out score, starting with the next update."""
        self._score = f", held out {fmean(row['test_score'] for row in rows):.0%}"

    def _html(self, step: int, words: str) -> Any:
        bar = ""
        if step < self._steps:
            style = "width: 14em; vertical-align: middle"
            bar = f'<progress value="{step}" max="{self._steps}" style="{style}"></progress> '
        done = f"{step} of {self._steps} steps in {time.monotonic() - self._began:.0f} s"
        text = escape(f"{self._name}: {done}{words}")
        return self._display.HTML(
            f'<div class="coordconv-progress">{bar}<small>{text}</small></div>'
        )
