"""A run in Python is what its directory says, and its figures are those of the report."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from coordconv_lab import RunList, claim, load, runs, train
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.figures.arrows import arrow_chart
from coordconv_lab.experiments.notsoclevr.recipes import RECIPES, tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.report.runs import cells_of
from coordconv_lab.results import RunStore


def test_importing_the_laboratory_is_cheap():
    program = "import sys, coordconv_lab; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    program = f"import numpy; {program}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 1


@pytest.mark.slow("processes")
def test_train_is_a_function_and_a_package():
    program = (
        "from coordconv_lab import train; from coordconv_lab.train import run;"
        "import coordconv_lab.train.loop, inspect;"
        "assert train.loop is coordconv_lab.train.loop and callable(run);"
        "assert list(inspect.signature(train).parameters)[:2] == ['task', 'split']"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ["train", "runs"])
def test_without_the_extra_an_import_says_what_to_install(name):
    program = f"import sys; sys.modules['pydantic'] = None; from coordconv_lab import {name}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("requires the extra: pip install 'torch-coordconv[lab]'")


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_short_names_and_paths_give_the_same_spec(recipe):
    from coordconv_lab.interactive.short_names import spec_from_words

    words = {"head": "average", "epochs": 7, "model__radius": True}
    paths = {"model.head": "average", "training.epochs": 7, "model.radius": True}
    spec = spec_from_words("regression", "quadrant", None, 3, recipe, words)
    assert spec == with_settings(RECIPES[recipe]("regression", "quadrant", "coordconv", 3), paths)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"task": "regresion"}, "did you mean regression"),
        ({"split": "quadrants"}, "did you mean quadrant"),
        ({"recipe": "tutrial"}, "did you mean tutorial"),
        ({"model": "covn"}, "did you mean conv"),
        ({"model": "vgg"}, "expected baseline, .*hand-built-regressor"),
        ({"haed": "average"}, "did you mean head"),
        ({"spilt": "quadrant"}, "did you mean split"),
        ({"head": "averge"}, "'max', 'average' or 'sum'"),
        ({"model": "hand-built-renderer", "task": "rendering", "square": 5}, "model__square"),
        ({"model": "hand-built-renderer"}, "did you mean hand-built-regressor"),
        ({"kind": "deconv"}, "no setting 'kind'"),
    ],
)
def test_a_wrong_name_is_refused_with_a_suggestion(tmp_path, words, said):
    with pytest.raises(InputError, match=said):
        train(**({"task": "regression", "runs": tmp_path} | words))
    assert not list(tmp_path.iterdir())


def test_a_spec_is_complete(tmp_path):
    spec = tuned("regression", "uniform", "coordconv")
    with pytest.raises(InputError, match="a spec already contains all settings"):
        train(spec, epochs=1, runs=tmp_path)


def test_a_finished_run_is_not_trained_again(regressor, directory):
    before = (regressor.directory / "record.json").stat().st_mtime_ns
    again = train(regressor.spec, runs=directory, progress=False)
    assert again.record == regressor.record
    assert (regressor.directory / "record.json").stat().st_mtime_ns == before


def test_a_run_matches_the_files_in_its_directory(regressor, directory):
    assert regressor.record == RunStore(directory).record(regressor.spec)
    assert load(regressor.directory).record == regressor.record
    with np.load(regressor.directory / "predictions.npz") as arrays:
        places = arrays["y"] - 1, arrays["x"] - 1  # the first center is at 1
        distance = np.linalg.norm(arrays["predicted"] - np.c_[arrays["x"], arrays["y"]], axis=1)
        np.testing.assert_allclose(regressor.scores_by_position[places], distance, atol=1e-4)
        assert (regressor.predictions.is_train[places] == arrays["is_train"]).all()
    assert regressor.curve[-1].seconds <= regressor.record.seconds
    assert not regressor.network.training


def test_predict_gives_the_networks_output_for_the_image_of_the_point(regressor):
    image = torch.zeros(1, 1, 16, 21)
    image[0, 0, 5, 13] = 1
    expected = regressor.network(image)[0].detach().numpy()
    np.testing.assert_allclose(regressor.predict(5, 13), expected, atol=1e-5)
    at = regressor.predictions.rows.index(5), regressor.predictions.columns.index(13)
    np.testing.assert_allclose(regressor.predictions.predicted[at], expected, atol=1e-3)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_an_exact_network_predicts_column_and_row(exact, task):
    assert exact[task].predict(5, 13).tolist() == [13, 5]
    with pytest.raises(InputError, match="a row from 0 to 15 and a column from 0 to 20"):
        exact[task].predict(20, 13)


def test_an_exact_renderer_paints_the_square(exact):
    square = np.zeros((64, 64), bool)
    square[28:37, 36:45] = True
    assert ((exact["rendering"].predict(32, 40) > 0.5) == square).all()


@pytest.mark.parametrize("task", ["classification", "regression", "rendering"])
def test_every_figure_of_every_task_is_drawn(exact, task):
    for name in ("curve", "map", "predictions", "split"):
        drawing = exact[task].show(name)
        pixels = np.asarray(Image.open(io.BytesIO(drawing.png())).convert("L"))
        assert pixels.std() > 5, name  # not an empty page
        assert drawing.alt


def test_rendered_squares_come_from_the_sheet_if_the_tutorial_has_no_positions(exact):
    """Canvases of other sizes lack its places; each image is that of the position above it."""
    run = exact["small rendering"]
    drawing = run.show("predictions")
    rows, columns = run.predictions.rows, run.predictions.columns
    held_out = np.argwhere(~run.predictions.is_train)
    places = [(rows[row], columns[column]) for row, column in held_out]
    named = [
        tuple(map(int, place)) for place in re.findall(r"row (\d+), column (\d+)", drawing.alt)
    ]
    assert len(named) == 6
    assert set(named[3:]) <= set(places)
    inner = drawing.figure.axes[1].child_axes
    targets, painted = inner[0::2], inner[1::2]
    for above, below in zip(targets, painted, strict=True):
        expected, found = (np.asarray(one.images[0].get_array()) for one in (above, below))
        assert ((expected > 128) == (found > 128)).all()


def test_the_figure_has_the_points_of_the_report(regressor):
    (axes,) = regressor.show("predictions").figure.axes
    traces = arrow_chart("quadrant split", cells_of([regressor.files])[0].networks[0]).figure[
        "data"
    ]
    dots = [trace for trace in traces if trace["mode"] == "markers"]
    drawn = [collection.get_offsets() for collection in axes.collections]
    for trace, points in zip(dots, drawn, strict=True):
        np.testing.assert_allclose(points, np.c_[trace["x"], trace["y"]])


def test_a_missing_file_is_named_and_the_rest_is_shown(averaged, directory, tmp_path):
    copy = tmp_path / averaged.directory.name
    copy.mkdir()
    for name in ("record.json", "metrics.csv"):
        (copy / name).write_bytes((averaged.directory / name).read_bytes())
    run = load(copy)
    assert "predictions.npz is missing" in run.show("map").alt
    assert len(run.curve) == len(averaged.curve)
    for broken in (lambda: run.predictions, lambda: run.network):
        with pytest.raises(InputError, match=r"missing|has no"):
            broken()


def test_a_wrong_directory_is_refused_with_its_content(regressor, directory, tmp_path):
    with pytest.raises(InputError, match=r"contains the runs .*regression-quadrant"):
        load(directory)
    with pytest.raises(InputError, match="is not a directory"):
        runs(tmp_path / "none")
    with pytest.raises(InputError, match="did you mean map"):
        regressor.show("maps")


def test_runs_are_named_by_what_differs(regressor, averaged, directory):
    found = runs(directory)
    assert {run.directory for run in found} == {regressor.directory, averaged.directory}
    both = runs([regressor, averaged])
    assert both.differences == ["head=max", "head=average"]
    assert both.labels == ["coordconv, head=max", "coordconv, head=average"]
    assert runs([regressor, regressor, averaged]).differences == ["", "", "head=average"]
    assert [run.spec for run in both.where(head="average")] == [averaged.spec]
    assert isinstance(both[:1], RunList)
    assert len(both.where(split="uniform")) == 0
    with pytest.raises(InputError, match="did you mean head"):
        both.where(split="uniform", heda="average")


def test_runs_are_filtered_by_settings_that_only_some_networks_have(regressor, exact):
    both = runs([regressor, exact["rendering"]])
    assert [run.spec for run in both.where(head="max")] == [regressor.spec]
    assert both.where(model="hand-built")[0].spec == exact["rendering"].spec


def test_the_best_comes_first(regressor, exact):
    assert runs([regressor, exact["regression"]]).best()[0].spec == exact["regression"].spec


def test_a_frame_has_a_row_per_run(regressor, averaged):
    pytest.importorskip("pandas")
    frame = runs([regressor, averaged]).frame()
    assert frame["model.head"].tolist() == ["max", "average"]
    assert frame["test_accuracy"][0] == regressor.scores["test"]["accuracy"]


def test_a_damaged_run_is_omitted_and_named(regressor, tmp_path):
    for name in (regressor.directory.name, f"broken-{regressor.spec.id}"):
        (tmp_path / name).mkdir()
        record = (regressor.directory / "record.json").read_bytes()
        (tmp_path / name / "record.json").write_bytes(record[: None if "reg" in name else 40])
    found = runs(tmp_path)
    assert len(found) == 1
    assert "left out: " in repr(found)
    assert "broken" in found._repr_html_()


def test_html_for_notebooks_is_escaped(regressor, averaged):
    assert "data:image/png;base64," in regressor._repr_html_()
    html = runs([regressor, averaged])._repr_html_()
    assert "<td>head=average</td>" in html
    card = claim("average-is-blind", results=".")
    assert card.verdict == "reproduced"
    assert "<code>average-is-blind</code>" in card._repr_html_()
    with pytest.raises(InputError, match="did you mean average-is-blind"):
        claim("average-is-blnd", results=".")
