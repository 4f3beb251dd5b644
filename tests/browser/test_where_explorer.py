"""The explorer of held-out places says what the committed predictions say."""

import base64
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Visit

Open = Callable[..., Visit]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "where-explorer.html"


@pytest.fixture(scope="module")
def predictions() -> dict[str, np.ndarray]:
    """The arrays by name, temperatures in kelvin, read without the page's code."""
    kept = json.loads((ROOT / "benchmarks/results/held_out_predictions.json").read_text())
    content, start, found = zlib.decompress(base64.b64decode(kept["bytes"])), 0, {}
    for name, shape in kept["arrays"]:
        count = int(np.prod(shape))
        array = np.frombuffer(content, np.uint8, count, start).reshape(shape)
        if name.startswith("temperature-"):
            array = kept["zero"] + np.cumsum(array, axis=-1, dtype=np.uint8).astype(float)
        found[name], start = array, start + count
    assert start == len(content)
    return {**found, "regions": np.array(kept["regions"]), "people": np.array(kept["people"])}


def point_at(page: Page, maps: str, key: str, row: int, column: int, shape: tuple[int, int]) -> str:
    """Move the mouse to a pixel, counted from below, and return the words above that map."""
    pad = page.locator(f"{maps} .pad[data-key={key}]")
    pad.scroll_into_view_if_needed()
    box = pad.locator("canvas").bounding_box()
    assert box is not None
    rows, columns = shape
    x = box["x"] + (column + 0.5) / columns * box["width"]
    page.mouse.move(x, box["y"] + (rows - row - 0.5) / rows * box["height"])
    return page.locator(f"{maps} figure:has([data-key={key}]) figcaption span").inner_text()


def test_temperatures_are_those_of_the_predictions(visit: Open, predictions) -> None:
    opened = visit(PAGE)
    page, draw = opened.page, random.Random(0)
    page.locator("#earth-maps canvas").first.wait_for()
    truth = predictions["temperature-true"]
    shape = truth.shape[1:]
    for month in (0, 6):
        page.locator("#month").fill(str(month))
        for key in ("conv", "latitude", "sphere"):
            row, column = draw.randrange(shape[0]), draw.randrange(shape[1])
            said = point_at(page, "#earth-maps", key, row, column, shape)
            kelvin = predictions[f"temperature-{key}"][month, row, column]
            celsius, error = kelvin - 273.15, kelvin - truth[month, row, column]
            sign = "\u2212" if error < 0 else "+"
            number = f"{abs(celsius):.0f}"
            assert said == f"{'−' if celsius < -0.5 else ''}{number} °C ({sign}{abs(error):.0f} K)"
    page.keyboard.press("Tab")
    assert opened.complaints == []
    assert all(url.startswith(("file:", "blob:", "data:")) for url in opened.requests)


def test_regions_are_those_of_the_predictions(visit: Open, predictions) -> None:
    page, draw = visit(PAGE).page, random.Random(1)
    page.locator("#brain-maps canvas").first.wait_for()
    for at in (0, 5):
        person = predictions["people"][at]
        page.locator(f"[name=person][value='{person}']").check()
        truth = predictions[f"brain-{person}-true"]
        level = draw.randrange(4, 10)
        page.locator("#level").fill(str(level))
        inside = np.argwhere(truth[level])
        for key in ("true", "conv", "coordconv", "stale"):
            row, column = map(int, inside[draw.randrange(len(inside))])
            said = point_at(page, "#brain-maps", key, row, column, truth.shape[1:])
            label = int(predictions[f"brain-{person}-{key}"][level, row, column])
            assert said.startswith(predictions["regions"][label - 1])
            wanted = int(truth[level, row, column])
            if key != "true":
                is_side = (label <= 41) == (wanted <= 41)
                verdict = (
                    "correct" if label == wanted else "correct side" if is_side else "wrong side"
                )
                assert said.endswith(f", {verdict}")


def test_arrow_keys_move_the_point_and_stop_at_the_edge(visit: Open) -> None:
    page = visit(PAGE).page
    pad = page.locator("#earth-maps .pad[data-key=true]")
    pad.focus()
    before = page.locator("#earth-place").inner_text()
    pad.press("ArrowUp")
    after = page.locator("#earth-place").inner_text()
    assert before != after
    for _ in range(130):
        pad.press("ArrowDown")
    assert page.locator("#earth-place").inner_text().startswith("90.0° south")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(visit: Open, width: int, scheme: str) -> None:
    page = visit(PAGE, width=width, scheme=scheme).page
    page.locator("#brain-maps canvas").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_the_explorer_finds_nothing(visit: Open, scheme: str) -> None:
    page = visit(PAGE, scheme=scheme).page
    page.locator("#brain-maps canvas").first.wait_for()
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
