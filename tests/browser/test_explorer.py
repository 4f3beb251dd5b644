"""The explorer says what the records say, wherever the point is and however it got there."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.figures.maps import off_by
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore
from coordconv_lab.results.score_format import overlap
from coordconv_lab.results.stored import read_stored
from tests.browser.conftest import RESULTS, Visit

Open = Callable[..., Visit]
TASKS = ("classification", "regression", "rendering")
SPLITS = ("uniform", "quadrant")


def choose(page: Page, task: str, split: str) -> None:
    page.locator(f'.choices [name=task][value="{task}"]').check()
    page.locator(f'.choices [name=split][value="{split}"]').check()
    page.wait_for_timeout(400)  # the sheets are unpacked


def answers(task: str, split: str, model: str) -> dict[tuple[int, int], dict[str, np.ndarray]]:
    """Return the predictions of the first seed by row and column, without the report's code."""
    for directory, record in RunStore(RESULTS / "tuned").records():
        spec = record.spec
        if (spec.task, spec.data.split, spec.model_name, spec.seed) == (task, split, model, 0):
            with np.load(io.BytesIO(read_stored(directory / "predictions.npz"))) as file:
                arrays = {name: file[name] for name in file.files if "gallery" not in name}
            places = zip(arrays["y"].tolist(), arrays["x"].tolist(), strict=True)
            return {
                place: {name: array[at] for name, array in arrays.items()}
                for at, place in enumerate(places)
            }
    raise LookupError((task, split, model))


def wanted_words(task: str, answer: dict[str, np.ndarray]) -> str:
    if task == "rendering":
        return f"IoU {overlap(float(answer['iou']))}"
    if task == "regression":
        return off_by(float(answer["distance"]))
    if answer["accuracy"] == 1:
        return "right"
    x, y = answer["predicted"]
    return f"wrong, predicted row {y:.0f}, column {x:.0f}"


def point_at(page: Page, row: int, column: int) -> None:
    box = page.locator(".pad").bounding_box()
    assert box is not None
    page.mouse.move(
        box["x"] + (column + 0.5) / 64 * box["width"], box["y"] + (row + 0.5) / 64 * box["height"]
    )
    expect(page.locator(".where strong")).to_have_text(f"row {row}, column {column}")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_words_agree_with_the_records(visit: Open, report: Path, task: str, split: str) -> None:
    page = visit(report).page
    choose(page, task, split)
    page.locator(".pad").scroll_into_view_if_needed()
    models = ("coordconv", BASELINE[task])
    records = [answers(task, split, model) for model in models]
    for row, column in random.Random(task + split).sample(sorted(records[0]), 20):
        point_at(page, row, column)
        side = page.locator(".where span").inner_text()
        assert side.startswith("trained on" if records[0][row, column]["is_train"] else "held out")
        for record, words in zip(
            records, page.locator(".net .words").all_inner_texts(), strict=True
        ):
            assert words == wanted_words(task, record[row, column])


PIXELS = """(canvas) => [...canvas.getContext("2d").getImageData(0, 0, 64, 64).data]
    .filter((_, at) => at % 4 === 0)"""


@pytest.mark.parametrize("split", SPLITS)
def test_the_painted_pictures_score_what_the_records_say(
    visit: Open, report: Path, split: str
) -> None:
    page = visit(report).page
    choose(page, "rendering", split)
    page.locator(".pad").scroll_into_view_if_needed()
    records = [answers("rendering", split, model) for model in ("coordconv", "deconv")]
    for row, column in random.Random(split).sample(sorted(records[0]), 5):
        point_at(page, row, column)
        target = np.array(page.locator(".wanted canvas").evaluate(PIXELS)) > 127
        assert target.sum() == 81
        for record, net in zip(records, page.locator(".net canvas").all(), strict=True):
            painted = np.array(net.evaluate(PIXELS)) > 127
            score = (painted & target).sum() / (painted | target).sum()
            assert score == pytest.approx(float(record[row, column]["iou"]), abs=1e-6)


def test_a_classifier_is_brightest_at_the_pixel_that_it_answers(visit: Open, report: Path) -> None:
    page = visit(report).page
    choose(page, "classification", "quadrant")
    page.locator(".pad").scroll_into_view_if_needed()
    record = answers("classification", "quadrant", "deconv")
    for row, column in random.Random(0).sample(sorted(record), 12):
        point_at(page, row, column)
        pixels = np.array(page.locator(".net canvas").nth(1).evaluate(PIXELS)).reshape(64, 64)
        x, y = record[row, column]["predicted"].astype(int)
        assert pixels[y, x] == pixels.max() == 255


def test_dragging_changes_every_panel(visit: Open, report: Path) -> None:
    page = visit(report).page
    choose(page, "rendering", "uniform")
    page.locator(".pad").scroll_into_view_if_needed()

    def panels() -> list[str]:
        return [canvas.evaluate("(canvas) => canvas.toDataURL()") for canvas in canvases]

    canvases = [page.locator(".wanted canvas"), *page.locator(".net canvas").all()]
    point_at(page, 20, 20)
    page.mouse.down()
    before = panels()
    point_at(page, 40, 31)
    page.mouse.up()
    assert all(old != new for old, new in zip(before, panels(), strict=True))


def test_the_keyboard_moves_the_point_and_stops_at_the_edge(visit: Open, report: Path) -> None:
    page = visit(report).page
    place = page.locator(".where strong")
    page.locator(".pad").focus()
    row, column = (int(word.split()[-1]) for word in place.inner_text().split(", "))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text(f"row {row - 1}, column {column + 1}")
    page.keyboard.press("Shift+ArrowLeft")
    expect(place).to_have_text(f"row {row - 1}, column {column - 7}")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowDown")
    expect(place).to_have_text(f"row 59, column {column - 7}")


def test_a_finger_moves_the_point(visit: Open, report: Path) -> None:
    page = visit(report, width=390, height=800, touch=True).page
    page.locator(".pad").scroll_into_view_if_needed()
    box = page.locator(".pad").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] * 10.5 / 64, box["y"] + box["height"] * 30.5 / 64)
    expect(page.locator(".where strong")).to_have_text("row 30, column 10")


def test_a_held_out_point_is_a_click_away(visit: Open, report: Path) -> None:
    page = visit(report).page
    choose(page, "classification", "uniform")
    for _ in range(3):
        page.locator(".jump").click()
        expect(page.locator(".where span")).to_contain_text("held out")


def test_only_what_was_run_can_be_chosen(visit: Open, tmp_path: Path, store, add_run) -> None:
    add_run("regression", "uniform", "coordconv")
    add_run("classification", "quadrant", "deconv")
    opened = visit(write_report(store, tmp_path / "page.html"))
    page = opened.page
    for task, split in (("regression", "uniform"), ("classification", "quadrant")):
        page.locator(f'.choices [name=task][value="{task}"]').check()
        expect(page.locator(".choices [name=split]:visible")).to_have_count(1)
        expect(page.locator(f'.choices [name=split][value="{split}"]')).to_be_checked()
        expect(page.locator(".net:visible")).to_have_count(1)
    assert opened.complaints == []


def test_pictures_that_are_missing_are_named(visit: Open, tmp_path: Path, store, add_run) -> None:
    (add_run("rendering", "uniform", "coordconv") / "sheet.png").unlink()
    page = visit(write_report(store, tmp_path / "page.html")).page
    expect(page.locator(".net").first).to_contain_text("sheet.png is missing")
    expect(page.locator(".net .words").first).to_contain_text("IoU")


def test_a_stage_keeps_nothing_of_the_one_before(
    visit: Open, tmp_path: Path, store, add_run
) -> None:
    for model in ("coordconv", "deconv"):
        add_run("classification", "quadrant", model)
    (add_run("classification", "uniform", "deconv") / "predictions.npz").unlink()
    add_run("classification", "uniform", "coordconv")
    opened = visit(write_report(store, tmp_path / "page.html"))
    choose(opened.page, "classification", "quadrant")
    expect(opened.page.locator(".net .words").nth(1)).not_to_be_empty()
    choose(opened.page, "classification", "uniform")
    expect(opened.page.locator(".net .words").nth(1)).to_be_empty()
    expect(opened.page.locator(".net").nth(1)).to_contain_text("predictions.npz is missing")
    assert opened.complaints == []


def test_any_network_can_be_chosen(visit: Open, tmp_path: Path, store, add_run) -> None:
    heads = ("max", "average", "sum")
    for head in heads:
        spec = with_settings(tuned("regression", "quadrant", "coordconv"), {"model.head": head})
        directory = add_run(spec=spec, test=0.1 * len(head))
        with np.load(directory / "predictions.npz") as file:
            arrays = {name: file[name] for name in file.files}
        arrays["distance"] = np.full_like(arrays["distance"], len(head))
        np.savez_compressed(directory / "predictions.npz", **arrays)
    opened = visit(write_report(store, tmp_path / "page.html"))
    picks = opened.page.locator(".pick")
    expect(picks).to_have_count(2)
    for pick, net in zip(picks.all(), opened.page.locator(".net").all(), strict=True):
        for head, name in zip(heads, ("", ", average pooling", ", sum pooling"), strict=True):
            pick.select_option(label=f"CoordConv{name}")
            expect(net.locator(".words")).to_have_text(f"{len(head):.2f} px off")
    assert opened.complaints == []
