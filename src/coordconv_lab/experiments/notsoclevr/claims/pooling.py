"""The tutorial's claims about the pooling at the end of its regressor."""

from collections.abc import Sequence
from itertools import product

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import share, solved
from coordconv_lab.claims.verdicts import across, all_of, of_impossibility, of_share
from coordconv_lab.experiments.notsoclevr.claims.positions import (
    ALIKE,
    best_constant,
    beyond_constant,
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
    longer = {
        split: evidence.runs("heads-longer", f"{split}, average, relu", 3) for split in SPLITS
    }

    def predicting(runs: Sequence[Record], constant: float) -> int:
        return sum(abs(beyond_constant(run, constant)) < ALIKE for run in runs)

    center = {split: predicting(average[split, "none"], CENTER) for split in SPLITS}
    n = {split: len(average[split, "none"]) for split in SPLITS}
    means = "; ".join(
        f"{split} split, [{mean:.1f}, {mean:.1f}]: "
        f"{predicting(average[split, 'none'], mean)} of {n[split]}, with ReLUs "
        f"{predicting(average[split, 'relu'], mean)} of {len(average[split, 'relu'])}, with ReLUs "
        f"and {HEAD_EPOCHS} epochs {predicting(longer[split], mean)} of {len(longer[split])}"
        for split, mean in ((split, best_constant(split)) for split in SPLITS)
    )
    return share(
        sum(center.values()),
        sum(n.values()),
        "runs of the linear network with the training distance of a constant [31.5, 31.5], both "
        "splits",
        "the prediction is the mean of the training points, as it must be (see average-is-blind), "
        "and with a quadrant held out, that mean is not the center; with ReLUs it need not be; "
        f"runs at the mean after four epochs, {means}",
        across([of_share(center[split], n[split]) for split in SPLITS]),
    )


@claim(
    "max-pool-is-necessary",
    "To learn regression, a network must end with max pooling",
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
        f"with average or sum pooling, {solved(others)} of {len(others)} runs solve the task in "
        f"{_epochs(others)} epochs; without training, a network with sum pooling and weights set "
        f"by a formula is exact ({exact} of {len(built)}); with max "
        f"pooling, by split, activation and learning rate, {listed}",
        trained,
    )


def _epochs(runs: Sequence[Record]) -> str:
    return " or ".join(map(str, sorted({run.spec.training.epochs for run in runs})))
