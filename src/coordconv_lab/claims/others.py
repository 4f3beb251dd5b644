"""What others found: other papers, other reproductions, critics."""

from coordconv_lab.claims.claim import Finding, Verdict, claim
from coordconv_lab.claims.differences import Stratum, compared, side_by_side, won_and_lost
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import of_values, share, solved
from coordconv_lab.claims.statistics import holm
from coordconv_lab.claims.tables import as_published, whose_draws
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import (
    SIGNIFICANT,
    across,
    all_of,
    of_possibility,
    of_share,
    of_signs,
)
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap_range, percent, percent_range, pixel_range
from coordconv_lab.studies.pictures import FAULTS
from coordconv_lab.studies.rows import SPLITS

_RIGHT, _SWAPPED, _RADIUS, _OFF_CENTER = (name for name, _, _ in FAULTS)
_RIGHT_AND_FAULTY = ((_RIGHT, _SWAPPED), (_RADIUS, _OFF_CENTER))
_ENCODERS = ("conv", "coordconv")

FITTED = 0.95
"""The training accuracy from which a network's held-out accuracy says something."""


def _accuracy(run: Record) -> float:
    return run.test_score


def _pixels(run: Record) -> float:
    return run.scores["test"]["mean_distance"]


@claim(
    "hand-built",
    "No training is needed at all: a few weights, set by formula, solve the task",
    'Piekniewski, "Autopsy of a deep learning paper", 2018, for regression',
    "others",
    "tests/models/test_theorems.py::test_hand_built_nets_are_right_at_every_position",
)
def hand_built(evidence: Evidence) -> Finding:
    """All three tasks, on three canvases, at every position."""
    runs = [run for arm in evidence.arms("hand-built").values() for run in arm]
    return share(
        sum(run.train_score == run.test_score == 1 for run in runs),
        len(runs),
        "networks that are exact at every position, three tasks on three canvases",
        f"at most {max(run.parameters for run in runs)} weights; classification and rendering are "
        "our extension",
    )


@claim(
    "downsampling-hurts",
    "With strides of 2, coordinates do not solve the held-out quadrant",
    "a public reproduction (pfrendl/coord_conv)",
    "others",
)
def downsampling_hurts(evidence: Evidence) -> Finding:
    """The strided network with coordinates at its first layer, where it fits its training."""
    arms = {
        f"input times 1, {name}": evidence.runs("downsampling", f"quadrant, {name}")
        for name in ("with coordinates", "without")
    }
    arms |= evidence.arms_if_any("strided-scales", 3)
    seeing = [run for name, runs in arms.items() if "with coordinates" in name for run in runs]
    fitted = [run for run in seeing if run.train_score >= FITTED]
    failed = sum(not solves(run) for run in fitted)
    by_arm = "; ".join(
        f"{name}: training {percent_range(run.train_score for run in runs)}, test "
        f"{percent_range(map(_accuracy, runs))}, {pixel_range(map(_pixels, runs))} ({len(runs)} "
        "runs)"
        for name, runs in arms.items()
    )
    return share(
        sum(not solves(run) for run in seeing),
        len(seeing),
        "runs with coordinates that do not solve the quadrant split",
        f"{len(fitted)} of them fit {percent(FITTED)} of their training points, {failed} of these "
        f"fail; the others say little of the held-out points; {by_arm}",
        of_share(failed, len(fitted)) if fitted else "undecided",
    )


@claim(
    "padding-tells-position",
    "Zero padding alone lets a convolutional network learn where things are",
    "Islam, Jia and Bruce 2020 (arXiv:2001.08248); Kayhan and van Gemert 2020 (arXiv:2003.07064)",
    "others",
)
def padding_tells_position(evidence: Evidence) -> Finding:
    """A network without coordinates whose kernels reach a border from everywhere, by padding."""
    arms = evidence.arms("padding")
    strata = [Stratum("uniform split", arms["circular"], arms["same"])]
    found = compared(strata, _pixels)
    halved = max(map(_pixels, arms["same"])) < 0.5 * min(map(_pixels, arms["circular"]))
    by_padding = "; ".join(
        f"{arm}: {pixel_range(map(_pixels, runs))} ({len(runs)} runs)" for arm, runs in arms.items()
    )
    return found.finding(
        found.verdict(halved),
        "test distance in pixels, circular minus zero padding, by seed",
        f"canvas 32 x 32, kernels of 15; mean distance by padding, {by_padding}; circular padding "
        "can tell nothing: see circular-padding-is-blind",
    )


@claim(
    "faulty-grids-harm",
    "The published faults of the grid (swapped divisors, off-center radius) harm the task",
    "a natural fear, after the tutorial's postscript",
    "others",
)
def faulty_grids_harm(evidence: Evidence) -> Finding:
    """Each fault on each task against the right grid, seed by seed, on 40 x 88."""
    arms = evidence.arms("faulty-grids", at_least=3)
    strata = [
        Stratum(f"{task}, {fault}", arms[f"{task}, {right}"], arms[f"{task}, {fault}"])
        for task in ("classification", "regression")
        for right, fault in _RIGHT_AND_FAULTY
    ]
    found = [compared([stratum], _accuracy) for stratum in strata]
    adjusted = holm([one.mean.p if one.mean else 1.0 for one in found])
    verdicts: list[Verdict] = [
        one.verdict() if p < SIGNIFICANT else "undecided"
        for one, p in zip(found, adjusted, strict=True)
    ]
    shown = min(range(len(strata)), key=adjusted.__getitem__)
    return found[shown].finding(
        across(verdicts),
        "test accuracy, right minus faulty grid, by seed, where it differs most clearly: "
        f"{strata[shown].name}",
        "quadrant split, 40 x 88; four comparisons, adjusted p (Holm) "
        + ", ".join(f"{one.name}: {p:.2g}" for one, p in zip(strata, adjusted, strict=True))
        + "; test accuracy, "
        + side_by_side(strata, ("right", "faulty"), percent_range, _accuracy),
    )


@claim(
    "broadcast-generalises",
    "A decoder with coordinates reconstructs where a deconv decoder fails: in regions held out of "
    "training",
    "Watters et al. 2019 (arXiv:1901.07017)",
    "others",
)
def broadcast_generalises(evidence: Evidence) -> Finding:
    """Two encoders by two decoders, as autoencoders of squares with a held-out quadrant."""
    arms = evidence.arms("broadcast")
    strata = [
        Stratum(
            f"{encoder} encoder",
            arms[f"{encoder} encoder, broadcast decoder"],
            arms[f"{encoder} encoder, deconv decoder"],
        )
        for encoder in _ENCODERS
    ]
    by_encoder: list[Verdict] = [
        compared([one], _accuracy).verdict(min(map(_accuracy, one.left)) >= 0.9) for one in strata
    ]
    return compared(strata, _accuracy).finding(
        across(by_encoder),
        "test IoU, broadcast minus deconv decoder, by seed, two encoders",
        "quadrant split; reconstructing asks for an IoU of 0.9; test IoU, "
        + side_by_side(strata, ("broadcast", "deconv"), overlap_range, _accuracy),
    )


@claim(
    "quadrant-is-fragile",
    "CoordConv fails on some seeds of the quadrant split, more often than on the uniform split",
    "public reproductions (titu1994/keras-coordconv issue 9, piyush2896/CoordConv-Implementation)",
    "others",
)
def quadrant_is_fragile(evidence: Evidence) -> Finding:
    """Seeds of the tutorial's recipe that do not solve a split, with the other one as control."""
    arms: dict[tuple[str, str], list[Record]] = {}
    draws: dict[str, None] = {}
    for task in ("classification", "regression"):
        for split in SPLITS:
            study, runs = as_published(evidence, f"{task}, {split}, coordconv")
            arms[task, split] = runs
            draws[whose_draws(study, runs)] = None
    strata = [
        Stratum(task, arms[task, "quadrant"], arms[task, "uniform"])
        for task in ("classification", "regression")
    ]
    quadrant = [run for one in strata for run in one.left]
    failed = len(quadrant) - solved(quadrant)
    fails = "; ".join(
        f"{task}, {split}: {len(runs) - solved(runs)} of {len(runs)}"
        for (task, split), runs in arms.items()
    )
    pairs = won_and_lost(strata, lambda run: not solves(run))
    return share(
        failed,
        len(quadrant),
        "seeds of the tutorial's recipe that fail on the quadrant split, two tasks",
        f"failures, {fails}; of the seeds that both splits have, {pairs[0]} fail on the quadrant "
        f"split only and {pairs[1]} on the uniform split only; {' or '.join(draws)}; our recipe: "
        "see tuned-solves-classification",
        all_of(
            [
                "reproduced" if failed else of_share(0, len(quadrant)),
                of_signs(*pairs),
            ]
        ),
    )


@claim(
    "conv-regression-uniform-works",
    "The conv network with max-pools and linear layers regresses well on the uniform split",
    "a review of the paper; the tutorial has 47.7% of coordinates",
    "others",
)
def conv_regression_uniform_works(evidence: Evidence) -> Finding:
    """Within a pixel on average: every seed of our recipe, and the best draw of the search."""
    recipe = evidence.runs("many-seeds", "regression, uniform, conv", at_least=2)
    drawn = [
        run for run in evidence.outcomes("search", "regression, uniform, conv") if run is not None
    ]
    best = max(drawn, key=_accuracy)
    return of_values(
        of_possibility(_pixels(best) < 1),
        [_pixels(run) for run in recipe],
        "test distance in pixels by seed of our recipe",
        f"our recipe has {percent_range(map(_accuracy, recipe))} of the points exactly right; the "
        f"best of {len(drawn)} settings drawn at random, in the same {best.epochs} epochs, has "
        f"{percent(best.test_score)} and {_pixels(best):.2f} px (learning rate "
        f"{best.spec.training.learning_rate:.3g}, weight decay "
        f"{best.spec.training.weight_decay:.3g}), one run",
        (0, float("inf")),
    )
