"""Every network has a row of its own, the best first, and only like is beside like."""

import pytest

from coordconv_lab.experiments.notsoclevr.figures.explorer import answers_id, explorer
from coordconv_lab.experiments.notsoclevr.figures.published import published
from coordconv_lab.experiments.notsoclevr.recipes import paper, tuned, tutorial
from coordconv_lab.recipes import with_settings
from coordconv_lab.registry import registry
from coordconv_lab.report import write_report
from coordconv_lab.report.runs import cells_of, drawn, read_runs
from coordconv_lab.report.table import FOLDED, table
from coordconv_lab.specs import ExperimentSpec
from tests.report.test_report_page import Reader


def regressor(seed: int = 0, model: str = "coordconv", **changes: object) -> ExperimentSpec:
    settings = {name.replace("__", "."): value for name, value in changes.items()}
    return with_settings(tuned("regression", "quadrant", model, seed), settings)


def variants(add_run) -> None:
    """Add what a reader of the tutorial tries: five seeds of four networks."""
    for seed in range(5):
        add_run(spec=regressor(seed), test=0.9 + seed / 100)
        add_run(spec=regressor(seed, model="conv"), test=0.1)
        add_run(spec=regressor(seed, model__head="average"), test=0.5)
        add_run(spec=regressor(seed, model__coordinates=False), test=0.02 * seed)


def test_a_row_per_network_over_its_seeds_is_named_by_what_differs(add_run, store):
    variants(add_run)
    (one,) = table(cells_of(read_runs(store)))
    assert [(row.name, row.seeds) for row in one.rows] == [
        ("CoordConv", 5),
        ("CoordConv, average pooling", 5),
        ("Conv", 5),
        ("CoordConv, no coordinates", 5),
    ]
    best = one.rows[0]
    assert best.interval is not None
    assert best.test.mean == pytest.approx(0.92)
    assert best.interval[0] < 0.92 < best.interval[1]
    assert [row.style for row in one.rows] == ["coordconv", "coordconv", "baseline", "baseline"]


def test_equal_scores_are_ordered_by_training_then_by_family(add_run, store):
    add_run(spec=regressor(model="conv"), train=0.9, test=0.0)
    add_run(spec=regressor(model__head="sum"), train=0.9, test=0.0)
    add_run(spec=regressor(), train=0.1, test=0.0)
    (cell,) = cells_of(read_runs(store))
    names = [one.name for one in cell.networks]
    assert names == ["CoordConv, sum pooling", "Conv", "CoordConv"]


def test_the_tutorials_scores_are_only_shown_beside_its_own_networks_and_data(add_run, store):
    assert published(regressor()) == (1.0, 1.0)
    assert published(tutorial("regression", "quadrant", "conv")) == (0.402, 0.071)
    assert published(regressor(seed=7)) == (1.0, 1.0)
    for other in (
        regressor(model__head="average"),
        regressor(model__coordinates=False),
        regressor(training__learning_rate=1e-4),
        regressor(data__square=5),
        regressor(data__split_seed=3),
        paper("regression", "quadrant", "coordconv"),
    ):
        assert published(other) is None


def test_without_a_published_figure_there_is_no_column_for_it(add_run, store, tmp_path):
    add_run(spec=regressor(data__canvas=(40, 30)))
    page = Reader(write_report(store, tmp_path / "page.html").read_text()).words
    text = write_report(store, tmp_path / "report.md", form="markdown").read_text()
    assert "Tutorial" not in page
    assert "Tutorial" not in text


def test_different_data_are_in_different_cells(add_run, store):
    add_run(spec=regressor())
    add_run(spec=regressor(data__square=5, model__head="average"))
    cells = cells_of(read_runs(store))
    assert [(cell.data, [one.name for one in cell.networks]) for cell in cells] == [
        ("quadrant", ["CoordConv"]),
        ("quadrant, square of 5 px", ["CoordConv, average pooling"]),
    ]


def test_cells_are_in_the_order_of_the_tasks_and_splits(add_run, store):
    for task in ("rendering", "classification"):
        for split in ("quadrant", "uniform"):
            add_run(task, split)
    found = [(cell.task, cell.split) for cell in cells_of(read_runs(store))]
    tasks = [task for task in registry().tasks if task in ("classification", "rendering")]
    assert found == [(task, split) for task in tasks for split in ("uniform", "quadrant")]


def test_many_rows_are_folded_and_none_is_missing(add_run, store, tmp_path):
    for number in range(FOLDED + 2):
        add_run(spec=regressor(training__learning_rate=0.001 * (number + 1)), test=number / 20)
    page = write_report(store, tmp_path / "page.html").read_text()
    assert "the other 2 networks" in page
    assert page.count('data-label="Held out"') == FOLDED + 2


def test_the_explorer_offers_every_network_and_starts_with_the_best_of_each_color(add_run, store):
    variants(add_run)
    cells = cells_of(read_runs(store))
    (stage,) = explorer(drawn(cells), cells).stages
    assert [net["model"] for net in stage["nets"]] == [one.name for one in cells[0].networks]
    assert [stage["nets"][at]["model"] for at in stage["chosen"]] == ["CoordConv", "Conv"]


def test_networks_without_a_map_are_in_the_explorer_as_long_as_there_is_room(
    add_run, store, monkeypatch
):
    for number in range(8):
        add_run(spec=regressor(training__learning_rate=0.001 * (number + 1)), test=number / 20)
    cells = cells_of(read_runs(store))
    shown = explorer(drawn(cells), cells)
    on_maps = {one.id for one in drawn(cells)[0].networks}
    others = [one for one in cells[0].networks if one.id not in on_maps]
    assert list(shown.probes) == [answers_id(one) for one in others]
    assert shown.left_out == 0
    monkeypatch.setattr("coordconv_lab.experiments.notsoclevr.figures.explorer.MOST_PROBES", 1000)
    shown = explorer(drawn(cells), cells)
    assert (list(shown.probes), shown.left_out) == ([], len(others))
    assert len(shown.stages[0]["nets"]) == len(on_maps)
