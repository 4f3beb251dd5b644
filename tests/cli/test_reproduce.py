"""`coordconv reproduce`, on small canvases."""

import json

import pytest

from coordconv_lab.console.study_tables import print_arms
from coordconv_lab.errors import DamagedError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.summary import summarise, unfair_pairs
from coordconv_lab.experiments.notsoclevr.tutorial_table import print_table
from coordconv_lab.recipes import with_settings
from coordconv_lab.reproduce import in_parallel_order, reproduce, selected_specs
from coordconv_lab.results import RunStore
from coordconv_lab.studies import Study
from tests.results.test_store import make_record

ALL = (("classification", "regression", "rendering"), ("uniform", "quadrant"))


def test_a_reproduction_has_twelve_runs_with_each_baseline_after_coordconv():
    specs = selected_specs("tuned", *ALL, ("coordconv", "baseline"), seeds=1)
    assert len({spec.id for spec in specs}) == 12
    for ours, theirs in zip(specs[::2], specs[1::2], strict=True):
        assert (ours.task, ours.data, ours.seed) == (theirs.task, theirs.data, theirs.seed)
        assert (ours.model_name, theirs.model_name == "coordconv") == ("coordconv", False)


@pytest.mark.parametrize(
    ("models", "seeds", "count"),
    [(("coordconv",), 3, 18), (("conv",), 1, 2), (("deconv",), 2, 8), (("deconv", "conv"), 1, 6)],
)
def test_models_and_seeds_change_the_number_of_runs(models, seeds, count):
    assert len({spec.id for spec in selected_specs("tuned", *ALL, models, seeds)}) == count


@pytest.mark.parametrize("recipe", ["tuned", "tutorial"])
@pytest.mark.parametrize("seeds", [1, 2])
def test_parallel_workers_start_quick_runs_first_and_then_the_longest(recipe, seeds):
    specs = selected_specs(recipe, *ALL, ("coordconv", "baseline"), seeds)
    ordered = in_parallel_order(specs)
    assert sorted(spec.id for spec in ordered) == sorted(spec.id for spec in specs)
    longest = max(spec.training.epochs for spec in specs)
    quick = [spec for spec in specs if spec.training.epochs <= longest / 10]
    assert ordered[: len(quick)] == quick
    epochs = [spec.training.epochs for spec in ordered[len(quick) :]]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] == longest


@pytest.fixture(autouse=True)
def no_ledger(tmp_path, monkeypatch):
    """Run where there is no directory of results, which the report would read for seconds."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def specs():
    settings = {"data.canvas": (40, 36), "data.square": 9, "training.epochs": 1}
    regression = ("regression", "quadrant")
    return [
        with_settings(tuned("rendering", "quadrant", "coordconv"), settings),
        with_settings(tuned(*regression, "coordconv"), settings),
        with_settings(tuned(*regression, "conv"), settings),
    ]


def test_only_missing_runs_are_trained_unless_fresh(specs, tmp_path, capsys):
    store = RunStore(tmp_path)
    report = reproduce(specs, tmp_path)
    first = {record.spec.id: record for _, record in store.records()}
    assert set(first) == {spec.id for spec in specs}
    assert "Our results" in capsys.readouterr().out
    assert report.stat().st_size > 10_000

    missing = store.directory(specs[1]) / "record.json"
    missing.unlink()
    reproduce(specs, tmp_path)
    again = {record.spec.id: record for _, record in store.records()}
    assert again[specs[0].id] == first[specs[0].id]
    assert again[specs[1].id].provenance.finished >= first[specs[1].id].provenance.finished
    assert again[specs[1].id].weights_sha256 == first[specs[1].id].weights_sha256

    stranger = tmp_path / "somebody-elses.txt"
    stranger.write_text("keep me")
    reproduce(specs[1:2], tmp_path, fresh=True)
    fresh = {record.spec.id: record for _, record in store.records()}
    assert fresh[specs[1].id].seconds != again[specs[1].id].seconds
    assert fresh[specs[2].id] == again[specs[2].id]
    assert stranger.read_text() == "keep me"


def test_a_damaged_file_affects_only_its_run(specs, tmp_path, capsys):
    store, (_, ours, theirs) = RunStore(tmp_path), specs
    path = store.open(theirs) / "record.json"
    path.write_bytes(b"{")
    with pytest.raises(DamagedError) as raised:
        reproduce([theirs, ours], tmp_path)
    assert str(path) in str(raised.value)
    said = capsys.readouterr().out
    assert said.index(f"Skipped: {path}") < said.index("run 1 of 1")
    assert "Our results" in said
    assert store.record(ours)
    assert (tmp_path / "summary.json").exists()
    assert path.read_bytes() == b"{"


def test_two_jobs_print_the_same_rows_and_a_failing_run_does_not_stop_the_others(
    specs, tmp_path, capsys
):
    _, ours, theirs = specs
    wild = with_settings(ours, {"training.learning_rate": 1e30, "training.batch_size": 1})
    tables = []
    for jobs in (1, 2):
        store = RunStore(tmp_path / str(jobs))
        with pytest.raises(DamagedError, match="the loss became"):
            reproduce([theirs, wild, ours], store.root, jobs=jobs)
        said = capsys.readouterr().out
        assert said.index("Not finished: the loss became") < said.index("Our results")
        assert store.failure(wild) is None
        rows = json.loads((store.root / "summary.json").read_text())
        tables.append([(row["model"], row["test_score"]) for row in rows])
    assert tables[0] == tables[1]
    assert [model for model, _ in tables[0]] == ["coordconv", "conv"]


def test_other_damaged_runs_are_omitted_from_the_page_and_named(specs, tmp_path):
    store, (_, ours, theirs) = RunStore(tmp_path), specs
    path = store.open(theirs) / "record.json"
    path.write_bytes(b"{")
    with pytest.raises(DamagedError) as raised:
        reproduce([ours], tmp_path)
    assert str(raised.value).count(str(path)) == 1
    assert store.record(ours)
    assert str(path) in (tmp_path / "report.html").read_text()


def test_a_baseline_that_trained_too_briefly_is_named():
    ours = make_record(tuned("rendering", "uniform", "coordconv"), seconds=10.0)
    fair = make_record(tuned("rendering", "uniform", "deconv"), seconds=30.0)
    unfair = make_record(tuned("rendering", "uniform", "deconv"), seconds=29.0)
    assert unfair_pairs(summarise([ours, fair])) == []
    assert unfair_pairs(summarise([ours, unfair])) == ["rendering, uniform, seed 0: 2.90 times"]


def test_the_table_shows_a_gray_background_in_a_line_of_its_own(capsys):
    record = make_record(tuned("rendering", "uniform", "coordconv"))
    print_table([record])
    assert "soft IoU 0" not in capsys.readouterr().out
    for scores, soft, error in zip(record.scores.values(), (0.5, 1.0), (0.25, 3e-5), strict=True):
        scores |= {"soft_iou": soft, "mean_absolute_error": error}
    print_table([record])
    assert (
        "           soft IoU 0.500 / 1, mean absolute error 0.25 / < 0.0001\n"
        in capsys.readouterr().out
    )


def test_the_arms_of_a_study_show_the_range_of_soft_scores(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    specs = [tuned("rendering", "uniform", "coordconv", seed) for seed in (0, 1, 2)]
    records = {spec.id: make_record(spec) for spec in specs}
    study = Study("soft", "Does it show?", {"one": specs})
    print_arms(study, records)
    assert "soft IoU" not in capsys.readouterr().out
    for spec, soft in zip(specs[:2], (0.5, 0.75), strict=True):
        records[spec.id].scores["test"] |= {"soft_iou": soft, "mean_absolute_error": 0.25}
    print_arms(study, records)
    said = capsys.readouterr().out
    assert "0.500 to 0.750" in said
    assert "0.25" in said
