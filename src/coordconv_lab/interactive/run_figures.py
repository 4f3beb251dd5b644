"""Draw figures of one run, or of several runs side by side."""

from collections.abc import Sequence
from difflib import get_close_matches
from textwrap import fill

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.interactive.drawing import Drawing
from coordconv_lab.interactive.trained_run import TrainedRun
from coordconv_lab.plotting import default_style, import_matplotlib

_MOST = 3
"""Number of figures of a run that are drawn if the user does not choose any."""

_WIDTH = 44
"""Maximum number of characters of a title above a panel."""


def draw_run(run: TrainedRun, figures: Sequence[str]) -> Drawing:
    """Draw figures of one run in a row.

    Raises:
        InputError: There is no such figure.
    """
    import_matplotlib()
    from coordconv_lab.report.run_panels import figure_of_panels, run_figures

    _check([run], figures)
    known = run_figures(run.spec.task)
    panels = [panel for name in figures or [*known][:_MOST] for panel in known[name](run.files)]
    with default_style():
        figure = figure_of_panels(panels, min(len(panels), 4))
    return Drawing(figure, " ".join(panel.alt for panel in panels))


def draw_beside(runs: Sequence[TrainedRun], labels: Sequence[str], name: str) -> Drawing:
    """Draw one figure of several runs, each under its label.

    Raises:
        InputError: There is no such figure, or there are no runs.
    """
    if not runs:
        raise InputError("there are no runs to draw")
    import_matplotlib()
    from coordconv_lab.report.run_panels import figure_of_panels, run_figures

    _check(runs, [name])
    each = [run_figures(run.spec.task)[name](run.files) for run in runs]
    panels = [
        panel._replace(title=_title(label, panel.title, panels), alt=f"{label}: {panel.alt}")
        for panels, label in zip(each, labels, strict=True)
        for panel in panels
    ]
    # Keep the panels of a run side by side.
    several = max(map(len, each))
    across = several if several > 1 else 2 if len(panels) in (2, 4) else 3
    with default_style():
        figure = figure_of_panels(panels, across)
    return Drawing(figure, " ".join(panel.alt for panel in panels))


def _title(label: str, title: str, panels: Sequence[object]) -> str:
    return fill(label, _WIDTH) + (f"\n{title}" if len(panels) > 1 else "")


def _check(runs: Sequence[TrainedRun], figures: Sequence[str]) -> None:
    from coordconv_lab.report.run_panels import run_figures

    for run in runs:
        known = run_figures(run.spec.task)
        for name in figures:
            if name not in known:
                near = get_close_matches(str(name), known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"its figures: {', '.join(known)}"
                raise InputError(f"the task {run.spec.task} has no figure {in_short(name)}; {hint}")
