"""Write the measured parts of docs/where-it-helps.md and its images from results/.

Run it with `make evidence`. A test fails if the page and the records differ.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv_lab.claims.gains import GainRow, gain_rows
from coordconv_lab.claims.usefulness import MARGIN, Question, Usefulness, signed
from coordconv_lab.experiments.brains import questions as brains
from coordconv_lab.experiments.brains.source import SOURCE as BRAINS
from coordconv_lab.experiments.climate import questions as climate
from coordconv_lab.experiments.climate.source import SOURCE as CLIMATE
from coordconv_lab.experiments.digits import questions as digits
from coordconv_lab.experiments.digits.source import SOURCE as DIGITS
from coordconv_lab.experiments.signal import questions as signal
from coordconv_lab.experiments.signal.source import SOURCE as SIGNAL
from coordconv_lab.experiments.tiles import questions as tiles
from coordconv_lab.experiments.tiles import source as tiles_source
from coordconv_lab.experiments.volume import questions as volume
from coordconv_lab.experiments.volume.source import SOURCE as VOLUME
from coordconv_lab.plotting import default_style

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "where-it-helps.md"
IMAGES = ROOT / "docs" / "images"
RESULTS = ROOT / "results"

QUESTIONS: Mapping[str, Sequence[Question]] = {
    "digits": digits.QUESTIONS,
    "brains": brains.QUESTIONS,
    "climate": climate.QUESTIONS,
    "tiles": tiles.QUESTIONS,
    "signal": signal.QUESTIONS,
    "volume": volume.QUESTIONS,
}
SOURCES = {
    "digits": DIGITS,
    "brains": BRAINS,
    "climate": CLIMATE,
    "tiles, zones": tiles_source.ZONES,
    "tiles, mosaic": tiles_source.MOSAIC,
    "signal": SIGNAL,
    "volume": VOLUME,
}


class Advice(NamedTuple):
    """A sentence that is shown if the table supports it.

    Attributes:
        follows_from: Pairs of a question and the verdicts that its answer may have.
        text: The sentence.
    """

    follows_from: Sequence[tuple[Question, Sequence[str]]]
    text: str


ADVICE = (
    Advice(
        [(digits.ABSOLUTE_BOXES, ["helps"]), (digits.RELATIVE_BOXES, ["no difference", "hurts"])],
        "Use coordinates if the outputs are positions in the full image. Do not use coordinates if "
        "the outputs are offsets from an anchor, because the position of the anchor is known.",
    ),
    Advice(
        [(digits.CLASSIFICATION, ["no difference", "hurts"])],
        "Do not add coordinates to classify objects that can be anywhere.",
    ),
    Advice(
        [(digits.UNSEEN_PLACES, ["hurts"])],
        "Do not add coordinates if objects will appear at positions where the training data have "
        "no objects.",
    ),
    Advice(
        [(brains.SIDE, ["helps"])],
        "If the label depends on position, use coordinates in a frame that is the same for all "
        "images, such as millimeters in the body. Such coordinates also help for people who are "
        "not in the training set.",
    ),
    Advice(
        [(brains.IN_THE_PATCH, ["no difference", "hurts"]), (brains.SIDE, ["helps"])],
        "Give a crop its position in the full image. Coordinates relative to the crop do not help.",
    ),
    Advice(
        [(brains.STALE, ["hurts"]), (brains.SIDE, ["helps"])],
        "If images are mirrored in training, mirror the coordinates with the images. Coordinates "
        "that are not mirrored are worse than no coordinates.",
    ),
    Advice(
        [(climate.LATITUDE_NEW, ["helps"]), (climate.SPHERE_TRANSFERS, ["hurts"])],
        "Use only coordinates that have the same meaning at the places where you will predict as "
        "in the training data. Other coordinates make the predictions at new places worse.",
    ),
    Advice(
        [(climate.LATITUDE_NEW, ["helps"]), (tiles.LATITUDE_NEW, ["helps"])],
        "A coordinate with the same meaning everywhere, such as latitude, also helps in new "
        "regions.",
    ),
    Advice(
        [(signal.LATER, ["helps"]), (signal.LATER_CROP, ["no difference", "hurts"])],
        "For windows of a long recording, use the position in the recording, such as the time of "
        "the day, if the label depends on it. Coordinates relative to the window do not help.",
    ),
    Advice(
        [(signal.STILL, ["no difference"]), (volume.TISSUE, ["no difference"])],
        "If the label can be seen in the crop itself, coordinates make no difference. Whether "
        "coordinates help depends on the label, not only on the images. For example, for a crop of "
        "a head, coordinates help to predict the side, but not the tissue in the middle.",
    ),
    Advice(
        [(volume.SIDE_CROP, ["hurts"]), (volume.SIDE, ["helps"])],
        "Coordinates relative to the crop can hurt where true positions help.",
    ),
)


@cache
def rows() -> dict[Question, GainRow]:
    """Answer all questions from the committed records."""
    return {row.question: row for row in gain_rows(RESULTS)}


def answer(question: Question) -> Usefulness | str:
    """Answer a question from the committed records, or say which records are missing."""
    return rows()[question].found


def row(question: Question) -> str:
    """Format the answer to a question."""
    words = rows()[question].words
    if isinstance(answer(question), Usefulness):
        words = words._replace(verdict=f"**{words.verdict}**")
    return f"| {' | '.join(words)} |"


def table() -> str:
    """Format one row per question."""
    lines = [
        "| task | interval over | gain | used by the network | uninformative coordinates "
        "| time | verdict | replication |",
        "|---|---|---|---|---|--:|---|---|",
    ]
    return "\n".join([*lines, *(row(one) for group in QUESTIONS.values() for one in group)])


def replication() -> str:
    """Say how many rows have the same verdict twice, and list the other rows."""
    known = [row for row in rows().values() if row.agrees is not None]
    agreeing = sum(1 for row in known if row.agrees)
    lines = [f"In {agreeing} of {len(known)} rows, both verdicts are the same."]
    missing = [
        name
        for name, questions in QUESTIONS.items()
        if any(rows()[one].agrees is None for one in questions)
    ]
    if missing:
        lines.append(f"Not yet recorded: {', '.join(missing)}.")
    other = [f"- {row.question.title}: {_both(row)}" for row in known if not row.agrees]
    return "\n".join([" ".join(lines), *(["", *other] if other else [])])


def _both(row: GainRow) -> str:
    assert isinstance(row.found, Usefulness)
    assert isinstance(row.again, Usefulness)
    first, again = row.found.gain, row.again.gain
    return (
        f"first {first.direction}, with a gain of {signed(first)}; then {again.direction}, "
        f"with a gain of {signed(again)}"
    )


def advice() -> str:
    """Format the advice that follows from the table."""
    kept = [one.text for one in ADVICE if all(map(_holds, one.follows_from))]
    return "\n".join(f"- {text}" for text in kept) or "There are too few records for advice yet."


def _holds(condition: tuple[Question, Sequence[str]]) -> bool:
    question, directions = condition
    found = answer(question)
    return not isinstance(found, str) and found.gain.direction in directions


def data() -> str:
    """Format the packages with the data and their licenses."""
    lines = ["| experiment | package | extra | license |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one.package} {one.version} | `{one.extra}` | {one.licence} |"
        for name, one in SOURCES.items()
    ]
    return "\n".join(lines)


def pictures() -> str:
    """Format the links to the pictures of the experiments that have records."""
    links = [
        f"![The gain of each seed or unit for each task of {name}](images/where-{name}.png)"
        for name in QUESTIONS
        if answered(name)
    ]
    return "\n\n".join(links) or "There are no records to draw yet."


def answered(name: str) -> list[Usefulness]:
    """Return the answers to those questions of an experiment whose records all exist."""
    found = [answer(question) for question in QUESTIONS[name]]
    return [one for one in found if not isinstance(one, str)]


def seams() -> str:
    """Format the accuracy in each strip, with a column for each position of the seam."""
    jumps, sphere = answer(tiles.SEAM), answer(tiles.SPHERE_STRIP)
    if isinstance(jumps, str) or isinstance(sphere, str):
        return "There are no records yet."
    columns = (jumps.values["plain"], jumps.values["told"], sphere.values["told"])
    lines = ["| strip | seam opposite | seam inside | unit sphere |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name.removeprefix('strip-').upper()} | "
        + " | ".join(f"{column[name]:.3f}" for column in columns)
        + " |"
        for name in columns[0]
    ]
    verdicts = (
        f'The verdict for "seam inside" compared with "seam opposite" is: {jumps.gain.direction}. '
        f'The verdict for "unit sphere" compared with "seam inside" is: {sphere.gain.direction}.'
    )
    return "\n".join([*lines, "", verdicts])


@default_style()
def draw(name: str) -> None:
    """Draw the gain of each seed or unit, the mean with its interval, and the margin."""
    answers = answered(name)
    figure = Figure(figsize=(10, 0.5 * len(answers) + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axvspan(-MARGIN, MARGIN, color="#eeeeee", zorder=0)
    axes.axvline(0, color="#888888", linewidth=0.8, zorder=1)
    for place, found in enumerate(answers):
        values = list(found.gain.by_key.values())
        axes.plot(values, [place] * len(values), "o", color="#0072B2", alpha=0.5)
        if found.gain.interval is not None:
            axes.plot(found.gain.interval, [place] * 2, "-", color="black", linewidth=1.5)
        axes.plot(found.gain.effect, place, "|", color="black", markersize=14)
    axes.set_yticks(
        range(len(answers)),
        [f"{found.question.title}: {found.gain.direction}" for found in answers],
    )
    axes.invert_yaxis()
    unit = " or ".join(dict.fromkeys(found.question.unit for found in answers))
    axes.set_xlabel(f"gain; the dots are {unit}")
    figure.savefig(IMAGES / f"where-{name}.png", dpi=120, metadata={"Software": None})


def main() -> int | None:
    """Write the page and its pictures; with --check, only say whether the page is current."""
    page = PAGE.read_text()
    parts = {"table": table(), "pictures": pictures(), "advice": advice(), "data": data()}
    parts |= {"seams": seams(), "replication": replication()}
    for name, part in parts.items():
        page = with_part(page, part, name)
    code = write_or_check(PAGE, page)
    if code is None:
        for name in QUESTIONS:
            if answered(name):
                draw(name)
    return code


if __name__ == "__main__":
    sys.exit(main())
