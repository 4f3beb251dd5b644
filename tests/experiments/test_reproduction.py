"""`coordconv reproduce` for questions: its runs, its table, and the comparison with records."""

import json
import shutil
from dataclasses import replace

import pytest

from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.question_runs import question_runs
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.claims.usefulness import usefulness
from coordconv_lab.cli import main
from coordconv_lab.console.gains_table import print_gains
from coordconv_lab.errors import InputError, LockedError
from coordconv_lab.experiments.climate.questions import LATITUDE_KNOWN
from coordconv_lab.registry import registry, resolve
from coordconv_lab.reproduce import reproduce
from coordconv_lab.results import RunStore
from coordconv_lab.studies import study_named
from coordconv_lab.train import Hardware
from tests.committed import RESULTS
from tests.results.test_store import make_record

NAMES = ("digits", "brains", "climate", "tiles", "signal", "volume")


def questions(name):
    return resolve(registry().experiments[name].reproduction.questions)()


@pytest.mark.parametrize("name", NAMES)
def test_the_runs_are_those_of_the_study(name):
    """A default reproduction repeats every committed run, so its table is that of the page."""
    seeds = registry().experiments[name].reproduction.seeds
    specs = question_runs(questions(name), seeds).specs
    assert {spec.id for spec in specs} == {spec.id for spec in study_named(name).specs}
    assert [spec.seed for spec in specs] == sorted(spec.seed for spec in specs)


@pytest.mark.parametrize("name", NAMES)
def test_each_outcome_is_that_of_the_committed_records(name):
    evidence = Evidence(Recordings(RESULTS))
    for question in questions(name):
        assert question.outcome == usefulness(evidence, question).gain.direction, question.title


@pytest.mark.parametrize("name", NAMES)
def test_committed_records_give_the_answers_of_the_page(name, capsys):
    asked, evidence = question_runs(questions(name), 5), Evidence(Recordings(RESULTS))
    records = asked.recorded(RESULTS)
    for question, found in zip(asked.questions, asked.answers(records), strict=True):
        assert found == usefulness(evidence, question)
    print_gains(asked, records, records)
    printed = capsys.readouterr().out
    said = " ".join(printed.split())
    nulls = {(one.plain, one.null, one.score) for one in asked.questions if one.null}
    assert printed.count("uninformative coordinates") == len(nulls)
    assert (
        f"{len(asked.questions)} of {len(asked.questions)} verdicts match the committed records."
        in said
    )
    assert f"{len(records)} of {len(records)} runs have exactly the committed scores." in said


def test_verdicts_are_only_counted_for_questions_that_name_one(capsys):
    asked = question_runs([replace(LATITUDE_KNOWN, outcome=None)], 5)
    records = asked.recorded(RESULTS)
    print_gains(asked, records, records)
    printed = capsys.readouterr().out
    assert "verdicts match" not in printed
    assert "runs have exactly the committed scores." in printed


def test_more_seeds_than_the_study_and_fewer():
    one, seven = (question_runs([LATITUDE_KNOWN], seeds).specs for seeds in (1, 7))
    assert [spec.seed for spec in one] == [0] * 3
    assert [spec.seed for spec in seven] == sorted([*range(7)] * 3)
    study = {spec.id for spec in study_named("climate").specs}
    assert {spec.id for spec in seven if spec.seed < 5} <= study


def test_a_text_omits_questions_that_need_other_arms():
    asked = question_runs(questions("climate"), 1, "known")
    assert {arm.split(",")[0] for _, arm in asked.arms} == {"known"}
    assert [one.title for one in asked.questions] == [
        one.title for one in questions("climate") if one.plain[0].startswith("known")
    ]
    with pytest.raises(InputError, match=r"no arm has 'unknown' in its name; the arms are known, "):
        question_runs(questions("climate"), 1, "unknown")


def test_different_scores_and_missing_runs_are_named(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    asked = question_runs([LATITUDE_KNOWN], 1)
    units = {name: dict.fromkeys(("closeness", "closeness_mean_position"), 0.5) for name in "abcde"}
    records = [make_record(spec, units=units) for spec in asked.specs]
    print_gains(asked, records, [])
    said = " ".join(capsys.readouterr().out.split())
    assert "0 of 1 verdicts" in said
    assert "no difference instead of helps" in said
    assert "The committed records of these runs are not available here" in said
    other = {side: scores | {"closeness": 0.25} for side, scores in records[0].scores.items()}
    print_gains(asked, records, [records[0].model_copy(update={"scores": other}), *records[1:]])
    said = " ".join(capsys.readouterr().out.split())
    assert "2 of 3 runs have exactly the committed scores." in said
    assert f"{records[0].spec.run_name}: 0.750 instead of 0.250" in said
    assert "2 thread(s)" in said
    print_gains(asked, records[1:], [])
    assert "not yet: climate, known, conv: 0 of 1 runs" in capsys.readouterr().out


@pytest.fixture
def line(tmp_path, monkeypatch, climate):
    monkeypatch.chdir(tmp_path)
    return ["reproduce", "--experiment", "climate", "--arm", "known", "--seeds", "1"]


@pytest.mark.slow("training")
def test_a_reproduction_runs_once_and_is_compared_with_records(line, tmp_path, capsys):
    assert main(line) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "run 6 of 6" in said
    assert "closeness over 6 sectors" in said
    assert "uninformative coordinates" in said
    rows = json.loads((tmp_path / "runs" / "summary.json").read_text())
    assert {row["run"] for row in rows} == {path.name for path in (tmp_path / "runs").glob("*/")}
    shutil.copytree(tmp_path / "runs", tmp_path / "results" / "climate")
    first = {path: path.read_bytes() for path in tmp_path.glob("runs/*/record.json")}
    assert main(line) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "6 of 6 runs have exactly the committed scores." in said
    assert {path: path.read_bytes() for path in first} == first


@pytest.mark.slow("training")
def test_runs_of_another_process_are_left_to_it_and_awaited(line, tmp_path, monkeypatch, capsys):
    """The other process holds the first run until everything else is done."""
    from coordconv_lab import reproduce as module

    asked = question_runs([LATITUDE_KNOWN], 1)
    first, *others = asked.specs
    store = RunStore(tmp_path / "runs")
    with store.held(first) as is_ours:
        assert is_ours
        monkeypatch.setattr(module, "WAIT_SECONDS", 0.0)
        with pytest.raises(LockedError, match="is locked by another process"):
            reproduce(asked.specs, store.root, hardware=Hardware("cpu"), asked=asked)
        before = [store.record(spec) for spec in others]
        assert all(before)
    assert f"waiting for another process: {first.run_name}" in " ".join(
        capsys.readouterr().out.split()
    )
    reproduce(asked.specs, store.root, hardware=Hardware("cpu"), asked=asked)
    assert store.record(first)
    assert [store.record(spec) for spec in others] == before


def test_the_options_are_those_of_questions(capsys):
    assert main(["reproduce", "--experiment", "brains", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--arm" in shown
    assert "--split" not in shown
    assert main(["reproduce", "--experiment", "brains", "--split", "first"]) == 2
    assert "--split" in capsys.readouterr().err
