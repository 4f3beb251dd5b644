"""Table, maps and curves agree with the records; expected values are computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from coordconv_lab.experiments.notsoclevr.figures.answers import answers_of
from coordconv_lab.experiments.notsoclevr.figures.arrows import arrow_charts, every_for
from coordconv_lab.experiments.notsoclevr.figures.gallery import gallery_rows, stretch, target
from coordconv_lab.experiments.notsoclevr.figures.landings import answered, landing_rows
from coordconv_lab.experiments.notsoclevr.figures.maps import Box, held_out_box, lit, map_rows
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.report import write_report
from coordconv_lab.report.cost import cost_charts
from coordconv_lab.report.curves import curve_charts, time_bounds
from coordconv_lab.report.markdown import as_markdown
from coordconv_lab.report.origin import facts, tally
from coordconv_lab.report.pictures import SCALE
from coordconv_lab.report.runs import Cell, cells_of, read_runs
from coordconv_lab.report.table import Spread, TableRow, table
from coordconv_lab.results import RunStore, score_format
from coordconv_lab.results.files import read_json, write_json


def cells(store: RunStore) -> list[Cell]:
    return cells_of(read_runs(store))


def only_rows(store: RunStore) -> list[TableRow]:
    (one,) = table(cells(store))
    return one.rows


def test_several_seeds_form_one_row_with_mean_range_and_count(store, add_run):
    for seed, (test, seconds) in enumerate([(1.0, 10.0), (0.75, 20.0), (1.0, 60.0)]):
        add_run(seed=seed, test=test, seconds=seconds)
    (row,) = only_rows(store)
    assert (row.name, row.seeds, row.perfect) == ("CoordConv", 3, 2)
    assert row.test == pytest.approx(Spread(2.75 / 3, 0.75, 1.0))
    assert row.train == Spread(1.0, 1.0, 1.0)
    assert row.seconds == pytest.approx(Spread(30.0, 10.0, 60.0))


def test_the_ratio_is_mean_seconds_of_the_baseline_over_those_of_coordconv(store, add_run):
    for seed, seconds in enumerate([10.0, 30.0]):
        add_run(seed=seed, seconds=seconds)
        add_run(model="deconv", seed=seed, seconds=10 * seconds + 50)
    first, second = only_rows(store)
    assert (first.name, first.ratio) == ("CoordConv", None)
    assert (second.name, second.ratio) == ("Deconv", 250 / 20)


def test_without_coordconv_there_is_no_ratio(store, add_run):
    add_run(model="deconv")
    assert only_rows(store)[0].ratio is None


def test_runs_of_different_settings_are_never_averaged(store, add_run):
    spec = tuned("classification", "quadrant", "coordconv", 0)
    longer = spec.training.model_copy(update={"epochs": spec.training.epochs + 7})
    add_run(test=1.0)
    add_run(test=0.5, spec=spec.model_copy(update={"training": longer}))
    assert [(row.name, row.test.mean) for row in only_rows(store)] == [
        ("CoordConv", 1.0),
        (f"CoordConv, epochs {longer.epochs}", 0.5),
    ]


def test_rendering_is_perfect_from_a_mean_iou_of_0_99(store, add_run):
    for seed, test in enumerate([0.9899, 0.99, 0.995]):
        add_run("rendering", "uniform", seed=seed, test=test)
        add_run("classification", "uniform", seed=seed, test=test)
    classified, rendered = table(cells(store))
    assert rendered.rows[0].perfect == 2
    assert classified.rows[0].perfect == 0


def test_regression_shows_the_accuracy_over_coordinates_too(store, add_run):
    add_run("regression", "uniform", "conv", train=0.5, test=0.2)
    (row,) = only_rows(store)
    ((score, *sides),) = row.further
    assert score.name == "coordinate_accuracy"
    assert sides[0] == pytest.approx(Spread(0.75, 0.75, 0.75))
    assert sides[1] == pytest.approx(Spread(0.6, 0.6, 0.6))


def test_the_tally_adds_up_neither_tasks_nor_splits_nor_networks(store, add_run):
    add_run(test=1.0)
    add_run(seed=1, test=0.9)
    add_run(model="deconv", test=0.0)
    add_run("regression", "uniform", test=1.0)
    counted = {row.title: [tuple(one) for one in row.networks] for row in tally(cells(store))}
    assert counted == {
        "Classification, quadrant split": [("CoordConv", 2, 1), ("Deconv", 1, 0)],
        "Regression, uniform split": [("CoordConv", 1, 1)],
    }


def _with_soft_scores(directory, soft: float, error: float) -> None:
    fields = read_json(directory / "record.json")
    for place, side in enumerate(("train", "test")):
        fields["scores"][side] |= {
            "soft_iou": soft - place / 100,
            "mean_absolute_error": error + place / 100,
        }
    write_json(directory / "record.json", fields)


def test_rendering_shows_the_scores_of_the_probabilities_where_every_run_has_them(store, add_run):
    for seed, soft in enumerate([0.5, 0.9]):
        _with_soft_scores(add_run("rendering", "uniform", seed=seed), soft, 0.002)
    (row,) = only_rows(store)
    soft, error = row.further
    assert soft.train == pytest.approx(Spread(0.7, 0.5, 0.9))
    assert soft.test == pytest.approx(Spread(0.69, 0.49, 0.89))
    assert error.test == pytest.approx(Spread(0.012, 0.012, 0.012))
    assert "1; soft IoU 0.690, error 0.012" in as_markdown(read_runs(store))
    page = write_report(store, store.root / "report.html").read_text()
    assert "<small>soft IoU 0.690</small>" in page
    assert "<small>error 0.012</small>" in page


def test_a_record_from_before_the_scores_of_probabilities_is_shown_without_them(store, add_run):
    _with_soft_scores(add_run("rendering", "uniform"), 0.9, 0.002)
    add_run("rendering", "uniform", seed=1)
    (row,) = only_rows(store)
    assert row.further == []
    assert "error" not in as_markdown(read_runs(store))


def test_differing_provenance_is_listed_completely(store, add_run):
    add_run(commit="aaa", finished="2026-01-03T00:00:00+00:00")
    add_run(seed=1, commit="bbb", finished="2026-01-02T00:00:00+00:00")
    found = dict(facts(read_runs(store)))
    assert found["Commit"] == "aaa / bbb"
    assert found["Finished"] == "2026-01-02 to 2026-01-03"
    assert (found["Seeds"], found["Runs"], found["torch"]) == ("0, 1", "2", "2.13.0")
    assert found["Total training time"] == "80 s"


def test_only_a_score_of_exactly_one_is_shown_as_perfect():
    assert [score_format.percent(v) for v in (1.0, 0.9999, 0.0001, 0.0)] == [
        "100%",
        "99.99%",
        "0.01%",
        "0%",
    ]
    assert score_format.overlap(0.9999999) == "0.9999"
    assert score_format.percent(float("nan")) == "not a number"


@pytest.mark.parametrize(
    ("times", "bounds"), [([3.0, 40.0], (0, 2)), ([0.2], (-1, 0)), ([0.0], (0, 3)), ([], (0, 3))]
)
def test_all_times_are_between_the_bounds_of_the_axis(times, bounds):
    assert time_bounds(times) == bounds


def test_a_line_ends_at_the_last_second_and_the_last_score(store, add_run):
    add_run(train=1.0, test=0.5, seconds=100.0)
    (chart,) = curve_charts(cells(store))
    assert chart.figure is not None
    train, test = chart.figure["data"]
    assert (train["x"][-1], train["y"][-1]) == (100, 1)
    assert (test["x"][-1], test["y"][-1]) == (100, 0.5)
    assert "dash" in train["line"]
    assert "dash" not in test["line"]
    assert test["line"]["color"] == "--coordconv"
    assert test["text"][-1] == (
        "CoordConv, seed 0, after 100 s (epoch 3)<br>held out 50.0%, training 100%"
    )


def test_every_arrow_goes_from_a_point_to_its_prediction(store, add_run):
    add_run("regression", "quadrant", "conv")
    (chart,) = arrow_charts(cells(store))
    assert chart.figure is not None
    every = every_for(answers_of(read_runs(store)[0]))
    assert every == 4
    lines, heads, lines_out, heads_out = chart.figure["data"]
    # Training positions are right; held-out ones are off by three to the left and top.
    assert all(lines["x"][at] == lines["x"][at + 1] for at in range(0, len(lines["x"]), 3))
    for x, y in ((lines_out["x"], heads_out["x"]), (lines_out["y"], heads_out["y"])):
        assert x[1::3] == y
        assert [start - 3 for start in x[0::3]] == y
    assert len(heads["x"]) + len(heads_out["x"]) == (56 // every) ** 2
    assert {y >= 32 for y in lines_out["y"][0::3]} == {True}
    assert chart.caption == (
        "training: < 0.01 px off on average",
        "held out: 4.24 px off on average",
    )


def test_costs_are_those_of_the_records(store, add_run):
    add_run(seconds=12.0, test=0.9)
    add_run(model="deconv", seconds=700.0, test=0.1)
    runs = [(run.record, "a name with learning rate 0.5") for run in read_runs(store)]
    seconds, parameters = cost_charts(runs)
    for chart, costs in ((seconds, [[700], [12]]), (parameters, [[7553], [7553]])):
        assert chart.figure is not None
        drawn = [trace for trace in chart.figure["data"] if trace["x"]]
        assert [trace["x"] for trace in drawn] == costs
        assert [trace["y"] for trace in drawn] == [[0.1], [0.9]]
        assert {trace["marker"]["symbol"] for trace in drawn} == {"diamond"}
        assert "learning rate 0.5" in drawn[0]["text"][0]


def test_distance_is_lightest_at_a_tenth_of_a_pixel_and_darkest_from_thirty():
    found = lit("regression", np.array([0.0, 0.1, 3**0.5, 30.0, np.inf, np.nan]))
    np.testing.assert_allclose(found, [1, 1, 0.5, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(lit("rendering", np.array([0.0, 0.25, np.nan])), [0, 0.25, 0])


def test_the_color_scale_becomes_monotonically_lighter():
    # Relative luminance, WCAG 2.
    linear = ((np.array(SCALE) / 255 + 0.055) / 1.055) ** 2.4
    assert (np.diff(linear @ [0.2126, 0.7152, 0.0722]) > 0).all()


def test_a_held_out_rectangle_is_outlined_and_scattered_positions_are_not():
    is_train = np.ones((2, 4), dtype=bool)
    is_train[1, 2:] = False
    assert held_out_box(is_train) == Box(50, 50, 50, 50)
    is_train[0, 0] = False
    assert held_out_box(is_train) is None
    assert held_out_box(np.ones((2, 4), dtype=bool)) is None


def test_a_map_has_row_column_side_and_score(store, add_run):
    add_run(model="deconv")
    ((found,),) = [row.maps for row in map_rows(cells(store))]
    probe = found.probe
    assert probe is not None
    assert (probe["rows"][0], probe["columns"][-1], found.size) == (4, 59, (56, 56))
    at = 56 * (40 - 4) + (50 - 4)
    assert probe["labels"][probe["label"][at]] == "wrong, predicted row 37, column 47"
    assert probe["heldOut"][at] == "1"
    assert (probe["labels"][probe["label"][0]], probe["heldOut"][0]) == ("right", "0")
    assert found.sides_in_words == ("training: 2,352 of 2,352", "held out: 0 of 784")


def test_the_maps_show_the_first_seed(store, add_run):
    (add_run(seed=9) / "predictions.npz").unlink()
    add_run(seed=10)
    assert map_rows(cells(store))[0].maps[0].gap.startswith("CoordConv, seed 9")


def test_the_target_is_the_square_around_row_and_column():
    pixels = target((1, 3), DataSpec(canvas=(5, 6), square=3))
    assert (pixels // 255).tolist() == [
        [0, 0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_an_even_square_extends_one_pixel_further_up_and_left():
    pixels = target((2, 2), DataSpec(canvas=(4, 5), square=2))
    assert np.argwhere(pixels).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_a_gallery_example_has_its_own_score_and_side(store, add_run):
    add_run("rendering", "quadrant", "deconv")
    trained, held_out = gallery_rows(cells(store))
    assert [example.iou for example in trained.panels[0].examples] == ["1", "1", "1"]
    assert [example.iou for example in held_out.panels[0].examples] == ["0.250"] * 3
    assert {example.side for example in held_out.panels[0].examples} == {"test"}


@given(arrays(np.uint8, (3, 4)))
def test_a_stretched_image_reaches_white_and_keeps_its_proportions(pixels):
    stretched = stretch(pixels).astype(float)
    largest = int(pixels.max())
    assert stretched.max() == (255 if largest else 0)
    np.testing.assert_allclose(stretched * largest, pixels * 255.0, atol=largest / 2)


def test_every_prediction_is_counted_on_its_pixel(store, add_run):
    add_run(model="deconv")
    run = read_runs(store)[0]
    answers = answers_of(run)
    counts = answered(answers, "test", (64, 64))
    # Predictions for the held-out quadrant, rows and columns 32 to 59, are off by three.
    wanted = np.zeros((64, 64))
    wanted[29:57, 29:57] = 1
    np.testing.assert_array_equal(counts, wanted)
    assert answered(answers, "train", (64, 64)).sum() == 2352
    ((_, landing),) = [row.landings for row in landing_rows(cells(store))]
    assert landing.words == "784 predictions on 784 pixels, at most 1 on one"
