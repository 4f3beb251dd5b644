"""This laboratory's own claims about the causes of its results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.differences import Stratum, compared, side_by_side, won_and_lost
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import listed, share, solved
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import all_of, of_share, of_signs
from coordconv_lab.experiments.notsoclevr.claims.tables import EXACT
from coordconv_lab.experiments.notsoclevr.studies.rows import (
    AS_PUBLISHED,
    DECAYING,
    SPLITS,
    TWICE,
    TWICE_DECAYING,
)
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import overlap_range, percent_range
from coordconv_lab.studies.study import row

_CURVES = "ours, from the curves of the tutorial's rows"


@claim(
    "weight-decay-artifact",
    "The weight decay of the tutorial's optimizer, not the uniform split, keeps the deconv network "
    "from rendering",
    "ours, from the tutorial's code, which decays the weights by 1% per step, on the uniform split "
    "only",
    "ours",
)
def weight_decay_artifact(evidence: Evidence) -> Finding:
    """Compare the training IoU without and with weight decay, seed by seed, on both splits."""
    arms = evidence.arms("decay-rule", at_least=2)
    strata = [
        Stratum(split, arms[f"{split}, decay 0"], arms[f"{split}, decay 0.01"]) for split in SPLITS
    ]
    found = compared(strata, _training)
    return found.finding(
        found.verdict,
        "training IoU without weight decay minus with it, by seed, both splits",
        f"training IoU, {side_by_side(strata, ('without', 'with'), overlap_range, _training)}; "
        "without a pixel above 0.5, a viewer that scales each image to its own maximum still shows "
        "a messy box",
    )


def _training(run: Record) -> float:
    return run.train_score


def _changed(
    evidence: Evidence, task: str, model: str, changes: Sequence[str]
) -> Mapping[str, Mapping[str, Sequence[Record]]]:
    """Return the runs of a row by change, then by split."""
    return {
        change: {
            split: evidence.runs("rows-that-differ", f"{row(task, split, model)}, {change}", 3)
            for split in SPLITS
        }
        for change in changes
    }


def _strata(
    runs: Mapping[str, Mapping[str, Sequence[Record]]], left: str, right: str
) -> list[Stratum]:
    return [Stratum(split, runs[left][split], runs[right][split]) for split in SPLITS]


def _needs_a_decaying_rate(
    model: str, side: Literal["train", "test"], enough: Callable[[Record], bool], what: str
) -> Callable[[Evidence], Finding]:
    """Return a test: a decaying learning rate is better by seed and good enough in every run."""

    def accuracy(run: Record) -> float:
        return run.scores[side]["accuracy"]

    def test(evidence: Evidence) -> Finding:
        runs = _changed(evidence, "classification", model, (AS_PUBLISHED, DECAYING))
        strata = _strata(runs, DECAYING, AS_PUBLISHED)
        found = compared(strata, accuracy)
        decaying, constant = (
            [run for arm in by_split.values() for run in arm]
            for by_split in (runs[DECAYING], runs[AS_PUBLISHED])
        )
        rows = [row("classification", split, model) for split in SPLITS]
        exact = [run for arm in evidence.arms(EXACT, 0, rows).values() for run in arm]
        words = "training" if side == "train" else "test"
        return found.finding(
            all_of([found.verdict, of_share(sum(map(enough, decaying)), len(decaying))]),
            f"{words} accuracy, decaying minus constant learning rate, by seed, both splits",
            f"{what}: {sum(map(enough, decaying))} of {len(decaying)} with a decaying learning "
            f"rate, {sum(map(enough, constant))} of {len(constant)} with the constant rate; with "
            f"the constant rate and the tutorial's own split and batches, {sum(map(enough, exact))}"
            f" of {len(exact)}; {words} accuracy on random splits, "
            + side_by_side(strata, ("decaying", "constant"), percent_range, accuracy),
        )

    return test


claim(
    "deconv-rows-need-a-decaying-rate",
    "On random splits, the tutorial's deconv classifier reaches a higher training accuracy with a "
    "decaying learning rate than with its constant one, and at least 95% on every seed",
    _CURVES,
    "ours",
)(
    _needs_a_decaying_rate(
        "deconv",
        "train",
        lambda run: run.train_score >= 0.95,
        "runs with a training accuracy of at least 95%",
    )
)
claim(
    "coordconv-rows-need-a-decaying-rate",
    "On random splits, the tutorial's CoordConv classifier has a higher test accuracy with a "
    "decaying learning rate than with its constant one, and solves the task on every seed",
    _CURVES,
    "ours",
)(_needs_a_decaying_rate("coordconv", "test", solves, "runs that solve the task"))


@claim(
    "regression-rows-end-too-early",
    "In our reruns, the tutorial's CoordConv regressor misses points on some seeds because its "
    "training is too short: with twice the epochs and a decaying learning rate, it predicts every "
    "point correctly",
    _CURVES,
    "ours",
)
def regression_rows_end_too_early(evidence: Evidence) -> Finding:
    """Count the seeds that solve the task with one change, with both changes, and as published."""
    runs = _changed(evidence, "regression", "coordconv", (AS_PUBLISHED, TWICE, TWICE_DECAYING))
    pairs = won_and_lost(_strata(runs, TWICE_DECAYING, AS_PUBLISHED), solves)
    changed = [run for arm in runs[TWICE_DECAYING].values() for run in arm]
    by_arm = {
        f"{change}, {split}": arm
        for change, by_split in runs.items()
        for split, arm in by_split.items()
    }
    return share(
        solved(changed),
        len(changed),
        f"runs that solve the task, {TWICE_DECAYING}, both splits",
        f"{listed(by_arm)}; of the seeds run both ways, {pairs[0]} solve it only with both changes "
        f"and {pairs[1]} only as published",
        all_of(
            [
                of_share(solved(changed), len(changed)),
                of_signs(*pairs),
            ]
        ),
    )
