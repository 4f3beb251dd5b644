"""What the tutorial observed or supposed, beside its tables."""

import math
from statistics import fmean
from typing import Literal

from coordconv_lab.claims.claim import Finding, claim, graded
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import solved
from coordconv_lab.claims.statistics import (
    difference_interval,
    fraction_interval,
    mean_interval,
)
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap, percent
from coordconv_lab.studies.regression import ACTIVATIONS, HEAD_RATES, HEADS, RATES
from coordconv_lab.studies.rows import SPLITS, row

_REGRESSION = "tutorial, section Supervised Regression"
_RENDERING = "tutorial, section Discussion: Rendering"


def _tests(runs: list[Record]) -> list[float]:
    return [run.test_score for run in runs]


@claim(
    "tiling-fails",
    "A point tiled over the canvas cannot be learnt by convolutions without coordinates",
    "tutorial, section Supervised Coordinate Classification",
)
def tiling_fails(evidence: Evidence) -> Finding:
    """No position is ever right: all pixels tie, and the first one is no position."""
    runs = [run for arm in evidence.arms("tiling").values() for run in arm]
    right = [max(run.train_score, run.test_score) for run in runs]
    failed = sum(score == 0 for score in right)
    return Finding(
        graded(failed, len(runs)),
        len(runs),
        "highest accuracy, training or test",
        max(right),
        mean_interval(right, (0, 1)),
        "a theorem too: see tiling-is-blind",
    )


def _heads(evidence: Evidence, split: str, head: str, activation: str) -> list[Record]:
    """The runs of a head at the better of the two rates, by their mean training distance."""
    by_rate = [
        evidence.runs("pooling-heads", f"{split}, {head}, {activation}, rate {rate:g}")
        for rate in HEAD_RATES
    ]
    return min(by_rate, key=lambda runs: fmean(_distance(run, "train") for run in runs))


def _distance(run: Record, side: Literal["train", "test"]) -> float:
    return run.scores[side]["mean_distance"]


def mean_distance_to(points: list[tuple[int, int]], centre: tuple[float, float]) -> float:
    """The mean distance of some points to one, in pixels."""
    return fmean(math.dist(point, centre) for point in points)


def _constant_distance(split: str) -> float:
    """The mean training distance of a net that predicts the training mean at every position."""
    positions = [(x, y) for x in range(4, 60) for y in range(4, 60)]
    if split == "quadrant":
        positions = [(x, y) for x, y in positions if not (x >= 32 and y >= 32)]
    centre = (fmean(x for x, _ in positions), fmean(y for _, y in positions))
    return mean_distance_to(positions, centre)


@claim(
    "average-pool-collapses",
    "With average instead of maximum pooling the regressor predicts [31.5, 31.5] for any input",
    _REGRESSION,
)
def average_pool_collapses(evidence: Evidence) -> Finding:
    """The linear net's training distance is that of the best constant; ReLUs change that."""
    linear = [
        (_distance(run, "train"), _constant_distance(split))
        for split in SPLITS
        for run in _heads(evidence, split, "average", "none")
    ]
    constant = sum(abs(found - expected) < 0.75 for found, expected in linear)
    relu = [
        (_distance(run, "train"), _constant_distance(split))
        for split in SPLITS
        for run in _heads(evidence, split, "average", "relu")
    ]
    better = sum(found < 0.75 * expected for found, expected in relu)
    ratio = fmean(found / expected for found, expected in linear)
    return Finding(
        "partly" if constant == len(linear) else graded(constant, len(linear)),
        len(linear) + len(relu),
        "training distance over that of the best constant, linear net",
        ratio,
        mean_interval([found / expected for found, expected in linear]),
        f"for the linear net on {constant} of {len(linear)} runs, and there it must (see "
        "average-is-blind); the constant is the mean of the training points, 26.8 and not 31.5 on "
        f"the quadrant split; with ReLUs {better} of {len(relu)} runs leave it behind",
    )


@claim(
    "max-pool-is-necessary",
    "The pooling at the end of the regressor must be a maximum",
    _REGRESSION,
)
def max_pool_is_necessary(evidence: Evidence) -> Finding:
    """Whether another head solves a split as often as the maximum."""
    by_head: dict[str, list[Record]] = {
        f"{head}, {activation}": [
            run for split in SPLITS for run in _heads(evidence, split, head, activation)
        ]
        for head in HEADS
        for activation in ACTIVATIONS
    }
    counts = {name: solved(runs) for name, runs in by_head.items()}
    others = {name: count for name, count in counts.items() if not name.startswith("max")}
    n = len(by_head["max, none"])
    best = max(counts["max, none"], counts["max, relu"])
    rivals = [name for name, count in others.items() if count >= best]
    verdict = "not reproduced" if rivals else "partly" if any(others.values()) else "reproduced"
    listed = "; ".join(f"{name}: {count} of {n}" for name, count in counts.items())
    return Finding(
        verdict if best else "not reproduced",
        sum(len(runs) for runs in by_head.values()),
        "share of runs that the maximum solves, better activation",
        best / n,
        fraction_interval(best, n),
        f"perfect runs by head and activation, at the better rate: {listed}",
    )


@claim(
    "low-rate-stuck",
    "At a rate of 1e-4 the regressor stays at the mean; 1e-3 and 1e-2 get out",
    _REGRESSION,
)
def low_rate_stuck(evidence: Evidence) -> Finding:
    """The tutorial's input is scaled by 1000; the claim is tested with it and without."""
    arms = evidence.arms("scale-and-rate")

    def stuck(scale: int, rate: float) -> int:
        runs = arms[f"input times {scale}, rate {rate:g}"]
        return sum(_distance(run, "train") > 0.75 * _constant_distance("uniform") for run in runs)

    n = sum(len(runs) for runs in arms.values())
    scaled, plain = ([stuck(scale, rate) for rate in RATES] for scale in (1000, 1))
    per_cell = len(next(iter(arms.values())))
    as_claimed = scaled[0] == per_cell and not any(scaled[1:])
    listed = [f"{rate:g}: {count} of {per_cell}" for rate, count in zip(RATES, scaled, strict=True)]
    others = [f"{rate:g}: {count} of {per_cell}" for rate, count in zip(RATES, plain, strict=True)]
    return Finding(
        "reproduced" if as_claimed else "partly" if scaled[0] else "not reproduced",
        n,
        "share of runs stuck at 1e-4, input times 1000",
        scaled[0] / per_cell,
        fraction_interval(scaled[0], per_cell),
        f"runs stuck by rate, input times 1000: {', '.join(listed)}; plain: {', '.join(others)}",
    )


@claim(
    "long-training-collapses",
    "The regressor is almost perfect within 5 to 10 epochs and falls back to the mean when trained "
    "on",
    _REGRESSION,
)
def long_training_collapses(evidence: Evidence) -> Finding:
    """Curves of every epoch: good early, and lost at the end?"""
    runs = [run for arm in evidence.arms("long-training", at_least=3).values() for run in arm]
    early, lost = 0, 0
    for run in runs:
        curve = evidence.curve("long-training", run.spec)
        best_early = max(row.train_score for row in curve if row.epoch <= 10)
        early += best_early >= 0.9
        lost += run.train_score < 0.5 and max(row.train_score for row in curve) >= 0.9
    n = len(runs)
    perfect = solved(runs)
    verdict = (
        "reproduced" if early == lost == n else "partly" if early or lost else "not reproduced"
    )
    return Finding(
        verdict,
        n,
        "share of runs that were good and then lost it",
        lost / n,
        fraction_interval(lost, n),
        f"90% within 10 epochs: {early} of {n}; perfect after all "
        f"{runs[0].spec.training.epochs} epochs: {perfect} of {n}",
    )


@claim(
    "rendering-can-be-perfect",
    "With more training or a better schedule, CoordConv renders much cleaner boxes",
    f"{_RENDERING}, a hypothesis",
)
def rendering_can_be_perfect(evidence: Evidence) -> Finding:
    """The painting kernels decide: with the tutorial's, no training is enough."""
    arms = evidence.arms("receptive-field", at_least=2)
    scores = {arm: _tests(runs) for arm, runs in arms.items()}
    wide, narrow = scores["kernel 3"], scores["kernel 2"]
    cleaner = sum(score >= 0.95 for score in wide)
    spreads = "; ".join(
        f"{arm}: {overlap(min(values))} to {overlap(max(values))}" for arm, values in scores.items()
    )
    return Finding(
        "partly" if cleaner else "not reproduced",
        sum(map(len, scores.values())),
        "mean test IoU, kernels of 3 minus kernels of 2",
        fmean(wide) - fmean(narrow),
        difference_interval(wide, narrow),
        "five painting convolutions see 1, 6 or 11 pixels with kernels of 1, 2 or 3, and the "
        f"square has 9; test IoU by {spreads}",
    )


@claim(
    "deconv-more-training-does-not-help",
    "More training of the deconv renderer would only over-fit further",
    _RENDERING,
)
def deconv_more_training_does_not_help(evidence: Evidence) -> Finding:
    """The test scores of the quadrant split over the last two thirds of training."""
    runs = evidence.runs("tutorial", "rendering, quadrant, deconv", at_least=2)
    gains = []
    for run in runs:
        curve = evidence.curve("tutorial", run.spec)
        third = curve[len(curve) // 3].test_score
        gains.append(fmean(row.test_score for row in curve[-10:]) - third)
    helped = sum(gain > 0.05 for gain in gains)
    return Finding(
        "reproduced" if not helped else graded(len(gains) - helped, len(gains)),
        len(gains),
        "gain in test IoU from a third of the epochs to their end",
        fmean(gains),
        mean_interval(gains),
        "quadrant split, scored on 48 examples at every epoch",
    )


@claim(
    "conv-overfits-quadrant",
    "Without coordinates the nets memorise three quadrants and fail on the fourth",
    "tutorial, section Discussion: Classification and Regression; paper, sections 4.1 and 4.2",
)
def conv_overfits_quadrant(evidence: Evidence) -> Finding:
    """Training minus test, on the quadrant split, over the baselines of our recipe."""
    runs = [
        run
        for task, model in (("classification", "deconv"), ("regression", "conv"))
        for run in evidence.runs("many-seeds", row(task, "quadrant", model), at_least=2)
    ]
    gaps = [run.train_score - run.test_score for run in runs]
    fails = sum(run.test_score < 0.1 and run.train_score > 0.4 for run in runs)
    return Finding(
        graded(fails, len(runs)),
        len(runs),
        "training minus test accuracy",
        fmean(gaps),
        mean_interval(gaps, (0, 1)),
        f"highest test accuracy {percent(max(_tests(runs)))}",
    )


@claim(
    "weight-decay-artefact",
    "Deconv rendering is messy on the uniform split because of the optimizer, not of the split",
    "ours, from the tutorial's code: its decay is 1% a step there, and nothing on the other split",
)
def weight_decay_artefact(evidence: Evidence) -> Finding:
    """Training IoU with and without the decay, on both splits."""
    trained = {
        arm: [run.train_score for run in runs]
        for arm, runs in evidence.arms("decay-rule", at_least=2).items()
    }
    without = trained["uniform, decay 0"] + trained["quadrant, decay 0"]
    with_decay = trained["uniform, decay 0.01"] + trained["quadrant, decay 0.01"]
    difference = fmean(without) - fmean(with_decay)
    interval = difference_interval(without, with_decay)
    clear = interval is not None and interval[0] > 0 and min(without) > max(with_decay)
    listed = "; ".join(f"{arm}: {overlap(fmean(values))}" for arm, values in trained.items())
    return Finding(
        "reproduced" if clear else "partly" if difference > 0 else "not reproduced",
        len(without) + len(with_decay),
        "mean training IoU, without the decay minus with it",
        difference,
        interval,
        f"mean training IoU by {listed}",
    )


@claim(
    "easier-to-tune",
    "With coordinates it takes much less time to find good hyper-parameters",
    "tutorial, section Discussion",
)
def easier_to_tune(evidence: Evidence) -> Finding:
    """The share of random settings that solve a task and split, with coordinates and without."""
    arms = evidence.arms("search", at_least=5)
    groups = {True: [], False: []}
    for runs in arms.values():
        bar = 0.99 if runs[0].spec.task == "rendering" else 1.0
        groups[runs[0].spec.model_name == "coordconv"] += [run.test_score >= bar for run in runs]
    ours, theirs = ([float(hit) for hit in groups[which]] for which in (True, False))
    difference, interval = fmean(ours) - fmean(theirs), difference_interval(ours, theirs)
    clear = interval is not None and interval[0] > 0
    return Finding(
        "reproduced" if clear else "partly" if difference > 0 else "not reproduced",
        len(ours) + len(theirs),
        "share of settings that solve the task, with coordinates minus without",
        difference,
        interval,
        f"{sum(groups[True])} of {len(ours)} with coordinates, {sum(groups[False])} of "
        f"{len(theirs)} without",
    )
