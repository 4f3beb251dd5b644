"""Rewrite the measured tables of the README and its image from committed records.

Run it with `make readme`. A test fails if the README and the records differ.
"""

import io
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.summary import SummaryRow, summarise
from coordconv_lab.plotting import default_style
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.score_format import published, score
from coordconv_lab.results.stored import read_stored

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "tuned"
COMPARED = ROOT / "benchmarks" / "results" / "compare_with_others.json"
PICTURE = ROOT / "docs" / "images" / "held-out-quadrant.png"
MAPPED_SCORES = (("classification", "accuracy"), ("regression", "accuracy"), ("rendering", "iou"))
HEADER = (
    "| task | split | network | parameters | epochs | seconds | train | test | tutorial train "
    "| tutorial test |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|"
)


def compared() -> str:
    """Format one line for each check that was run on this package and on other packages."""
    record = json.loads(COMPARED.read_text())
    versions = record["versions"]
    names = [name for name in versions if name != "torch"]
    heads = [f"{name.removeprefix('torch-')} {versions[name]}" for name in names]
    lines = [
        f"| | {' | '.join(heads)} |",
        f"|---|{':-:|' * len(names)}",
    ]
    marks = {"": "yes", None: "-"}
    for title, errors in record["errors"].items():
        cells = " | ".join(marks.get(errors[name], "no") for name in names)
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines)


def spread(values: Sequence[float], task: str) -> str:
    """Format the mean over seeds, with the range if the seeds differ."""
    mean, low, high = (
        score(value, task) for value in (sum(values) / len(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


def table(records: Sequence[Record]) -> str:
    """Format the main table in Markdown, followed by a text on how it was measured."""
    groups: dict[tuple[str, str, str], list[SummaryRow]] = defaultdict(list)
    for row in summarise(records):
        groups[row.task, row.split, row.model].append(row)
    lines = [HEADER, *(_line(key, rows) for key, rows in groups.items())]
    seeds = sorted({record.spec.seed for record in records})
    made = records[0].provenance
    lines += [
        "",
        f"The seeds are {' and '.join(map(str, seeds))}. Each score is the mean over the seeds, "
        "with the range in brackets if the seeds differ. The score of classification is the "
        "fraction of "
        "points for which the correct pixel is predicted. The score of regression is the fraction "
        "of points for which both coordinates are correct. If this score is below 100%, the table "
        "also gives the fraction of single coordinates that are correct, because this is the "
        "score that the tutorial reports. The score of rendering is the mean IoU (intersection "
        f"over union){_soft_in_words(records)}. The networks were trained on this processor: "
        f"{made.processor}, with {made.threads} threads and torch {made.versions['torch']}. "
        f"{_time_in_words(records)}",
    ]
    return "\n".join(lines)


def soft(values: Iterable[float | None]) -> str:
    """Format the soft IoU of a row, if every record has it."""
    known = [math.nan if value is None else value for value in values]
    return "" if any(map(math.isnan, known)) else f"; soft {spread(known, 'rendering')}"


def coordinates(values: Sequence[float | None]) -> str:
    """Format the fraction of correct single coordinates, unless it is 100%."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or min(known, default=1.0) == 1:
        return ""
    return f"; coordinates {spread(known, 'regression')}"


def _line(key: tuple[str, str, str], rows: Sequence[SummaryRow]) -> str:
    task, split, model = key
    seconds = sum(row.seconds for row in rows) / len(rows)
    cells = (
        task,
        split,
        f"**{model}**" if model == "coordconv" else model,
        f"{rows[0].parameters:,}",
        str(rows[0].epochs),
        f"{seconds:.0f}",
        spread([row.train_score for row in rows], task)
        + soft(row.train_soft_iou for row in rows)
        + coordinates([row.train_coordinate_accuracy for row in rows]),
        spread([row.test_score for row in rows], task)
        + soft(row.test_soft_iou for row in rows)
        + coordinates([row.test_coordinate_accuracy for row in rows]),
        published(rows[0].tutorial_train),
        published(rows[0].tutorial_test),
    )
    return f"| {' | '.join(cells)} |"


def _soft_in_words(records: Sequence[Record]) -> str:
    if not any("soft_iou" in record.scores["test"] for record in records):
        return ""
    return (
        " of the true square and the pixels with a predicted probability above 0.5. The soft IoU "
        "is computed from the probabilities, so it is lower if a network paints a gray background"
    )


def _time_in_words(records: Sequence[Record]) -> str:
    """Say how long training takes or, if it took several days, what was trained on each day."""
    days: dict[str, set[str]] = defaultdict(set)
    for record in records:
        name = f"{record.spec.model_name} in {record.spec.task}"
        days[record.provenance.finished[:10]].add(name)
    if len(days) == 1:
        seeds = len({record.spec.seed for record in records})
        minutes = sum(record.seconds for record in records) / seeds / 60
        return f"One after another, the twelve networks of a seed take {minutes:.1f} minutes."
    listed = ". ".join(
        f"On {day}, these networks were trained: {', '.join(sorted(names))}"
        for day, names in sorted(days.items())
    )
    return (
        "The machine's speed varies from day to day, so compare only times measured on the same "
        "day. "
        f"{listed}."
    )


@default_style()
def draw(runs: Sequence[tuple[Path, Record]], picture: Path) -> None:
    """Draw the correct positions of the quadrant split, and a square at a held-out position."""
    figure = Figure(figsize=(10.5, 5.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    found = {
        (record.spec.task, record.spec.model_name): np.load(
            io.BytesIO(read_stored(directory / "predictions.npz"))
        )
        for directory, record in runs
        if record.spec.data.split == "quadrant" and record.spec.seed == 0
    }
    panels = figure.subplots(2, 4)
    for row, with_coordinates in zip(panels, (True, False), strict=True):
        for axes, (task, name) in zip(row[:3], MAPPED_SCORES, strict=True):
            model = "coordconv" if with_coordinates else BASELINE[task]
            _draw_map(axes, found[task, model], name, f"{task}\n{model}")
        model = "coordconv" if with_coordinates else "deconv"
        _draw_square(row[3], found["rendering", model], model)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


def _draw_map(axes, answers, name: str, title: str) -> None:
    x, y = answers["x"], answers["y"]
    canvas = np.full((64, 64), np.nan)
    canvas[y, x] = answers[name]
    axes.imshow(canvas, vmin=0, vmax=1, cmap="cividis", interpolation="nearest")
    held_out = ~answers["is_train"]
    left, top = x[held_out].min() - 0.5, y[held_out].min() - 0.5
    side = x[held_out].max() + 0.5 - left
    axes.plot(
        [left, left + side, left + side, left, left],
        [top, top, top + side, top + side, top],
        color="#D55E00",
        linewidth=1.6,
    )
    axes.set_title(title, fontsize=9)
    axes.set(xticks=[], yticks=[])


def _draw_square(axes, answers, model: str) -> None:
    index = list(zip(answers["gallery_row"], answers["gallery_column"], strict=True)).index(
        (39, 50)
    )
    axes.imshow(answers["gallery_pictures"][index], vmin=0, vmax=255, cmap="gray")
    axes.plot(
        [45.5, 54.5, 54.5, 45.5, 45.5],
        [34.5, 34.5, 43.5, 43.5, 34.5],
        color="#D55E00",
        linewidth=1,
        linestyle=":",
    )
    axes.set_title(f"row 39, column 50, never seen\ndrawn by {model}", fontsize=9)
    axes.set(xticks=[], yticks=[])


def main() -> int:
    """Write the tables and the image; with --check, only compare the tables with the records."""
    runs = list(RunStore(RESULTS).records())
    readme = ROOT / "README.md"
    measured = table([record for _, record in runs])
    page = with_part(readme.read_text(), measured, "measured")
    checked = write_or_check(readme, with_part(page, compared(), "compared"))
    if checked is None:
        draw(runs, PICTURE)
    return checked or 0


if __name__ == "__main__":
    sys.exit(main())
