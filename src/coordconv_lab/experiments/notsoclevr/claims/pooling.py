"""The tutorial's claims about the pooling at the end of its regressor."""

from collections.abc import Sequence
from itertools import product

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import share, solved
from coordconv_lab.claims.verdicts import across, all_of, of_impossibility, of_share
from coordconv_lab.experiments.notsoclevr.claims.positions import (
    best_constant,
    constant_distance,
    training_distance,
)
from coordconv_lab.experiments.notsoclevr.studies.regression import (
    ACTIVATIONS,
    HEAD_EPOCHS,
    HEAD_RATES,
    HEADS,
)
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.results.record import Record

_SOURCE = "tutorial, section Supervised Regression"

CENTER = 31.5
"""Both coordinates of the constant that the tutorial's network predicted with average pooling."""

ALIKE = 0.5
"""Tolerance, in pixels, for a mean distance to count as that of a constant prediction."""

Arm = tuple[str, str, str, float]


def _arms(evidence: Evidence) -> dict[Arm, list[Record]]:
    """Return the runs by split, head, activation and learning rate."""
    return {
        (split, head, activation, rate): evidence.runs(
            "pooling-heads", f"{split}, {head}, {activation}, rate {rate:g}"
        )
        for split, head, activation, rate in product(SPLITS, HEADS, ACTIVATIONS, HEAD_RATES)
    }


@claim(
    "average-pool-collapses",
    "With average instead of max pooling, the regressor predicts [31.5, 31.5] for every input",
    _SOURCE,
    "tutorial",
)
def average_pool_collapses(evidence: Evidence) -> Finding:
    """Compare the training distance with that of the constant prediction, split by split."""
    average = {
        (split, activation): [
            run
            for rate in HEAD_RATES
            for run in evidence.runs(
                "pooling-heads", f"{split}, average, {activation}, rate {rate:g}"
            )
        ]
        for split, activation in product(SPLITS, ACTIVATIONS)
    }

    def predicting(split: str, activation: str, constant: float) -> int:
        expected = constant_distance(split, constant)
        runs = average[split, activation]
        return sum(abs(training_distance(run) - expected) < ALIKE for run in runs)

    center = {split: predicting(split, "none", CENTER) for split in SPLITS}
    n = {split: len(average[split, "none"]) for split in SPLITS}
    means = "; ".join(
        f"{split} split, [{best_constant(split):.1f}, {best_constant(split):.1f}]: "
        f"{predicting(split, 'none', best_constant(split))} of {n[split]}, with ReLUs "
        f"{predicting(split, 'relu', best_constant(split))} of {len(average[split, 'relu'])}"
        for split in SPLITS
    )
    return share(
        sum(center.values()),
        sum(n.values()),
        "runs of the linear network with the training distance of a constant [31.5, 31.5], both "
        "splits",
        "the prediction is the mean of the training points, as it must be (see average-is-blind), "
        f"and with a quadrant held out, that mean is not the center; runs at the mean, {means}; "
        "four epochs",
        across([of_share(center[split], n[split]) for split in SPLITS]),
    )


@claim(
    "max-pool-is-necessary",
    "The regressor must end with max pooling",
    _SOURCE,
    "tutorial",
)
def max_pool_is_necessary(evidence: Evidence) -> Finding:
    """Count how many runs of each pooling solve the task."""
    arms = _arms(evidence)
    built = evidence.runs("hand-built", "regression, 64 x 64", 1)
    exact = sum(run.train_score == run.test_score == 1 for run in built)
    linear = [run for split in SPLITS for run in arms[split, "max", "none", HEAD_RATES[0]]]
    others = [run for (_, head, *_), runs in arms.items() if head != "max" for run in runs]
    longer = evidence.arms_if_any("heads-longer", 3)
    others += [run for arm, runs in longer.items() if ", max," not in arm for run in runs]
    listed = "; ".join(
        f"{split}, {'linear' if activation == 'none' else 'ReLUs'}, {rate:g}: {solved(runs)} of "
        f"{len(runs)}"
        for (split, head, activation, rate), runs in arms.items()
        if head == "max"
    )
    listed += "".join(
        f"; {arm}, {HEAD_EPOCHS} epochs: {solved(runs)} of {len(runs)}"
        for arm, runs in longer.items()
        if ", max," in arm
    )
    trained = all_of(
        [
            of_share(solved(linear), len(linear)),
            of_impossibility(solved(others), len(others)),
        ]
    )
    return share(
        solved(linear),
        len(linear),
        "runs of the tutorial's linear network with max pooling that solve the task, both splits, "
        f"learning rate {HEAD_RATES[0]:g}",
        f"true only for trained weights: with average or sum pooling, {solved(others)} of "
        f"{len(others)} runs solve the task in {_epochs(others)} epochs, but with sum pooling and "
        f"weights set by a formula the network is exact ({exact} of {len(built)}); with max "
        f"pooling, by split, activation and learning rate, {listed}",
        across([trained, "not reproduced" if exact else "undecided"]),
    )


def _epochs(runs: Sequence[Record]) -> str:
    return " or ".join(map(str, sorted({run.spec.training.epochs for run in runs})))
