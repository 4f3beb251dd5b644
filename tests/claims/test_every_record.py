"""A claim uses every record of what it speaks of, and tells two arms apart."""

from itertools import pairwise
from pathlib import Path

import pytest

from coordconv_lab.claims.claim import CLAIMS, Used
from coordconv_lab.claims.ledger import claims
from coordconv_lab.claims.tries import solves
from coordconv_lab.specs import ExperimentSpec
from tests.claims.virtual import Kept, committed, outcome

MEASURED = [claim.id for claim in claims() if outcome(claim, committed())[1]]

WHOLE = {
    "conv-overfits-quadrant",
    "deconv-uniform-limit",
    "deconv-quadrant-fails",
    "deconv-rendering-limit",
    "fewer-parameters",
}
"""Claims about every run of a network, in any study."""


def _base(spec: ExperimentSpec) -> str:
    return spec.model_copy(update={"seed": 0}).id


def _some(used: Used) -> list[Path]:
    """The first and the last run of an arm."""
    return [used.runs[0][0], used.runs[-1][0]]


def test_most_claims_are_measured():
    assert len(MEASURED) > 30


@pytest.mark.parametrize("name", MEASURED)
def test_every_recorded_seed_of_a_spec_is_used(name):
    _, used = outcome(CLAIMS[name], committed())
    ids = {record.spec.id for arm in used for _, record in arm.runs}
    bases = {_base(record.spec) for arm in used for _, record in arm.runs}
    wanted = {
        kept.record.spec.id for kept in committed().values() if _base(kept.record.spec) in bases
    }
    assert ids == wanted


@pytest.mark.parametrize("name", MEASURED)
def test_leaving_out_a_run_changes_the_finding(name):
    before, used = outcome(CLAIMS[name], committed())
    for path in {path for arm in used for path in _some(arm)}:
        fewer = {other: kept for other, kept in committed().items() if other.name != path.name}
        after, _ = outcome(CLAIMS[name], fewer)
        assert after != before, path


@pytest.mark.parametrize("name", MEASURED)
def test_one_more_seed_with_the_same_scores_changes_the_finding(name):
    before, used = outcome(CLAIMS[name], committed())
    for path in {path for arm in used for path in _some(arm)[:1]}:
        kept = committed()[path]
        spec = kept.record.spec.model_copy(update={"seed": 999})
        after, _ = outcome(
            CLAIMS[name], {**committed(), path.parent / spec.run_name: kept.of(spec)}
        )
        assert after != before, path


@pytest.mark.parametrize("name", MEASURED)
def test_a_copy_of_a_run_in_another_directory_counts_once(name):
    before, used = outcome(CLAIMS[name], committed())
    for path in _some(used[0]):
        copy = path.parents[1] / "zz-copies" / path.name
        after, _ = outcome(CLAIMS[name], {**committed(), copy: committed()[path]})
        assert after == before, path


def _swapped(left: Used, right: Used) -> dict[Path, Kept]:
    """The records with the scores of two arms exchanged, seed by seed."""
    runs = dict(committed())
    for (a, _), (b, _) in zip(left.runs, right.runs, strict=False):
        first, second = committed()[a], committed()[b]
        for path, other in ((a, second), (b, first)):
            for copy in [each for each in runs if each.name == path.name]:
                runs[copy] = other.of(runs[copy].record.spec)
    return runs


def _comparable(left: Used, right: Used) -> bool:
    """Whether the scores of one could be those of the other, and are not."""
    pairs = list(zip(left.runs, right.runs, strict=False))
    same_task = left.runs[0][1].spec.task == right.runs[0][1].spec.task
    apart = not {path for path, _ in left.runs} & {path for path, _ in right.runs}
    apart = apart and _units(left) == _units(right)  # scores of people keep their names
    return same_task and apart and any(a[1].scores != b[1].scores for a, b in pairs)


def _units(one: Used) -> list[str]:
    """The units, such as people, whose test scores the first run of an arm has."""
    return sorted(one.runs[0][1].units)


def _solved(one: Used, other: Used) -> int:
    """How many of the runs that are exchanged solve their task."""
    return sum(solves(run[1]) for run, _ in zip(one.runs, other.runs, strict=False))


@pytest.mark.parametrize("name", MEASURED)
def test_swapping_two_arms_changes_the_finding(name):
    """Where one of them solves the task more often; of measured sizes, at least once."""
    before, used = outcome(CLAIMS[name], committed())
    used = sorted(used, key=_units)  # arms that hold out the same people are beside each other
    pairs = [pair for pair in pairwise([*used, used[0]]) if _comparable(*pair)]
    changed = [outcome(CLAIMS[name], _swapped(*pair))[0] != before for pair in pairs]
    assert before is not None
    if name not in WHOLE:
        assert any(changed) or not pairs or before.held is not None
        for (left, right), is_changed in zip(pairs, changed, strict=True):
            assert is_changed or _solved(left, right) == _solved(right, left), (left.arm, right.arm)
