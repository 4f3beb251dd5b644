"""The table of gains as a reader sees it: pictures inside of their cells, verdicts alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Visit

Open = Callable[..., Visit]

ROWS = """() => [...document.querySelectorAll("#gains tbody tr:not(.group)")].map((row) => {
    const box = (name) => row.querySelector(name).getBoundingClientRect().toJSON();
    const chip = row.querySelector(".verdict"), style = getComputedStyle(chip);
    return { range: box(".range"), line: box(".line"), mean: box(".mean"), verdict: chip.innerText,
             look: [style.fontSize, style.fontWeight, style.borderStyle, chip.offsetHeight] };
})"""


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_each_gain_is_drawn_in_its_cell_and_each_verdict_alike(
    visit: Open, report: Path, width: int
) -> None:
    rows = visit(report, width=width).page.evaluate(ROWS)
    assert len(rows) == 37
    assert {row["verdict"] for row in rows} == {"helps", "no difference", "hurts", "undecided"}
    assert len({tuple(row["look"]) for row in rows}) == 1
    for row in rows:
        whole, line, mean = row["range"], row["line"], row["mean"]
        assert whole["left"] <= line["left"] < line["right"] <= whole["right"]
        assert line["left"] - 2 <= (mean["left"] + mean["right"]) / 2 <= line["right"] + 2
        middle = (whole["left"] + whole["right"]) / 2
        side = {"helps": line["left"] > middle, "hurts": line["right"] < middle + 3}
        assert side.get(row["verdict"], True), row
