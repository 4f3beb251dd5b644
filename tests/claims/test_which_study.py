"""A study made for a question is used once it is large enough, and never pooled with another."""

from pathlib import Path

import pytest

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.ledger import claims
from coordconv_lab.experiments.notsoclevr.claims.tables import EXACT, RESAMPLED
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.studies import study_named
from coordconv_lab.studies.study import row
from tests.claims.virtual import RESULTS, Kept, Runs, committed, outcome

ROW = "regression, uniform, coordconv"


def _claim(name: str) -> Claim:
    [found] = claims([name])
    return found


def _without(*studies: str) -> dict[Path, Kept]:
    return {path: kept for path, kept in committed().items() if path.parent.name not in studies}


def _as_if(study: str, arm: str, count: int, source: str, source_arm: str) -> Runs:
    """The first runs of an arm, with the scores and curves of another arm."""
    specs = study_named(source).arms[source_arm]
    found = [kept for kept in committed().values() if kept.record.spec in specs]
    return {
        RESULTS / study / spec.run_name: found[index % len(found)].of(spec)
        for index, spec in enumerate(study_named(study).arms[arm][:count])
    }


@pytest.mark.parametrize(
    ("count", "used"), [(0, RESAMPLED), (2, RESAMPLED), (3, EXACT), (5, EXACT)]
)
def test_a_row_uses_the_tutorials_draws_if_they_have_three_runs(count, used):
    runs = _without(EXACT) | dict(_as_if(EXACT, ROW, count, RESAMPLED, ROW))
    finding, arms = outcome(_claim("table-regression-uniform-coordconv"), runs)
    assert finding is not None
    assert {arm.study for arm in arms} == {used}
    assert finding.n == (count if used == EXACT else 5)
    own = "the tutorial's own split and batches" in finding.condition
    assert own == (used == EXACT)


@pytest.mark.parametrize(("count", "used"), [(0, RESAMPLED), (2, RESAMPLED), (3, EXACT)])
def test_rows_that_are_compared_come_from_one_study(count, used):
    """Three rows have enough runs on the tutorial's draws, the fourth row ``count`` runs."""
    rows = [
        row(task, split, "coordconv")
        for task in ("regression", "classification")
        for split in SPLITS
    ]
    runs = _without(EXACT)
    for one in rows:
        few = one == "classification, quadrant, coordconv"
        runs |= dict(_as_if(EXACT, one, count if few else 5, RESAMPLED, one))
    finding, arms = outcome(_claim("quadrant-is-fragile"), runs)
    assert finding is not None
    assert {arm.study for arm in arms if arm.arm in rows} == {used}


@pytest.mark.parametrize(("count", "used"), [(4, "scale-and-rate"), (5, "collapse")])
def test_the_collapse_is_judged_by_its_own_study_if_it_has_five_seeds_per_split(count, used):
    source = "input times 1000, rate 0.01"
    runs = _without("collapse")
    for split in ("uniform", "quadrant"):
        runs |= dict(_as_if("collapse", split, count, "scale-and-rate", source))
    finding, arms = outcome(_claim("long-training-collapses"), runs)
    assert finding is not None
    assert {arm.study for arm in arms} == {used, "long-training"}
    assert finding.n == (2 * count if used == "collapse" else 3)


@pytest.mark.parametrize(
    ("name", "study", "source", "source_arm"),
    [
        ("max-pool-is-necessary", "heads-longer", "pooling-heads", "uniform, sum, relu, rate 0.01"),
        ("downsampling-hurts", "strided-scales", "downsampling", "quadrant, with coordinates"),
    ],
)
@pytest.mark.parametrize("count", [0, 2, 3])
def test_longer_runs_are_included_if_every_arm_has_three(name, study, source, source_arm, count):
    virtual = {
        arm: specs
        for arm, specs in study_named(study).arms.items()
        if "input times 1," not in arm  # the runs of downsampling
    }
    # Another study can have the same runs, with their true scores.
    names = {spec.run_name for specs in virtual.values() for spec in specs}
    runs = {path: kept for path, kept in _without(study).items() if path.name not in names}
    for arm in virtual:
        runs |= dict(_as_if(study, arm, count, source, source_arm))
    before, _ = outcome(_claim(name), _without(study))
    after, arms = outcome(_claim(name), runs)
    assert (after != before) == (count >= 3)
    assert (study in {arm.study for arm in arms}) == (count >= 3)
