"""What the tutorial observed or supposed, beside its tables."""

import math
from collections import Counter
from functools import cache
from statistics import fmean
from typing import Literal

from coordconv_lab.claims.claim import Finding, claim, graded
from coordconv_lab.claims.differences import difference
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import share, solved
from coordconv_lab.claims.statistics import (
    difference_interval,
    fraction_interval,
    mean_interval,
)
from coordconv_lab.claims.tries import solves
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap, percent
from coordconv_lab.specs import BASELINE
from coordconv_lab.studies.regression import ACTIVATIONS, HEAD_RATES, HEADS, RATES
from coordconv_lab.studies.rows import SPLITS, TASKS, row

_REGRESSION = "tutorial, section Supervised Regression"
_RENDERING = "tutorial, section Discussion: Rendering"


def _tests(runs: list[Record]) -> list[float]:
    return [run.test_score for run in runs]


@claim(
    "tiling-fails",
    "A point tiled over the canvas cannot be learnt by 1 x 1 convolutions without coordinates",
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
        "highest accuracy of a run, training or test",
        max(right),
        None,
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


def _training_positions(split: str) -> list[tuple[int, int]]:
    """Where a square of 9 fits on 64 x 64: all of it for the uniform split, whose draw is even."""
    positions = [(x, y) for x in range(4, 60) for y in range(4, 60)]
    if split == "quadrant":
        return [(x, y) for x, y in positions if not (x >= 32 and y >= 32)]
    return positions


@cache
def _best_constant(split: str) -> float:
    """Both coordinates of the constant with the least squared error: the mean."""
    return fmean(x for x, _ in _training_positions(split))


@cache
def _constant_distance(split: str) -> float:
    """The mean training distance of a net that answers the best constant at every position."""
    centre = (_best_constant(split), _best_constant(split))
    return fmean(math.dist(point, centre) for point in _training_positions(split))


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
        # Never more than partly: on the quadrant split the constant is another.
        "partly" if constant else "not reproduced",
        len(linear),
        "training distance over that of the best constant, linear net",
        ratio,
        mean_interval([found / expected for found, expected in linear]),
        f"for the linear net on {constant} of {len(linear)} runs, and there it must (see "
        f"average-is-blind); the constant is the mean of the training points, "
        f"{_best_constant('uniform'):.1f} on the uniform and {_best_constant('quadrant'):.1f} on "
        f"the quadrant split; with ReLUs {better} of {len(relu)} runs leave it behind",
    )


@claim(
    "max-pool-is-necessary",
    "The pooling at the end of the regressor must be a maximum",
    _REGRESSION,
)
def max_pool_is_necessary(evidence: Evidence) -> Finding:
    """Whether another head solves a split as often as the maximum, when it is trained."""
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
    # Never more than partly: the hand-built regressor is exact with a sum.
    verdict = "not reproduced" if rivals else "partly"
    listed = "; ".join(f"{name}: {count} of {n}" for name, count in counts.items())
    conv = {
        head: fmean(
            _distance(run, "test")
            for split in SPLITS
            for run in evidence.runs("pooling-heads", f"{split}, conv, {head}")
        )
        for head in HEADS
    }
    conv_listed = ", ".join(f"{head} {distance:.1f} px" for head, distance in conv.items())
    return Finding(
        verdict if best else "not reproduced",
        n,
        "share of runs that the maximum solves, better activation",
        best / n,
        fraction_interval(best, n),
        "in training, though a hand-built net is exact with a sum (see hand-built); perfect runs "
        f"by head and activation, at the better rate: {listed}; the conv net without "
        f"coordinates is off in test by {conv_listed} on average",
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
        return sum(map(_is_stuck, runs))

    scaled, plain = ([stuck(scale, rate) for rate in RATES] for scale in (1000, 1))
    per_cell = len(next(iter(arms.values())))
    as_claimed = scaled[0] == per_cell and not any(scaled[1:])
    listed = [f"{rate:g}: {count} of {per_cell}" for rate, count in zip(RATES, scaled, strict=True)]
    others = [f"{rate:g}: {count} of {per_cell}" for rate, count in zip(RATES, plain, strict=True)]
    return Finding(
        "reproduced" if as_claimed else "partly" if scaled[0] else "not reproduced",
        per_cell,
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
    """Curves of every epoch: good early, and at the mean in the end?"""
    runs = [run for arm in evidence.arms("long-training", at_least=3).values() for run in arm]
    early, lost = 0, 0
    for run in runs:
        curve = evidence.curve("long-training", run.spec)
        early += max(row.train_score for row in curve if row.epoch <= 10) >= 0.9
        was_good = max(row.train_score for row in curve) >= 0.9
        lost += was_good and _is_stuck(run)
    return share(
        lost,
        len(runs),
        "share of runs that were good and fell back to the mean",
        f"90% within 10 epochs: {early} of {len(runs)}; perfect after all "
        f"{runs[0].spec.training.epochs} epochs: {solved(runs)} of {len(runs)}",
    )


def _is_stuck(run: Record) -> bool:
    """Whether a net does little better in training than the best constant."""
    return _distance(run, "train") > 0.75 * _constant_distance(run.spec.data.split)


@claim(
    "rendering-can-be-perfect",
    "With more training or a better schedule, CoordConv renders much cleaner boxes",
    f"{_RENDERING}, a hypothesis",
)
def rendering_can_be_perfect(evidence: Evidence) -> Finding:
    """A rate that rises and falls; the tutorial's kernels of 2, and those beside them."""
    arms = evidence.arms("receptive-field")
    scores = {arm: _tests(runs) for arm, runs in arms.items()}
    wide, narrow = scores["kernel 3"], scores["kernel 2"]
    clean = {arm: sum(score >= 0.95 for score in values) for arm, values in scores.items()}
    verdict = graded(clean["kernel 2"], len(narrow))
    spreads = "; ".join(
        f"{arm}: {overlap(min(values))} to {overlap(max(values))}" for arm, values in scores.items()
    )
    return Finding(
        "partly" if verdict == "not reproduced" and clean["kernel 3"] else verdict,
        len(wide) + len(narrow),
        "mean test IoU, kernels of 3 minus kernels of 2",
        fmean(wide) - fmean(narrow),
        difference_interval(wide, narrow),
        "five painting convolutions see 1, 6 or 11 pixels with kernels of 1, 2 or 3, and the "
        f"square has 9; uniform split, decaying rate, test IoU by {spreads}",
    )


@claim(
    "deconv-more-training-does-not-help",
    "More training of the deconv renderer does not help its held-out pictures",
    _RENDERING,
)
def deconv_more_training_does_not_help(evidence: Evidence) -> Finding:
    """The held-out scores of the quadrant split over the last two thirds of its 300 epochs."""
    runs = evidence.runs("tutorial", "rendering, quadrant, deconv", at_least=2)
    gains = []
    for run in runs:
        curve = evidence.curve("tutorial", run.spec)
        third = len(curve) // 3
        before = fmean(row.test_score for row in curve[third - 10 : third])
        gains.append(fmean(row.test_score for row in curve[-10:]) - before)
    helped = sum(gain > 0.05 for gain in gains)
    return Finding(
        graded(len(gains) - helped, len(gains)),
        len(gains),
        "gain in test IoU from a third of the epochs to their end",
        fmean(gains),
        mean_interval(gains),
        "quadrant split, epochs 91 to 100 against 291 to 300, scored on 48 examples each",
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
    fails = sum(run.test_score < 0.1 for run in runs)
    memorised = Counter(run.spec.task for run in runs if run.train_score >= 0.95)
    held = sum(run.test_score < 0.1 and run.train_score >= 0.95 for run in runs)
    return Finding(
        graded(held, len(runs)),
        len(runs),
        "training minus test accuracy",
        fmean(gaps),
        mean_interval(gaps, (-1, 1)),
        f"fail on the fourth: {fails} of {len(runs)}, highest test accuracy "
        f"{percent(max(_tests(runs)))}; memorise 95% of the three: "
        f"{memorised['classification']} of classification, {memorised['regression']} of "
        "regression",
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
    listed = "; ".join(f"{arm}: {overlap(fmean(values))}" for arm, values in trained.items())
    return difference(
        without,
        with_decay,
        min(without) > max(with_decay),
        "mean training IoU, without the decay minus with it",
        f"mean training IoU by {listed}",
    )


@claim(
    "easier-to-tune",
    "With coordinates it takes much less time to find good hyper-parameters",
    "tutorial, section Discussion",
)
def easier_to_tune(evidence: Evidence) -> Finding:
    """The share of random settings that solve the uniform split, draw by draw."""
    found = {split: _solved_draws(evidence, split) for split in SPLITS}
    uniform = [ours - theirs for ours, theirs in found["uniform"]]
    interval = mean_interval(uniform, (-1, 1))
    clear = interval is not None and interval[0] > 0
    means = "; ".join(
        f"{split}: {percent(fmean(ours for ours, _ in pairs))} with coordinates, "
        f"{percent(fmean(theirs for _, theirs in pairs))} without"
        for split, pairs in found.items()
    )
    return Finding(
        "reproduced" if clear else "partly" if fmean(uniform) > 0 else "not reproduced",
        len(uniform),
        "share of tasks that a random setting solves, with coordinates minus without, uniform "
        "split",
        fmean(uniform),
        interval,
        f"mean share of tasks solved by a setting, {means}",
    )


def _solved_draws(evidence: Evidence, split: str) -> list[tuple[float, float]]:
    """For each draw, the share of tasks that it solves with coordinates, and without."""
    sides = []
    for with_coordinates in (True, False):
        hits = []
        for task in TASKS:
            model = "coordconv" if with_coordinates else BASELINE[task]
            runs = evidence.outcomes("search", row(task, split, model))
            hits.append([run is not None and solves(run) for run in runs])
        sides.append([fmean(draw) for draw in zip(*hits, strict=True)])
    return list(zip(*sides, strict=True))
