"""Additions of an experiment to the report, besides its table, curves and cost.

The descriptor of an experiment names a function that returns its `Panels`, so the engine imports no
experiment.
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
"""Takes a function and a file name, and returns what the function reads from that file of a run. On
failure it returns None, and the page shows a message."""

Published = tuple[float | None, float | None]
"""Published training and held-out score; None if only images are published."""


class Section(NamedTuple):
    """A section of the page.

    Attributes:
        id: The id of its ``<section>``.
        title: Its title in the list of sections.
        template: The template of its HTML, in the directory of templates of the experiment.
        content: The values of the template.
        is_first: Whether the section comes before the table of scores.
    """

    id: str
    title: str
    template: str
    content: Mapping[str, Any]
    is_first: bool = False


class Panels:
    """Additions of an experiment; this base class adds nothing.

    Attributes:
        lead: A paragraph at the top of the page.
        scores: An explanation of the scores, above the table.
        terms: Words of the page and their definitions.
        publication: The source of published scores, such as "Tutorial".
        publication_note: An explanation of the published scores, if any are shown.
        directory: Directory with ``templates``.
        scripts: Files of scripts for its sections.
        styles: Style sheets for its sections.
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
            record: Its record.
            attempt: Reads one file.

        Returns:
            Contents of the files, by file name.
        """
        return {}

    def published(self, spec: ExperimentSpec) -> Published | None:
        """Return the published scores of the network that a spec trains, if there are any."""
        return None

    def sections(self, drawn: "Sequence[Cell]", every: "Sequence[Cell]") -> list[Section]:
        """Return the sections of the page that have something to show.

        Args:
            drawn: Cells with the networks that charts draw.
            every: The same cells, with all networks.
        """
        return []

    def figures(self, drawn: "Sequence[Cell]") -> "Mapping[str, Figure]":
        """Return the figures of papers and slides, by name."""
        return {}

    def run_figures(self, task: str) -> "Mapping[str, Callable[[Run], list[Panel]]]":
        """Return the figures of a single run besides its learning curve, by name."""
        return {}


def panels_of(task: str) -> Panels:
    """Return the panels of the experiment of a task."""
    return panels_of_experiment(registry().experiment_of(task))


def panels_of_experiment(experiment: Experiment) -> Panels:
    """Return the panels of an experiment."""
    return Panels() if experiment.panels is None else resolve(experiment.panels)()
