"""Verdicts follow from records: with other records, other verdicts; without them, none."""

import ast
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coordconv_lab.claims.claim import CLAIMS, Finding
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.ledger import claims, ledger, ledger_if_any
from coordconv_lab.claims.statistics import (
    clearly_greater,
    difference_interval,
    fraction_interval,
    mean_interval,
)
from coordconv_lab.cli import main

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
VERDICTS = {"reproduced", "partly", "not reproduced", "not yet"}


def _finding(results: Path, name: str):
    [found] = [entry.finding for entry in ledger(results) if entry.claim.id == name]
    return found


def test_there_are_at_least_twenty_claims_and_each_says_who_claims_what():
    entries = ledger(RESULTS)
    assert len({entry.claim.id for entry in entries}) == len(entries) >= 20
    for claim, finding, _ in entries:
        assert claim.statement
        assert claim.source
        assert finding.verdict in VERDICTS
        assert finding.n > 0 or claim.theorem or finding.verdict == "not yet"


@pytest.mark.parametrize(
    "theorem", sorted({claim.theorem for claim in claims() if claim.theorem is not None})
)
def test_the_test_that_proves_a_theorem_is_there(theorem):
    path, name = theorem.split("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_without_records_nothing_is_guessed(tmp_path):
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
    for study in ("crisp", "hand-built", "many-seeds", "tiling", "tuned"):
        for path in (RESULTS / study).glob("*/record.json"):
            target = tmp_path / path.relative_to(RESULTS)
            target.parent.mkdir(parents=True)
            shutil.copy(path, target)
    return tmp_path


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
        (
            "tuned-renders",
            "crisp/rendering*coordconv-seed0*/record.json",
            "test",
            {"worst_iou": 0.5},
        ),
        (
            "tuned-solves-regression",
            "many-seeds/regression*seed1*/record.json",
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
    raise AssertionError(f"{constant} is no JSON")


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
def test_an_odd_record_is_named_and_the_other_claims_stand(copied, side, changes, capsys):
    usual = {entry.claim.id: entry.finding.verdict for entry in ledger(copied)}
    path = min(copied.glob("*/regression-uniform-conv-*/record.json"))
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
def test_a_claim_that_cannot_be_worked_out_is_named_and_the_others_stand(
    error, copied, monkeypatch
):
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
    assert said.startswith("the claim tiling-fails cannot be worked out from its records")
    assert [e for e in entries if e.claim is not odd] == [
        e for e in usual if e.claim.id != "tiling-fails"
    ]


def test_a_claim_whose_records_are_gone_says_which(copied):
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
def test_what_no_deconv_net_does_is_asked_of_every_run_of_one(name, task, split):
    ids = set()
    for path in RESULTS.glob(f"*/{task}-{split}-deconv-*/record.json"):
        ids.add(path.parent.name.rsplit("-", 1)[-1])
    assert _finding(RESULTS, name).n == len(ids)


def test_the_ledger_is_made_without_torch():
    program = (
        "import sys; from pathlib import Path; from coordconv_lab.claims.ledger import ledger;"
        f"ledger(Path({str(RESULTS)!r})); print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert output.stdout.decode().strip() == "False"


@pytest.mark.parametrize("n", [1, 5, 10])
def test_the_interval_of_all_successes_ends_at_one_and_begins_where_it_must(n):
    """The lower end p solves p^n = 2.5%."""
    low, high = fraction_interval(n, n)
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / n))


def test_the_interval_of_a_mean_is_that_of_students_t():
    """By hand: 4.303 is the 97.5% quantile of t with two degrees of freedom."""
    low, high = mean_interval([1.0, 2.0, 3.0])
    half = 4.30265 / math.sqrt(3)
    assert (low, high) == pytest.approx((2 - half, 2 + half), rel=1e-5)
    assert mean_interval([0.0, 1.0], (0, 1)) == (0, 1)
    assert mean_interval([1.0]) is None


def test_the_interval_of_a_difference_holds_zero_for_samples_of_one_kind_only():
    same = difference_interval([1.0, 2.0, 3.0, 4.0], [1.1, 2.1, 2.9, 3.9])
    assert same[0] < 0 < same[1]
    apart = difference_interval([11.0, 12.0, 13.0], [1.0, 2.0, 3.0])
    assert 7 < apart[0] < 10 < apart[1] < 13
    assert difference_interval([1.0, 1.0], [0.0, 0.0]) is None
    assert difference_interval([1.0], [0.0, 0.5]) is None


def test_what_does_not_vary_is_clearly_greater_only_if_it_is():
    assert clearly_greater([1.0, 1.0], [0.0, 0.0])
    assert not clearly_greater([1.0, 1.0], [1.0, 1.0])
    assert clearly_greater([11.0, 12.0, 13.0], [1.0, 2.0, 3.0])
    assert not clearly_greater([1.0, 2.0, 3.0, 4.0], [1.1, 2.1, 2.9, 3.9])


@pytest.mark.parametrize("n", [3, 5, 20])
def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says(n):
    """On normal samples of the same mean; the interval must hold zero in about 95 of 100."""
    random = np.random.default_rng(1)
    pairs = [random.normal(size=(2, n)) for _ in range(300)]
    intervals = [difference_interval(left.tolist(), right.tolist()) for left, right in pairs]
    covered = sum(low < 0 < high for low, high in intervals) / len(pairs)
    assert 0.91 < covered < 0.99


def test_a_claim_names_the_records_that_it_rests_on(copied):
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
