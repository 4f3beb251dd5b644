"""What the tutorial observed or supposed of classification, rendering and tuning."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv_lab.claims.claim import Finding, Verdict, claim
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import of_values, share
from coordconv_lab.claims.statistics import paired_mean
from coordconv_lab.claims.tables import as_published, whose_draws
from coordconv_lab.claims.verdicts import (
    across,
    all_of,
    of_paired,
    of_possibility,
    of_share,
    of_signs,
)
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap, percent
from coordconv_lab.specs import BASELINE, ConvFlatRegressor, DeconvNet, ExperimentSpec
from coordconv_lab.studies.rows import TASKS, row

_RENDERING = "tutorial, section Discussion: Rendering"


@claim(
    "tiling-fails",
    "A point tiled over the canvas cannot be learned by 1 x 1 convolutions without coordinates",
    "tutorial, section Supervised Coordinate Classification",
    "tutorial",
)
def tiling_fails(evidence: Evidence) -> Finding:
    """No position is ever right: all pixels tie, and the first one is no position."""
    arms = evidence.arms("tiling")
    highest = {
        split: [max(run.train_score, run.test_score) for run in runs]
        for split, runs in arms.items()
    }
    scores = [score for values in highest.values() for score in values]
    listed = "; ".join(
        f"{split}: {len(values)} runs, highest accuracy of a side {percent(max(values))}"
        for split, values in highest.items()
    )
    return share(
        sum(score == 0 for score in scores),
        len(scores),
        "runs without one right position",
        f"{listed}; a theorem too: see tiling-is-blind",
    )


@claim(
    "rendering-can-be-perfect",
    "With more training or a better schedule, CoordConv renders much cleaner boxes",
    f"{_RENDERING}, a hypothesis",
    "tutorial",
)
def rendering_can_be_perfect(evidence: Evidence) -> Finding:
    """A learning rate that rises and falls; the tutorial's kernels of 2, and those beside them."""
    arms = evidence.arms("receptive-field")
    scores = {arm: [run.test_score for run in runs] for arm, runs in arms.items()}
    clean = sum(score >= 0.95 for score in scores["kernel 2"])
    listed = "; ".join(
        f"{arm}: {', '.join(map(overlap, values))}" for arm, values in scores.items()
    )
    return share(
        clean,
        len(scores["kernel 2"]),
        "seeds with a test IoU of 0.95, kernels of 2 as in the tutorial",
        f"test IoU by seed, {listed}; uniform split, six epochs, decaying learning rate, painting "
        "convolutions half as wide as the tutorial's; five of them see 1, 6 or 11 pixels with "
        "kernels of 1, 2 or 3, and the square has 9",
    )


_EPOCHS = 300
"""Of the tutorial's deconv renderer on the quadrant split."""


@claim(
    "deconv-more-training-does-not-help",
    "Trained beyond its 300 epochs, the deconv renderer does not improve on the held-out quadrant",
    _RENDERING,
    "tutorial",
)
def deconv_more_training_does_not_help(evidence: Evidence) -> Finding:
    """Only runs that are longer than the tutorial's can decide it."""
    study, runs = as_published(evidence, "rendering, quadrant, deconv")
    curves = [evidence.curve_of(study, run.spec) for run in runs]
    longer = min(run.spec.training.epochs for run in runs) > _EPOCHS
    start = _EPOCHS if longer else 100
    gains = [_level(curve, curve[-1].epoch) - _level(curve, start) for curve in curves]
    against = of_paired(paired_mean([[-gain for gain in gains]]), max(gains) < 0)
    return of_values(
        against if longer else "undecided",
        gains,
        f"gain in test IoU from epoch {start} to the last",
        f"the longest run has {max(run.epochs for run in runs)} epochs, the tutorial's {_EPOCHS}; "
        f"up to its end the test score rises in {sum(gain > 0 for gain in gains)} of {len(gains)}; "
        "means of ten epochs of the curve, which scores 48 examples a side; "
        f"{whose_draws(study, runs)}",
        (-1, 1),
    )


def _level(curve: Sequence[CurveRow], epoch: float) -> float:
    """The mean test score of the ten epochs up to one."""
    return fmean(row.test_score for row in curve if epoch - 10 < row.epoch <= epoch)


@claim(
    "conv-overfits-quadrant",
    "Without coordinates the networks memorize three quadrants and fail on the fourth",
    "tutorial, section Discussion: Classification and Regression; paper, sections 4.1 and 4.2",
    "tutorial",
)
def conv_overfits_quadrant(evidence: Evidence) -> Finding:
    """For each task: does some setting memorize, and does every run fail on the fourth?"""
    runs = {
        (task, BASELINE[task]): evidence.every(task, "quadrant", BASELINE[task])
        for task in ("classification", "regression")
    }
    fails = {key: sum(run.test_score < 0.1 for run in arm) for key, arm in runs.items()}
    listed = "; ".join(
        f"{task}, {model}: at most {percent(max(run.train_score for run in arm))} in training, "
        f"{sum(run.train_score >= 0.95 for run in arm)} of {len(arm)} runs with 95%; "
        f"{fails[task, model]} of {len(arm)} below 10% in test, at most "
        f"{percent(max(run.test_score for run in arm))}"
        for (task, model), arm in runs.items()
    )
    return share(
        sum(fails.values()),
        sum(map(len, runs.values())),
        "runs below 10% on the fourth quadrant, both tasks",
        f"every recorded run, those of the search with them, which memorize best; {listed}",
        across(
            [
                all_of(
                    [
                        of_possibility(any(run.train_score >= 0.95 for run in arm)),
                        of_share(fails[key], len(arm)),
                    ]
                )
                for key, arm in runs.items()
            ]
        ),
    )


NEAR_BEST = 0.05
"""How far below the best test score of its network a setting may end to be as good as any."""


class _Draw(NamedTuple):
    """Settings drawn for both networks of a task.

    Attributes:
        ours: Whether the run with coordinates ends near the best of its network.
        theirs: The same without coordinates.
        is_plain: Whether the network without coordinates has none of its own options there.
    """

    ours: bool
    theirs: bool
    is_plain: bool


@claim(
    "easier-to-tune",
    "With coordinates it takes much less time to find good hyperparameters, even on the uniform "
    "split",
    "tutorial, section Discussion",
    "tutorial",
)
def easier_to_tune(evidence: Evidence) -> Finding:
    """Which random settings end within five points of the best of the same network."""
    drawn = {task: _draws(evidence, task) for task in TASKS}
    plain = {task: [draw for draw in draws if draw.is_plain] for task, draws in drawn.items()}
    found = paired_mean([[draw.ours - draw.theirs for draw in draws] for draws in drawn.values()])
    assert found is not None
    return Finding(
        across([_more_often(drawn), _more_often(plain)]),
        found.n,
        "share of draws within 5 points of the best test score of the same network, with "
        "coordinates minus without, uniform split, three tasks",
        found.effect,
        found.interval,
        f"such draws with coordinates and without, {_counted(drawn)}; among the draws without "
        "options of the networks without coordinates (batch normalization of deconv, input times "
        f"100 or 1000 of conv, which were published for them), {_counted(plain)}; one seed a draw, "
        "at the epochs of our recipe",
    )


def _draws(evidence: Evidence, task: str) -> list[_Draw]:
    arms = [row(task, "uniform", model) for model in ("coordconv", BASELINE[task])]
    ours, theirs = (_near_best(evidence.outcomes("search", arm)) for arm in arms)
    plain = map(_is_plain, evidence.study("search").arms[arms[1]])
    return [_Draw(*draw) for draw in zip(ours, theirs, plain, strict=True)]


def _near_best(runs: Sequence[Record | None]) -> list[bool]:
    best = max((run.test_score for run in runs if run), default=0.0)
    return [run is not None and run.test_score >= best - NEAR_BEST for run in runs]


def _is_plain(spec: ExperimentSpec) -> bool:
    net = spec.model
    normalizes = isinstance(net, DeconvNet) and net.batch_norm
    return not normalizes and (not isinstance(net, ConvFlatRegressor) or net.input_scale == 1)


def _more_often(drawn: Mapping[str, Sequence[_Draw]]) -> Verdict:
    pairs = [(draw.ours, draw.theirs) for draws in drawn.values() for draw in draws]
    return of_signs(pairs.count((True, False)), pairs.count((False, True)))


def _counted(drawn: Mapping[str, Sequence[_Draw]]) -> str:
    return "; ".join(
        f"{task}: {sum(draw.ours for draw in draws)} and {sum(draw.theirs for draw in draws)} of "
        f"{len(draws)}"
        for task, draws in drawn.items()
    )
