"""Write the measured part of docs/when-positions-go-wrong.md and its picture.

Run it with `make speed`. A test fails if the page and the measurements differ.
"""

import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv_lab.plotting import default_style

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "when-positions-go-wrong.md"
PICTURE = ROOT / "docs" / "images" / "brains.png"
MEASURED = ROOT / "benchmarks" / "results" / "brains.json"
ARMS = {
    "plain": "no coordinates",
    "plain, mirrored": "no coordinates, mirrored in training",
    "crop-local": "coordinates of the patch itself",
    "true": "true millimeters",
    "true, mirrored, carried": "true millimeters, mirrored with the image",
    "true, mirrored, stale": "millimeters in the mirrored image",
}
TOLD = {
    "mean place": "the mean position for every patch",
    "sides swapped": "left and right swapped",
    "10 mm off": "10 mm off",
    "30 mm off": "30 mm off",
}
SCORES = ("side", "region and side")


def values(runs: list[dict], arm: str, told: str, score: str) -> list[float]:
    """Return a score of all runs of an arm."""
    return [one["scores"][told][score] for one in runs if one["arm"] == arm]


def row(words: str, runs: list[dict], arm: str, told: str) -> str:
    """Format the mean and the range of both scores."""
    cells = []
    for score in SCORES:
        found = values(runs, arm, told, score)
        cells.append(f"{sum(found) / len(found):.3f} ({min(found):.3f} to {max(found):.3f})")
    return f"| {words} | {len(found)} | {' | '.join(cells)} |"


def table(runs: list[dict]) -> str:
    """Format one line per arm, and per change of the coordinates at test time."""
    scores = "correct side | correct region and side"
    lines = [f"| trained with | runs | {scores} |", "|---|--:|--:|--:|"]
    lines += [row(words, runs, arm, "as told") for arm, words in ARMS.items()]
    lines += ["", f"| coordinates at test time | runs | {scores} |"]
    lines += ["|---|--:|--:|--:|", row("true millimeters", runs, "true", "as told")]
    lines += [row(words, runs, "true", told) for told, words in TOLD.items()]
    return "\n".join(lines)


def draw(runs: list[dict]) -> None:
    """Draw both scores of every run, one row per arm."""
    with default_style():
        figure = Figure(figsize=(8, 2.6), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, score in zip(figure.subplots(1, 2, sharey=True), SCORES, strict=True):
            for place, arm in enumerate(reversed(ARMS)):
                found = values(runs, arm, "as told", score)
                axes.plot(found, [place] * len(found), "o", color="#0072B2", alpha=0.6)
                axes.plot(sum(found) / len(found), place, "|", color="black", markersize=14)
            axes.set_yticks(range(len(ARMS)), [*reversed(ARMS.values())])
            axes.set_xlabel(f"patches with the correct {score}")
            axes.set_xlim(0, 1)
        figure.savefig(PICTURE, dpi=120)


def main() -> int | None:
    """Write the page and the picture; with --check, only say whether the page is current."""
    runs = json.loads(MEASURED.read_text())["runs"]
    page = with_part(PAGE.read_text(), table(runs), "brains")
    code = write_or_check(PAGE, page)
    if code is None:
        draw(runs)
    return code


if __name__ == "__main__":
    sys.exit(main())
