"""Missing and damaged files are named in the report and never crash it."""

import io
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.figures.answers import answers_of, read_answers
from coordconv_lab.experiments.notsoclevr.figures.explorer import explorer
from coordconv_lab.experiments.notsoclevr.figures.gallery import gallery_rows
from coordconv_lab.experiments.notsoclevr.figures.landings import answered
from coordconv_lab.experiments.notsoclevr.figures.maps import map_rows
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.report import write_report
from coordconv_lab.report.charts import Chart
from coordconv_lab.report.curves import curve_charts
from coordconv_lab.report.figures import figure_of_charts
from coordconv_lab.report.material import gather
from coordconv_lab.report.runs import Cell, cells_of, read_runs
from coordconv_lab.report.table import table
from coordconv_lab.results import RunStore
from coordconv_lab.results.curve import read_curve
from coordconv_lab.results.files import read_json, write_json

DAMAGED_CURVES = {
    "header": "step,epoch,seconds,learning_rate,train_loss,train_score,test_score\n",
    "empty": "",
    "other columns": "a,b\n1,2\n",
    "a cut row": "epoch,seconds,train_score,test_score\n1,2,0.5\n",
    "a word": "epoch,seconds,train_score,test_score\n1,2,0.5,good\n",
    "no finite number": "epoch,seconds,train_score,test_score\n1,2,0.5,nan\n",
    "bytes": b"\xff\xfe\x00epoch",
}


def cells(store: RunStore) -> list[Cell]:
    return cells_of(read_runs(store))


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_a_missing_curve_is_named_and_the_rest_is_shown(store, add_run, tmp_path):
    (add_run(seed=4) / "metrics.csv").unlink()
    page = write_report(store, tmp_path / "page.html").read_text()
    assert "CoordConv, seed 4: metrics.csv is missing." in page
    assert curve_charts(cells(store))[0].figure is None
    assert map_rows(cells(store))[0].maps[0].gap == ""


def test_missing_predictions_are_named_in_maps_and_gallery(store, add_run, tmp_path):
    (add_run("rendering", "uniform", seed=4) / "predictions.npz").unlink()
    words = "CoordConv, seed 4: predictions.npz is missing."
    assert map_rows(cells(store))[0].maps[0].gap == words
    assert [row.panels[0].gap for row in gallery_rows(cells(store))] == [words, words]
    page = write_report(store, tmp_path / "page.html").read_text()
    assert page.count(words) == 3
    assert 'id="explorer"' not in page


@pytest.mark.parametrize("name", DAMAGED_CURVES)
def test_a_damaged_curve_is_named(name, store, add_run, tmp_path):
    path = add_run() / "metrics.csv"
    write(path, DAMAGED_CURVES[name])
    with pytest.raises(InputError, match=r"^metrics\.csv "):
        read_curve(path)
    assert "CoordConv, seed 0: metrics.csv " in write_report(store, tmp_path / "p").read_text()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_predictions_are_named(share, store, add_run, tmp_path):
    path = add_run("rendering") / "predictions.npz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    words = "CoordConv, seed 0: predictions.npz is not a complete .npz file."
    assert words in write_report(store, tmp_path / "page.html").read_text()


def test_no_damaged_byte_makes_the_reader_crash(add_run):
    spec = tuned("rendering", "quadrant", "coordconv", 0)
    path = add_run("rendering") / "predictions.npz"
    content = path.read_bytes()
    refused = 0
    for at in range(0, len(content), max(1, len(content) // 400)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            read_answers(path, spec)
        except InputError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": None}, "lacks the array 'x'"),
        ({"accuracy": None}, "lacks the array 'accuracy'"),
        ({"accuracy": np.ones(5)}, "accuracy does not have one value per position"),
        ({"predicted": np.ones((5, 2))}, "predicted does not have one value per position"),
        ({"x": np.zeros(3136, dtype=np.int16)}, "not all combinations of its rows"),
    ],
)
def test_invalid_predictions_are_named(change, said, add_run):
    path = add_run() / "predictions.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | change
    np.savez_compressed(path, **{name: a for name, a in arrays.items() if a is not None})
    with pytest.raises(InputError, match=said):
        read_answers(path, tuned("classification", "quadrant", "coordconv", 0))


def test_the_order_of_the_positions_in_the_file_does_not_matter(add_run):
    spec = tuned("classification", "quadrant", "deconv", 0)
    path = add_run(model="deconv") / "predictions.npz"
    before = read_answers(path, spec)
    with np.load(path) as file:
        shuffled = np.random.default_rng(0).permutation(len(file["x"]))
        arrays = {name: file[name][shuffled] for name in file.files}
    np.savez_compressed(path, **arrays)
    after = read_answers(path, spec)
    for name in ("is_train", "score", "predicted"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_a_missing_network_has_a_row_in_its_comparison_and_no_panel(store, add_run, tmp_path):
    add_run("rendering", "uniform", "coordconv")
    (cell,) = found = cells(store)
    assert [one.missing for one in table(found)] == [["deconv"]]
    assert [network.name for network in cell.networks] == ["CoordConv"]
    assert curve_charts(found)[0].notes == []
    assert [len(row.maps) for row in map_rows(found)] == [1]
    page = write_report(store, tmp_path / "page.html").read_text()
    assert page.count("No run of Deconv here.") == 1
    assert "No run of CoordConv" not in page
    for empty in ("landings", "arrows"):  # of other tasks
        assert f'id="{empty}"' not in page


def test_a_record_without_its_main_score_is_refused_with_its_file(store, add_run):
    path = add_run() / "record.json"
    fields = read_json(path)
    fields["scores"]["test"] = {"charm": 1.0}
    write_json(path, fields)
    with pytest.raises(InputError, match=r"record\.json has no test score 'accuracy'"):
        read_runs(store)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "sheet.png is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "not a complete PNG image"),
        (lambda path: path.write_text("<svg/>"), "not a complete PNG image"),
        (
            lambda path: Image.new("L", (9, 7)).save(path),
            "it has 9 x 7 pixels instead of 3584 x 3584",
        ),
    ],
)
def test_unusable_images_are_named_and_the_rest_is_shown(damage, said, store, add_run):
    damage(add_run() / "sheet.png")
    (run,) = read_runs(store)
    assert said in run.gaps["sheet.png"]
    assert run.files["sheet.png"] is None
    assert answers_of(run) is not None


def test_networks_on_different_data_are_not_shown_together(store, add_run):
    add_run("classification", "uniform", "deconv")
    spec = tuned("classification", "uniform", "coordconv")
    data = spec.data.model_copy(update={"canvas": (32, 40)})
    add_run(spec=spec.model_copy(update={"data": data}))
    found = cells(store)
    assert [cell.data for cell in found] == ["uniform", "uniform, canvas (32, 40)"]
    shown = explorer(found, found)
    assert [[net["model"] for net in stage["nets"]] for stage in shown.stages] == [
        ["Deconv"],
        ["CoordConv"],
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 200.0, -3.0])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_predictions_outside_of_the_canvas_do_not_break_the_page(
    task, value, store, add_run, tmp_path
):
    path = add_run(task, "quadrant", "coordconv") / "predictions.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["predicted"][:5] = value
    arrays["accuracy"][:5] = np.nan
    np.savez_compressed(path, **arrays)
    write_report(store, tmp_path / "page.html")
    (run,) = read_runs(store)
    if task == "classification":
        counts = sum(answered(answers_of(run), side, (64, 64)).sum() for side in ("train", "test"))
        assert counts == 3136 - 5


@pytest.mark.parametrize("form", ["html", "markdown", "png"])
@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["accuracy", "mean_distance"])
def test_nan_scores_do_not_break_the_report(name, score, form, store, add_run, tmp_path):
    path = add_run("regression", "uniform", "coordconv") / "record.json"
    add_run("regression", "uniform", "coordconv", seed=1)
    fields = read_json(path)
    fields["scores"]["test"][name] = score
    write_json(path, fields)
    assert write_report(store, tmp_path / "out", form=form).exists()
    damaged = gather(store).damaged
    is_refused = name == "accuracy" or score < 0  # distances can be infinite
    assert [str(path) in words for words in damaged] == [True] * is_refused


@pytest.mark.parametrize("form", ["html", "markdown", "png"])
def test_a_record_with_unencodable_text_is_named(form, store, add_run, tmp_path):
    add_run("regression", "uniform", "coordconv", seed=1)
    for seed, place in enumerate(("machine", "versions"), start=2):
        path = add_run("regression", "uniform", "coordconv", seed=seed) / "record.json"
        fields = read_json(path)
        fields["provenance"][place] = {"\ud800": "1"} if place == "versions" else "\ud800x"
        write_json(path, fields)
    assert write_report(store, tmp_path / "out", form=form).exists()
    assert len(gather(store).damaged) == 2


@pytest.mark.parametrize("form", ["png", "pdf-figures"])
def test_text_in_predictions_is_not_parsed_as_a_formula(form, store, add_run, tmp_path):
    path = add_run("regression", "quadrant", "coordconv") / "predictions.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["distance"] = np.full(arrays["x"].shape, r"$\frac{$")
    np.savez_compressed(path, **arrays)
    (run,) = read_runs(store)
    assert run.gaps["predictions.npz"].startswith("predictions.npz is damaged: ")
    assert "frac" not in run.gaps["predictions.npz"]
    assert write_report(store, tmp_path / "out", form=form).exists()


@pytest.mark.parametrize("text", [r"$\frac{$", "$x$", r"a $\undefined$ b"])
def test_a_figure_shows_any_text_unchanged(text):
    axis = {"range": [0, 1], "tickvals": [0.5], "ticktext": [text], "title": {"text": text}}
    layout = {"xaxis": axis, "yaxis": axis, "annotations": [{"x": 0.5, "y": 0.5, "text": text}]}
    charts = [
        Chart(text, text, {"data": [], "layout": layout}),
        Chart(text, text, None, [text]),
    ]
    figure_of_charts(charts, 2).savefig(io.BytesIO(), format="pdf")


@pytest.mark.parametrize("seconds", [1e308, 1e11, 1e-300])
def test_a_curve_with_zero_or_infinite_time_is_named(seconds, store, add_run, tmp_path):
    path = add_run() / "metrics.csv"
    path.write_text(path.read_text() + f"60,3,{seconds},0.01,1,1,1\n")
    (run,) = read_runs(store)
    assert "training cannot take" in run.gaps["metrics.csv"]
    assert write_report(store, tmp_path / "out", form="png").exists()


def test_predictions_of_another_canvas_are_named(store, add_run):
    small = tuned("classification", "uniform", "coordconv")
    data = small.data.model_copy(update={"canvas": (20, 30), "square": 5})
    directory = add_run(spec=small.model_copy(update={"data": data}))
    other = add_run("classification", "quadrant", "coordconv")
    shutil.copy(other / "predictions.npz", directory)
    gaps = [run.gaps for run in read_runs(store) if run.record.spec.data.canvas == (20, 30)]
    assert "are not on a canvas of 20 x 30" in gaps[0]["predictions.npz"]


@pytest.mark.parametrize("name", ["record.json", "spec.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff", b'{"parameters": -1}']
)
def test_a_damaged_file_affects_only_its_run(name, content, store, add_run, tmp_path):
    add_run("regression", "uniform", "coordconv")
    damaged = add_run("rendering", "uniform", "deconv")
    (damaged / name).write_bytes(content)
    page = write_report(store, tmp_path / "page.html").read_text()
    assert "1 file could not be read" in page
    assert f"{damaged.name}/{name}" in page
    assert "regression-uniform-coordconv" in page


def test_without_usable_records_the_error_names_the_damaged_ones(store, add_run, tmp_path):
    (add_run() / "record.json").write_text("{")
    with pytest.raises(
        InputError, match=r"has no finished run.* with --runs \| .*record\.json is not a complete"
    ):
        write_report(store, tmp_path / "page.html")


def test_a_directory_name_that_is_not_text_is_shown(store, add_run, tmp_path):
    directory = add_run()
    (directory / "metrics.csv").unlink()
    os.rename(directory, os.fsencode(directory.parent) + b"/\xff" + os.fsencode(directory.name))
    for form in ("html", "markdown"):
        text = write_report(store, tmp_path / form, form=form).read_text()
        assert "?" + directory.name in text


def test_a_pipe_in_place_of_a_file_is_named(store, add_run):
    directory = add_run()
    for name in ("metrics.csv", "predictions.npz"):
        (directory / name).unlink()
        os.mkfifo(directory / name)
    (run,) = read_runs(store)
    assert run.gaps["metrics.csv"] == "metrics.csv is not a regular file"
    assert run.gaps["predictions.npz"] == "predictions.npz is not a regular file"


def test_images_too_large_for_the_page_are_named(store, add_run, monkeypatch):
    monkeypatch.setattr("coordconv_lab.experiments.notsoclevr.figures.explorer.LARGEST_SHEET", 100)
    add_run("rendering", "uniform", "coordconv")
    found = cells(store)
    net = explorer(found, found).stages[0]["nets"][0]
    assert "too much for the page" in net["gap"]
    assert net["answers"]


@pytest.mark.parametrize("root", ["x" * 300, "file"])
def test_an_unreadable_directory_is_named(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot read"):
        write_report(RunStore(tmp_path / root), tmp_path / "page.html")
