"""Additions of an experiment to the report, besides the table, curves and cost.

The descriptor of an experiment names a function that returns its `Panels`. The engine therefore
does not import experiments.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coordconv_lab.registry import registry, resolve
from coordconv_lab.registry.descriptors import Experiment
from coordconv_lab.results.record import Record
from coordconv_lab.specs import ExperimentSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coordconv_lab.report.run_panels import Panel
    from coordconv_lab.report.runs import Cell, Run

Attempt = Callable[[Callable[[Path], Any], str], Any]
"""A function that calls a reader for a file of a run, given the reader and the file's name. If the
reader fails, the result is None and the page shows a message."""

Published = tuple[float | None, float | None]
"""The published training and held-out score; None if only images are published."""


class Section(NamedTuple):
    """A section of the page.

    Attributes:
        id: The id of the ``<section>``.
        title: Title in the list of sections.
        template: Template of the HTML, in the experiment's directory of templates.
        content: Values for the template.
        is_first: Whether the section comes before the table of scores.
    """

    id: str
    title: str
    template: str
    content: Mapping[str, Any]
    is_first: bool = False


class Panels:
    """The additions of an experiment. This base class adds nothing.

    Attributes:
        lead: A paragraph at the top of the page.
        scores: An explanation of the scores, above the table.
        terms: Words of the page and their definitions.
        publication: The source of published scores, such as "Tutorial".
        publication_note: An explanation of the published scores, if any are shown.
        directory: Directory that contains ``templates``.
        scripts: Script files for the sections.
        styles: Style sheets for the sections.
    """

    lead: str = ""
    scores: str = ""
    terms: Mapping[str, str] = {}
    publication: str = "Published"
    publication_note: str = ""
    directory: Path | None = None
    scripts: Sequence[Path] = ()
    styles: Sequence[Path] = ()

    def read(self, record: Record, attempt: Attempt) -> dict[str, Any]:
        """Read the files that the sections show, from the directory of a run.

        Args:
            record: The record of the run.
            attempt: Reads one file.

        Returns:
            The contents of the files, by file name.
        """
        return {}

    def published(self, spec: ExperimentSpec) -> Published | None:
        """Return the published scores of the network in a spec, or None."""
        return None

    def sections(self, drawn: "Sequence[Cell]", every: "Sequence[Cell]") -> list[Section]:
        """Return the sections of the page that have something to show.

        Args:
            drawn: Cells with the networks that charts draw.
            every: The same cells, with all networks.
        """
        return []

    def figures(self, drawn: "Sequence[Cell]") -> "Mapping[str, Figure]":
        """Return figures for papers and slides, by name."""
        return {}

    def run_figures(self, task: str) -> "Mapping[str, Callable[[Run], list[Panel]]]":
        """Return the figures of a single run, other than the learning curve, by name."""
        return {}


def panels_of(task: str) -> Panels:
    """Return the panels of the experiment of a task."""
    return panels_of_experiment(registry().experiment_of(task))


def panels_of_experiment(experiment: Experiment) -> Panels:
    """Return the panels of an experiment."""
    return Panels() if experiment.panels is None else resolve(experiment.panels)()
