"""The tutorial's claims about classification, rendering and tuning."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv_lab.claims.claim import Finding, Verdict, claim
from coordconv_lab.claims.differences import Stratum, won_and_lost
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import of_theorem, of_values, share
from coordconv_lab.claims.statistics import paired_mean
from coordconv_lab.claims.verdicts import (
    ENOUGH,
    across,
    all_of,
    of_paired,
    of_possibility,
    of_share,
    of_signs,
)
from coordconv_lab.experiments.notsoclevr.claims.tables import EXACT, whose_draws
from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.specs import ConvFlatRegressor, DeconvNet
from coordconv_lab.experiments.notsoclevr.studies.rows import TASKS
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import overlap, percent
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.study import row

_RENDERING = "tutorial, section Discussion: Rendering"


@claim(
    "tiling-fails",
    "If the input is a point tiled over the canvas, 1 x 1 convolutions without coordinates cannot "
    "learn classification",
    "tutorial, section Supervised Coordinate Classification",
    "tutorial",
    "tests/models/test_theorems.py::"
    "test_without_coordinates_a_tiled_point_gives_every_pixel_the_same_answer",
)
def tiling_fails(evidence: Evidence) -> Finding:
    """Check that every prediction is wrong.

    All pixels tie, so the prediction is the first pixel, which is never a target.
    """
    arms = evidence.arms("tiling")
    highest = {
        split: [max(run.train_score, run.test_score) for run in runs]
        for split, runs in arms.items()
    }
    scores = [score for values in highest.values() for score in values]
    listed = "; ".join(
        f"{split}: {len(values)} runs, highest training or test accuracy {percent(max(values))}"
        for split, values in highest.items()
    )
    return of_theorem(
        sum(score == 0 for score in scores),
        len(scores),
        "runs without a single correct prediction",
        f"{listed}; follows from tiling-is-blind",
    )


@claim(
    "rendering-can-be-perfect",
    "With more training or a better schedule, CoordConv renders much cleaner boxes",
    f"{_RENDERING}, a hypothesis",
    "tutorial",
)
def rendering_can_be_perfect(evidence: Evidence) -> Finding:
    """Test a learning rate that rises and falls, and compare it with the tutorial's recipe."""
    arms = evidence.arms("receptive-field")
    published = evidence.runs(EXACT, row("rendering", "uniform", "coordconv"), 1)
    listed = "; ".join(
        f"{arm}: {', '.join(overlap(run.test_score) for run in runs)}" for arm, runs in arms.items()
    )
    pairs = won_and_lost([Stratum("uniform", arms["kernel 2"], published)], _is_clean)
    return share(
        sum(map(_is_clean, arms["kernel 2"])),
        len(arms["kernel 2"]),
        f"seeds with a test IoU of at least {_CLEAN:g}, kernel size 2 as in the tutorial",
        f"test IoU by seed, {listed}; the tutorial's recipe with its own draws: "
        f"{', '.join(overlap(run.test_score) for run in published)}; of the seeds run both ways, "
        f"{pairs[0]} are clean only with the changed schedule and {pairs[1]} only with the "
        "tutorial's recipe; uniform split, six epochs, decaying learning rate, painting "
        "convolutions half as wide as the tutorial's; with a kernel size of 1, 2 or 3, the "
        "receptive field of these five convolutions is 1, 6 or 11 pixels wide; the square is 9 "
        "pixels wide",
        of_signs(*pairs),
    )


_CLEAN = 0.95
"""The test IoU from which on the boxes of a renderer count as clean."""


def _is_clean(run: Record) -> bool:
    return run.test_score >= _CLEAN


_EPOCHS = 300
"""The number of epochs of the tutorial's deconv renderer on the quadrant split."""


@claim(
    "deconv-more-training-does-not-help",
    "If its training continues after 300 epochs, the deconv renderer does not improve on the "
    "held-out quadrant",
    _RENDERING,
    "tutorial",
)
def deconv_more_training_does_not_help(evidence: Evidence) -> Finding:
    """Compare test scores after the tutorial's number of epochs with those after twice as many."""
    runs = evidence.runs(_LONGER, row("rendering", "quadrant", "deconv"), ENOUGH)
    curves = [evidence.curve_of(_LONGER, run.spec) for run in runs]
    gains = [_level(curve, curve[-1].epoch) - _level(curve, _EPOCHS) for curve in curves]
    return of_values(
        of_paired(paired_mean([[-gain for gain in gains]]), max(gains) < 0),
        gains,
        f"gain in test IoU from epoch {_EPOCHS} to the last",
        f"the longest run has {max(run.epochs for run in runs)} epochs, the tutorial's run "
        f"{_EPOCHS}; the test score rises in {sum(gain > 0 for gain in gains)} of {len(gains)} "
        "runs; means over ten epochs of curves that score 48 test examples; "
        f"{whose_draws(EXACT, runs)}",
        (-1, 1),
    )


_LONGER = "rendering-longer"
"""The study that repeats the tutorial's deconv renderer with twice the epochs."""


def _level(curve: Sequence[CurveRow], epoch: float) -> float:
    """Return the mean test score of the ten epochs up to `epoch`."""
    return fmean(row.test_score for row in curve if epoch - 10 < row.epoch <= epoch)


@claim(
    "conv-overfits-quadrant",
    "Without coordinates, the networks memorize three quadrants and fail on the fourth",
    "tutorial, section Discussion: Classification and Regression; paper, sections 4.1 and 4.2",
    "tutorial",
)
def conv_overfits_quadrant(evidence: Evidence) -> Finding:
    """Check for each task that a run memorizes and that every run fails on the fourth quadrant."""
    runs = {
        (task, BASELINE[task]): evidence.every(task, "quadrant", BASELINE[task])
        for task in ("classification", "regression")
    }
    fails = {key: sum(run.test_score < 0.1 for run in arm) for key, arm in runs.items()}
    listed = "; ".join(
        f"{task}, {model}: training accuracy at most {percent(max(run.train_score for run in arm))}"
        f", at least 95% in {sum(run.train_score >= 0.95 for run in arm)} of {len(arm)} runs; test "
        f"accuracy at most {percent(max(run.test_score for run in arm))}, below 10% in "
        f"{fails[task, model]} of {len(arm)} runs; {evidence.studies_of(arm)}"
        for (task, model), arm in runs.items()
    )
    return share(
        sum(fails.values()),
        sum(map(len, runs.values())),
        "runs below 10% on the fourth quadrant, both tasks",
        f"all recorded runs, also with strides and with other kinds of pooling; {listed}",
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
"""Settings within this distance of the best test score of their network count as good."""


class _Draw(NamedTuple):
    """Settings drawn for both networks of a task.

    Attributes:
        ours: Whether the run with coordinates ends near the best run of its network.
        theirs: The same, for the run without coordinates.
        is_plain: Whether the settings use no option that only networks without coordinates have.
    """

    ours: bool
    theirs: bool
    is_plain: bool


@claim(
    "easier-to-tune",
    "With coordinates, good hyperparameters take much less time to find, even on the uniform split",
    "tutorial, section Discussion",
    "tutorial",
)
def easier_to_tune(evidence: Evidence) -> Finding:
    """Count the random settings that end within five points of the best of the same network."""
    drawn = {task: _draws(evidence, task) for task in TASKS}
    plain = {task: [draw for draw in draws if draw.is_plain] for task, draws in drawn.items()}
    found = paired_mean([[draw.ours - draw.theirs for draw in draws] for draws in drawn.values()])
    assert found is not None
    return Finding(
        across([_more_often(drawn), _more_often(plain)]),
        found.n,
        "fraction of random settings within 5 points of the best test score of the same network, "
        "with coordinates minus without, uniform split, three tasks",
        found.effect,
        found.interval,
        f"such settings with and without coordinates, {_counted(drawn)}; the same among settings "
        "that use no option published only for the networks without coordinates (batch "
        "normalization for deconv, input times 100 or 1000 for conv), "
        f"{_counted(plain)}; one seed per setting, with the epochs of our recipe",
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
