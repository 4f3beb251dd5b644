"""A replication repeats a study with new seeds, and is judged apart from it."""

import json
import re
import shutil

import pytest

from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.gains import gain_rows
from coordconv_lab.claims.ledger import ledger
from coordconv_lab.claims.question_runs import question_runs, replication_runs
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.claims.usefulness import usefulness
from coordconv_lab.errors import DamagedError
from coordconv_lab.registry import registry, resolve
from coordconv_lab.results import RunStore
from coordconv_lab.studies import known_replications, study_named
from tests.committed import RESULTS, copy_runs
from tests.results.test_store import make_record

NAMES = ("digits", "brains", "climate", "tiles", "signal", "volume")


def _questions(name):
    return resolve(registry().experiments[name].reproduction.questions)()


def _base(spec):
    return spec.model_copy(update={"seed": 0}).id


def test_each_experiment_has_a_replication():
    assert known_replications() == {f"{name}-again" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_only_the_seeds_differ(name):
    first, again = study_named(name), study_named(f"{name}-again")
    assert again.replicates == name
    assert list(again.arms) == list(first.arms)
    for arm, specs in again.arms.items():
        assert [spec.seed for spec in specs] == [5, 6, 7, 8, 9]
        assert {_base(spec) for spec in specs} == {_base(spec) for spec in first.arms[arm]}


def _written(results, study, specs, score):
    """Write records whose units have about the same score."""
    names = [one.name for one in registry().task(specs[0].task).scores]
    units = {
        unit: dict.fromkeys(names, score * (1 + 0.01 * place)) for place, unit in enumerate("abcde")
    }
    store = RunStore(results / study)
    for spec in specs:
        store.open(spec)
        store.finish(make_record(spec, units=units))


def test_neither_is_counted_in_the_other(tmp_path):
    """The study says "helps", its replication "hurts", and each keeps its own runs."""
    [question] = [one for one in _questions("climate") if one.told == ("known, latitude",)]
    arms = (*question.plain, *question.told, *question.null)
    for study, told in (("climate", 0.8), ("climate-again", 0.2)):
        for arm in arms:
            score = told if arm in question.told else 0.5
            _written(tmp_path, study, study_named(study).arms[arm], score)
    evidence = Evidence(Recordings(tmp_path))
    assert usefulness(evidence, question).gain.direction == "helps"
    for used in evidence.used.values():
        assert {record.spec.seed for _, record in used.runs} == set(range(5))
    [row] = [one for one in gain_rows(tmp_path) if one.question == question]
    assert row.found.gain.direction == "helps"
    assert row.again.gain.direction == "hurts"
    assert row.agrees is False
    asked = replication_runs([question])
    assert {record.spec.seed for record in asked.recorded(tmp_path)} == set(range(5, 10))
    assert {spec.id for spec in asked.specs}.isdisjoint(
        spec.id for spec in question_runs([question], 5).specs
    )


def test_a_replication_without_all_of_its_runs_has_no_verdict(tmp_path):
    [question] = [one for one in _questions("climate") if one.told == ("known, latitude",)]
    _written(tmp_path, "climate-again", study_named("climate-again").arms[question.plain[0]], 0.5)
    [row] = [one for one in gain_rows(tmp_path) if one.question == question]
    assert row.agrees is None
    assert row.again == "climate-again, known, latitude: 0 of 5 runs"


@pytest.mark.parametrize("study", ["climate", "climate-again"])
def test_a_damaged_record_is_reported(tmp_path, study):
    [spec, *_] = study_named(study).arms["known, conv"]
    _written(tmp_path, study, [spec], 0.5)
    path = RunStore(tmp_path / study).directory(spec) / "record.json"
    path.write_text("{")
    with pytest.raises(DamagedError, match=re.escape(str(path))):
        gain_rows(tmp_path)
    damaged = []
    gain_rows(tmp_path, damaged)
    assert str(path) in " ".join(damaged)


@pytest.mark.parametrize("name", NAMES)
def test_every_committed_record_of_a_replication_is_used(name):
    """If the records are there, they are all runs of the arms that the questions compare."""
    there = {record.spec.id for _, record in RunStore(RESULTS / f"{name}-again").records()}
    used = {spec.id for spec in replication_runs(_questions(name)).specs}
    assert there in (set(), used)


def test_a_condition_says_whether_the_replication_agrees(tmp_path):
    """Without its records, it says nothing; a record that cannot be used affects only its claim."""
    copy_runs(tmp_path, "digits", "digits-again")
    usual = {entry.claim.id: entry.finding for entry in ledger(tmp_path)}
    condition = usual["absolute-boxes-need-position"].condition
    assert "replication with new seeds agrees: helps, +0." in condition
    path = min((tmp_path / "digits-again").glob("digit-boxes*")) / "record.json"
    record = json.loads(path.read_text())
    del record["scores"]["test"]["mean_iou"]
    path.write_text(json.dumps(record))
    damaged: list[str] = []
    found = {entry.claim.id: entry.finding for entry in ledger(tmp_path, damaged)}
    changed = {id for id in usual if found[id] != usual[id]}
    assert damaged
    assert changed
    assert changed <= {"digit-boxes-improve", "absolute-boxes-need-position"}
    shutil.rmtree(tmp_path / "digits-again")
    [entry] = ledger(tmp_path, ids=["absolute-boxes-need-position"])
    assert entry.finding.condition == condition[: condition.index("; replication")]
    assert entry.finding.verdict == "reproduced"
