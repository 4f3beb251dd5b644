"""Searches on the page: how many settings solve a task, and after how many tries."""

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.report import write_report
from coordconv_lab.report.runs import DRAWN, cells_of, drawn, read_runs
from coordconv_lab.report.search import (
    _Scale,
    rows_of,
    searched_records,
    settings_charts,
    tries_charts,
)
from coordconv_lab.report.table import table
from coordconv_lab.results import RunStore
from coordconv_lab.sweep.outcome import outcome_in
from tests.report.conftest import AddRun
from tests.report.test_report_page import Reader


def searched(add_run: AddRun, store: RunStore) -> None:
    """Add six settings per network, of which four and one solve the task, and a failed run."""
    for model, solved in (("coordconv", 4), ("deconv", 1)):
        for number in range(6):
            spec = tuned("classification", "uniform", model)
            rate = {"training.learning_rate": 0.001 * 3**number}
            score = 1.0 if number < solved else 0.1 * number
            add_run(spec=with_settings(spec, rate), test=score, seconds=10.0 + number)
    wild = with_settings(spec, {"training.learning_rate": 9.0})
    store.open(wild)
    store.give_up(wild, "the loss became nan")


def test_the_page_shows_how_many_settings_solve_a_task(add_run, store, tmp_path):
    searched(add_run, store)
    page = Reader(write_report(store, tmp_path / "page.html").read_text())
    assert "CoordConv: 4 of 6 settings solve it" in page.words
    # The failed run counts as a try.
    assert "Deconv: 1 of 7 settings solve it" in page.words
    charts = [piece for piece in page.data if isinstance(piece, dict) and "data" in piece]
    said = [text for chart in charts for trace in chart["data"] for text in trace.get("text", [])]
    assert any(
        text.startswith("CoordConv: the best of 2 settings<br>solves it in 93.3% of cases")
        for text in said
    )
    assert any("learning rate 0.001" in text for text in said)


def test_a_search_in_the_store_takes_precedence(add_run, store, tmp_path):
    add_run()
    other = RunStore(tmp_path / "search")
    alone = Reader(write_report(store, tmp_path / "page.html", search=other).read_text())
    assert "How hard is it" not in alone.words
    source = RunStore(tmp_path / "own")
    searched(lambda **run: _added(add_run, store, source, **run), source)
    given = Reader(write_report(store, tmp_path / "page.html", search=source).read_text())
    assert "the records in the repository" in given.words
    own = Reader(write_report(source, tmp_path / "page.html", search=store).read_text())
    assert "A setting with several seeds" in own.words


def _added(add_run: AddRun, store: RunStore, into: RunStore, **run: object) -> None:
    made = add_run(**run)
    into.root.mkdir(exist_ok=True)
    made.rename(into.root / made.name)


def test_charts_draw_the_best_of_many_settings_and_the_table_has_all(add_run, store, tmp_path):
    for number in range(DRAWN + 3):
        spec = tuned("classification", "uniform", "coordconv")
        rate = {"training.learning_rate": 0.001 * 2**number}
        add_run(spec=with_settings(spec, rate), test=number / 10)
    cells = cells_of(read_runs(store))
    assert [len(cell.networks) for cell in drawn(cells)] == [DRAWN]
    best = [one.scores[0] for one in drawn(cells)[0].networks]
    assert best == sorted((number / 10 for number in range(3, DRAWN + 3)), reverse=True)
    page = Reader(write_report(store, tmp_path / "page.html").read_text())
    names = [row.name for row in table(cells)[0].rows]
    assert len(names) == len(set(names)) == DRAWN + 3
    assert all(page.words.count(f" {name} ") for name in names)
    charts = [piece for piece in page.data if isinstance(piece, dict) and "data" in piece]
    assert len(charts[0]["data"]) == DRAWN * 2  # training and held out
    assert f"only the {DRAWN} best networks of each color" in page.words


def test_many_settings_are_counted_by_network(add_run, store, tmp_path):
    searched(add_run, store)
    words = Reader(write_report(store, tmp_path / "page.html").read_text()).words
    assert (
        "Classification, uniform split: CoordConv with 6 settings 4 of 6 ; "
        "Deconv with 6 settings 1 of 6" in words
    )


def test_nothing_is_left_out_of_the_charts_without_many_settings(add_run, store, tmp_path):
    add_run()
    assert (
        "best networks of each color" not in write_report(store, tmp_path / "page.html").read_text()
    )


def test_every_run_is_a_dot_and_a_line(add_run, store):
    searched(add_run, store)
    rows = rows_of(outcome_in(store))
    assert len(tries_charts(rows)) == 1
    assert len(searched_records(rows)) == 12
    charts = settings_charts(rows)
    assert [chart.detail for chart in charts] == ["CoordConv", "Deconv"]
    for chart in charts:
        assert chart.figure is not None
        assert len(chart.figure["data"]) == 6
        assert chart.figure["layout"]["xaxis"]["ticktext"] == ["learning<br>rate", "score"]


def test_seeds_of_one_setting_are_not_a_search(add_run, store):
    for seed in range(8):
        add_run(seed=seed)
    assert not rows_of(outcome_in(store))


def test_a_setting_that_every_run_leaves_unset_is_drawn(add_run, store, tmp_path):
    for number in range(6):
        spec = tuned("classification", "uniform", "coordconv")
        settings = {"training.learning_rate": 0.001 * 3**number}
        add_run(spec=with_settings(spec, settings))
        stopping = {**settings, "training.early_stop_epochs": 5}
        store.open(with_settings(spec, stopping))  # started, but not finished
    assert "How hard is it" in write_report(store, tmp_path / "page.html").read_text()


def test_runs_of_networks_that_are_not_in_the_tutorial_are_shown_without_its_figures(
    add_run, store, tmp_path
):
    hand_built = {"model": {"kind": "hand-built-classifier"}, "training.epochs": 0}
    add_run(spec=with_settings(tuned("classification", "uniform", "coordconv"), hand_built))
    [found] = table(cells_of(read_runs(store)))
    assert [(row.name, row.published) for row in found.rows] == [("hand-built", None)]
    assert "hand-built" in write_report(store, tmp_path / "page.html").read_text()


def test_an_unset_setting_is_not_shown_as_another_value():
    scale = _Scale([None, 10, 20])
    assert len({scale.at(None), scale.at(10), scale.at(20)}) == 3
    assert (scale.at(None), "none") in scale.ticks()
    assert _Scale([1, 2]).ticks() == [(0.0, "1"), (1.0, "2")]


def test_more_values_than_can_be_read_are_counted():
    scale = _Scale([f"value {number:02}" for number in range(40)])
    assert scale.ticks() == [(0.0, "value 00"), (1.0, "value 39"), (0.5, "40 values")]
