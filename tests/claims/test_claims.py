"""Verdicts follow from records: with other records, other verdicts; without them, none."""

import ast
import json
import math
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from coordconv_lab.claims.claim import CLAIMS, Entry, Finding, Kind, Verdict
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.ledger import claims, ledger, ledger_if_any
from coordconv_lab.claims.tally import in_all, tallies
from coordconv_lab.cli import main
from coordconv_lab.results.stored import read_stored
from coordconv_lab.specs import ExperimentSpec
from tests.committed import OF_A_RUN, RESULTS, committed_runs, copy_runs

ROOT = Path(__file__).parents[2]


@cache
def committed() -> list[Entry]:
    """The ledger of the committed records."""
    return ledger(RESULTS)


def _committed_finding(name: str) -> Finding:
    [found] = [entry.finding for entry in committed() if entry.claim.id == name]
    return found


def _finding(results: Path, name: str) -> Finding:
    [found] = [entry.finding for entry in ledger(results, ids=[name])]
    return found


def test_there_are_at_least_twenty_claims_and_each_has_a_statement_and_a_source():
    entries = committed()
    assert len({entry.claim.id for entry in entries}) == len(entries) >= 20
    for claim, finding, _ in entries:
        assert claim.statement
        assert claim.source
        assert claim.kind in get_args(Kind)
        assert finding.verdict in get_args(Verdict)
        assert finding.condition or finding.verdict not in ("partly", "undecided")
        assert finding.n > 0 or claim.theorem or finding.verdict == "not yet"


@pytest.mark.parametrize(
    "theorem", sorted({claim.theorem for claim in claims() if claim.theorem is not None})
)
def test_the_test_that_checks_a_theorem_is_there(theorem):
    path, name = theorem.split("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_without_records_every_measured_claim_is_not_yet(tmp_path):
    for claim, finding, used in ledger(tmp_path):
        assert not used
        if finding.verdict != "not yet":
            assert claim.theorem is not None
            assert finding.n == 0


def test_a_directory_without_records_has_no_ledger_to_show(tmp_path, copied):
    (tmp_path / "elsewhere").mkdir()
    assert ledger_if_any(tmp_path / "elsewhere") == []
    assert ledger_if_any(tmp_path / "missing") == []
    assert ledger_if_any(copied) == ledger(copied)


@pytest.fixture
def copied(tmp_path) -> Path:
    """Records that can be tampered with."""
    return copy_runs(tmp_path, "crisp", "hand-built", "many-seeds", "search", "tiling", "tuned")


def _tamper(results: Path, pattern: str, side: str, **scores: float) -> None:
    for path in results.glob(pattern):
        record = json.loads(path.read_text())
        record["scores"][side] |= scores
        record.pop("content_sha256", None)  # a verdict is asked for, not whether it is whole
        path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "pattern", "side", "scores"),
    [
        ("hand-built", "hand-built/regression*/record.json", "train", {"accuracy": 0.9}),
        ("tuned-renders", "*/rendering*coordconv*seed0*/record.json", "test", {"worst_iou": 0.5}),
        (
            "tuned-solves-regression",
            "*/regression*coordconv*seed1*/record.json",
            "test",
            {"accuracy": 0.99},
        ),
        ("tiling-fails", "tiling/*seed2*/record.json", "test", {"accuracy": 0.5}),
    ],
)
def test_changing_a_record_changes_the_verdict(copied, name, pattern, side, scores):
    assert _finding(copied, name).verdict == "reproduced"
    _tamper(copied, pattern, side, **scores)
    assert _finding(copied, name).verdict == "partly"


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize(
    ("side", "changes"),
    [
        ("test", {"coordinate_accuracy": None}),
        ("test", {"accuracy": math.nan}),
        ("train", {"accuracy": 1e308}),
        ("test", {"mean_distance": math.nan}),
        ("test", {"mean_distance": 1e308}),
        ("test", {"mean_distance": math.inf}),
        ("", {"seconds": 0}),
        ("", {"seconds": 1e308}),
        ("", {"parameters": 0}),
    ],
)
def test_an_unusual_record_is_named_and_the_other_claims_are_tested(copied, side, changes, capsys):
    usual = {entry.claim.id: entry.finding.verdict for entry in ledger(copied)}
    path = min(copied.glob("tuned/regression-uniform-conv-*/record.json"))
    record = json.loads(path.read_text())
    if side:
        changes = record["scores"][side] | changes
        record["scores"][side] = {n: value for n, value in changes.items() if value is not None}
    else:
        record |= changes
    path.write_text(json.dumps(record))
    assert main(["claims", "--json", "--results", str(copied)]) == 2
    out, err = capsys.readouterr()
    assert path.parent.name in err
    found = {one["id"]: one["verdict"] for one in json.loads(out, parse_constant=_no_json)}
    assert found.keys() == usual.keys()
    assert sum(found[name] != usual[name] for name in usual) <= 3


@pytest.mark.parametrize("error", [KeyError("charm"), ZeroDivisionError(), OverflowError("large")])
def test_a_claim_that_cannot_be_tested_is_named_and_others_are_tested(error, copied, monkeypatch):
    usual = ledger(copied)

    def test(_: Evidence) -> Finding:
        raise error

    odd = CLAIMS["tiling-fails"]._replace(test=test)
    monkeypatch.setattr("coordconv_lab.claims.ledger.claims", lambda _: [
        odd if one is CLAIMS["tiling-fails"] else one for one in claims()
    ])  # fmt: skip
    damaged: list[str] = []
    entries = ledger(copied, damaged)
    [said] = damaged
    assert said.startswith("the claim tiling-fails cannot be tested on its records")
    assert [e for e in entries if e.claim is not odd] == [
        e for e in usual if e.claim.id != "tiling-fails"
    ]


def test_a_claim_without_its_records_names_them(copied):
    shutil.rmtree(copied / "hand-built")
    finding = _finding(copied, "hand-built")
    assert finding.verdict == "not yet"
    assert "hand-built, classification, 64 x 64: 0 of 1 runs" in finding.condition


@pytest.mark.parametrize(
    ("name", "task", "split"),
    [
        ("deconv-uniform-limit", "classification", "uniform"),
        ("deconv-quadrant-fails", "classification", "quadrant"),
        ("deconv-rendering-limit", "rendering", "uniform"),
    ],
)
def test_claims_about_all_deconv_networks_use_every_deconv_run(name, task, split):
    ids = set()
    studies = [path.name for path in RESULTS.glob("*/")]
    runs = [run for each in studies for run in committed_runs(each, f"{task}-{split}-deconv-")]
    for run in runs:
        spec = json.loads(read_stored(run / "record.json"))["spec"]
        # One that is given the painter of CoordConv is not among them, nor one that is trained on
        # fewer positions.
        is_plain = spec["model"]["kind"] == "deconv"
        data = spec["data"]
        is_complete = data.get("held_out", "test") == "test" and data.get("train_share") is None
        if is_plain and is_complete:
            ids.add(run.name.rsplit("-", 1)[-1])
    assert _committed_finding(name).n == len(ids)


def test_the_ledger_is_made_without_torch():
    program = (
        "import sys; from pathlib import Path; from coordconv_lab.claims.ledger import ledger;"
        f"ledger(Path({str(RESULTS)!r})); print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert output.stdout.decode().strip() == "False"


def test_a_claim_names_the_records_that_it_was_tested_on(copied):
    entries = {entry.claim.id: entry for entry in ledger(copied)}
    records = entries["tiling-fails"].records
    assert records
    assert all((copied / name / "record.json").exists() for name in records)
    # Without one of them it says something else, or nothing.
    before = entries["tiling-fails"].finding
    shutil.rmtree(copied / records[0])
    assert _finding(copied, "tiling-fails") != before


def test_a_claim_does_not_name_what_another_one_used(copied):
    by_id = {entry.claim.id: entry for entry in ledger(copied)}
    assert by_id["layer-subsumes-conv"].records == []
    studies = {name.split("/")[0] for name in by_id["tiling-fails"].records}
    assert studies == {"tiling"}


def test_a_recorded_seed_of_another_study_joins_the_arm(tmp_path):
    """Wherever it is recorded: a run of the same spec is a run of it."""
    copy_runs(tmp_path, "tiling", names=OF_A_RUN)
    before = _finding(tmp_path, "tiling-fails")
    path = min((tmp_path / "tiling").glob("*-seed2-*"))
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere" / path.name)
    assert _finding(tmp_path, "tiling-fails") == before
    record = json.loads((tmp_path / "elsewhere" / path.name / "record.json").read_text())
    record["spec"]["seed"] = record["provenance"]["seed"] = 7
    spec = ExperimentSpec.model_validate(record["spec"])
    (tmp_path / "elsewhere" / spec.run_name).mkdir()
    record.pop("sha256", None)
    (tmp_path / "elsewhere" / spec.run_name / "record.json").write_text(json.dumps(record))
    assert _finding(tmp_path, "tiling-fails").n == before.n + 1


def test_two_recordings_of_a_run_that_disagree_are_named_and_neither_counts(copied):
    [path] = copied.glob("tuned/classification-uniform-coordconv-seed0-*/record.json")
    _tamper(copied, path.relative_to(copied).as_posix(), "test", accuracy=0.5)
    damaged: list[str] = []
    found = {entry.claim.id: entry.finding for entry in ledger(copied, damaged)}
    [said] = damaged
    assert path.parent.name in said
    assert "are of the same run, but have different scores" in said
    assert found["tuned-solves-classification"].n == 19


def test_a_record_under_the_name_of_another_seed_is_refused(copied):
    first, second = sorted(copied.glob("tiling/*uniform*/record.json"))[:2]
    shutil.copy(first, second)
    damaged: list[str] = []
    found = {entry.claim.id: entry.finding for entry in ledger(copied, damaged)}
    assert str(second) in damaged[0]
    assert found["tiling-fails"].verdict == "not yet"


def test_a_partly_reproduced_claim_must_state_its_conditions(copied, monkeypatch):
    odd = CLAIMS["tiling-fails"]._replace(test=lambda _: Finding("partly", 6, "runs", 0.5))
    monkeypatch.setattr("coordconv_lab.claims.ledger.claims", lambda _: [odd])
    damaged: list[str] = []
    [entry] = ledger(copied, damaged)
    assert entry.finding.verdict == "not yet"
    assert "it holds partly, but has no condition" in damaged[0]


def test_few_values_are_shown_and_many_have_an_interval():
    """At most four runs: the values themselves; from five on their mean and its interval."""
    for claim, finding, _ in committed():
        if finding.n < 5:
            assert finding.interval is None, claim.id
        if finding.values:
            assert len(finding.values) == finding.n < 5, claim.id
            assert finding.interval is None
        if finding.held is not None:
            assert finding.effect == finding.held / finding.n


def test_the_tally_counts_every_claim_once_by_its_source():
    entries = committed()
    found = tallies(entries)
    assert [tally.kind for tally in found] == list(get_args(Kind))
    assert sum(tally.total for tally in found) == len(entries)
    theorems = [claim for claim, _, _ in entries if claim.theorem is not None]
    assert sum(tally.theorems for tally in found) == len(theorems) > 5
    for claim, finding, _ in entries:
        [tally] = [tally for tally in found if tally.kind == claim.kind]
        assert claim.id in tally.ids[finding.verdict]
    assert in_all(entries).startswith(f"{len(entries)} claims: ")


def test_the_kind_of_a_claim_is_that_of_its_source():
    for claim in claims():
        word = claim.source.split(",")[0].split(":")[0]
        assert claim.kind == (word if word in get_args(Kind) else "others"), claim.id
