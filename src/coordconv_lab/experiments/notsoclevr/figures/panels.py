"""The figures that Not-so-Clevr adds to reports: explorer, maps, heatmaps, arrows and gallery."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordconv_lab.experiments.notsoclevr.figures.answers import SCORE_OF_TASK, read_answers
from coordconv_lab.experiments.notsoclevr.figures.published import published
from coordconv_lab.experiments.notsoclevr.figures.sheets import read_sheet
from coordconv_lab.report.panels import Attempt, Panels, Published, Section
from coordconv_lab.results.record import Record
from coordconv_lab.specs import ExperimentSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coordconv_lab.report.run_panels import Panel
    from coordconv_lab.report.runs import Cell, Run

HERE = Path(__file__).parent


class SquarePanels(Panels):
    """The panels of Not-so-Clevr."""

    lead = (
        "This page shows the effect on small tasks about the position of a square on a canvas, "
        "measured on the machine named at the end."
    )
    scores = (
        "The score of classification and regression is the fraction of correct points. That of "
        "rendering is the mean intersection over union (IoU) of the target square and the pixels "
        "with a probability above 0.5. The scores in small print are computed from the "
        "probabilities, so they reveal a gray background. Soft IoU is the sum over pixels of the "
        "smaller of probability and target, divided by the sum of the larger. Error is the mean "
        "absolute difference of probability and target. For regression, the small print is the "
        "fraction of correct coordinates (each point has two)."
    )
    publication_note = (
        "The last two columns are the figures that Ashwin D’Cruz published in his “Coord Conv "
        "Tutorial”, for a 9 × 9 square on a 64 × 64 canvas. They are shown only for networks with "
        "all settings of a recipe. For regression the tutorial reports the fraction of correct "
        "coordinates; for rendering it only shows images."
    )
    terms = {  # noqa: RUF012
        "Uniform split": "Held-out positions are drawn at random from the full canvas, so nearly "
        "all have neighbors in the training set.",
        "Quadrant split": "The lower right quarter is held out, so networks have to generalize to "
        "a region without training positions.",
        "Classification": "From the coordinates of a point to the pixel at that point. Score: the "
        "fraction of points whose most likely pixel is correct.",
        "Regression": "From an image of one white pixel to its coordinates. Score: the fraction of "
        "points with both coordinates correct after rounding. The maps show the distance in pixels "
        "before rounding.",
        "Rendering": "From the coordinates of a point to the white square around it. Score: the "
        "mean intersection over union of the target square and the pixels with a predicted "
        "probability above 0.5.",
        "The networks without coordinates": "Transposed convolutions (Deconv) for classification "
        "and rendering; convolutions (Conv) for regression.",
    }
    publication = "Tutorial"
    directory = HERE
    scripts = (HERE / "assets" / "maps.js", HERE / "assets" / "explorer.js")
    styles = (HERE / "assets" / "squares.css",)

    def read(self, record: Record, attempt: Attempt) -> dict[str, Any]:
        """Read the predictions and the sprite sheet, for tasks that have maps."""
        spec, files = record.spec, dict[str, Any]()
        if not has_maps(spec):
            return files
        answers = attempt(lambda path: read_answers(path, spec), "predictions.npz")
        files["predictions.npz"] = answers
        if answers is not None and spec.task != "regression":
            files["sheet.png"] = attempt(
                lambda path: read_sheet(path, answers, spec.data.canvas), "sheet.png"
            )
        return files

    def published(self, spec: ExperimentSpec) -> Published | None:
        """Return the tutorial's scores for a network, which the table shows beside ours."""
        return published(spec)

    def sections(self, drawn: "Sequence[Cell]", every: "Sequence[Cell]") -> list[Section]:
        """Return the sections that have at least one network to show."""
        from coordconv_lab.experiments.notsoclevr.figures.sections import sections

        return sections(_mapped(drawn), _mapped(every))

    def figures(self, drawn: "Sequence[Cell]") -> "Mapping[str, Figure]":
        """Return the maps and the errors of regressors."""
        from coordconv_lab.experiments.notsoclevr.figures.paper_figures import paper_figures

        return paper_figures(_mapped(drawn))

    def run_figures(self, task: str) -> "Mapping[str, Callable[[Run], list[Panel]]]":
        """Return the map, the predictions and the split of a run."""
        from coordconv_lab.experiments.notsoclevr.figures.run_figures import run_figures

        return run_figures(task)


def has_maps(spec: ExperimentSpec) -> bool:
    """Whether the runs of a spec have predictions at every position."""
    return spec.task in SCORE_OF_TASK and spec.data.is_complete


def _mapped(cells: "Sequence[Cell]") -> "list[Cell]":
    return [cell for cell in cells if has_maps(cell.networks[0].first.record.spec)]
