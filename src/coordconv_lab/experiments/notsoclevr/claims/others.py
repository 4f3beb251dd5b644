"""Claims of other papers, other reproductions and critics."""

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.differences import (
    Stratum,
    compared,
    compared_each,
    side_by_side,
    won_and_lost,
)
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import of_theorem, of_values, share, solved
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import (
    across,
    all_of,
    of_possibility,
    of_share,
    of_signs,
)
from coordconv_lab.experiments.notsoclevr.claims.tables import rows_as_published, whose_draws
from coordconv_lab.experiments.notsoclevr.studies.pictures import FAULTS
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import overlap_range, percent, percent_range, pixel_range
from coordconv_lab.studies.study import row

_RIGHT, _SWAPPED, _RADIUS, _OFF_CENTER = (name for name, _, _ in FAULTS)
_RIGHT_AND_FAULTY = ((_RIGHT, _SWAPPED), (_RADIUS, _OFF_CENTER))
_ENCODERS = ("conv", "coordconv")

FITTED = 0.95
"""The minimum training accuracy at which the held-out accuracy of a network is informative."""


def fits(fitted: int, failed: int) -> str:
    """Describe how many runs fit their training points, and how many of these runs fail."""
    words = f"{fitted} of them fit {percent(FITTED)} of their training points"
    return f"{words}, and {failed} of these do not solve the split" if fitted else words


def _accuracy(run: Record) -> float:
    return run.test_score


def _pixels(run: Record) -> float:
    return run.scores["test"]["mean_distance"]


@claim(
    "hand-built",
    "No training is needed: a few weights, set by a formula, solve the task",
    'Piekniewski, "Autopsy of a deep learning paper", 2018, for regression',
    "others",
    "tests/models/test_theorems.py::test_hand_built_nets_are_right_at_every_position",
)
def hand_built(evidence: Evidence) -> Finding:
    """Test all three tasks on three canvases at every position."""
    runs = [run for arm in evidence.arms("hand-built").values() for run in arm]
    return of_theorem(
        sum(run.train_score == run.test_score == 1 for run in runs),
        len(runs),
        "networks that are exact at every position, three tasks on three canvases",
        f"at most {max(run.parameters for run in runs)} weights; classification and rendering are "
        "our extension",
    )


@claim(
    "downsampling-hurts",
    "A network with strides of 2 does not solve the held-out quadrant, even with coordinates",
    "a public reproduction (pfrendl/coord_conv)",
    "others",
)
def downsampling_hurts(evidence: Evidence) -> Finding:
    """Judge strided networks with coordinates at the first layer that fit their training points."""
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
        f"{fits(len(fitted), failed)}; a run that does not fit the training points says little "
        f"about held-out points; {by_arm}",
        of_share(failed, len(fitted)) if fitted else "undecided",
    )


@claim(
    "padding-tells-position",
    "Zero padding is enough for a convolutional network to learn positions",
    "Islam, Jia and Bruce 2020 (arXiv:2001.08248); Kayhan and van Gemert 2020 (arXiv:2003.07064)",
    "others",
)
def padding_tells_position(evidence: Evidence) -> Finding:
    """Compare padding modes without coordinates, with kernels that reach a border everywhere."""
    arms = evidence.arms("padding")
    strata = [Stratum("uniform split", arms["circular"], arms["same"])]
    found = compared(strata, _pixels)
    halved = max(map(_pixels, arms["same"])) < 0.5 * min(map(_pixels, arms["circular"]))
    by_padding = "; ".join(
        f"{arm}: {pixel_range(map(_pixels, runs))} ({len(runs)} runs)" for arm, runs in arms.items()
    )
    return found.finding(
        all_of([found.verdict, of_possibility(halved)]),
        "test distance in pixels, circular minus zero padding, by seed",
        f"canvas of 32 x 32, 15 x 15 kernels; mean distance by padding mode, {by_padding}; "
        "circular padding cannot help (see circular-padding-is-blind)",
    )


@claim(
    "faulty-grids-harm",
    "The published faults of the grid (swapped divisors, off-center radius) reduce accuracy",
    "a natural concern after the tutorial's postscript",
    "others",
)
def faulty_grids_harm(evidence: Evidence) -> Finding:
    """Compare each fault with the correct grid on each task, seed by seed, on 40 x 88."""
    arms = evidence.arms("faulty-grids", at_least=3)
    strata = [
        Stratum(f"{task}, {fault}", arms[f"{task}, {right}"], arms[f"{task}, {fault}"])
        for task in ("classification", "regression")
        for right, fault in _RIGHT_AND_FAULTY
    ]
    each = compared_each(strata, _accuracy)
    return each.found[each.clearest].finding(
        across(each.verdicts),
        "test accuracy with the correct grid minus with the faulty one, by seed, in the clearest "
        f"case ({strata[each.clearest].name})",
        f"quadrant split, canvas of 40 x 88; four comparisons; {each.words}; test accuracy, "
        + side_by_side(strata, ("correct", "faulty"), percent_range, _accuracy),
    )


@claim(
    "broadcast-generalizes",
    "In a region held out of training, a decoder with coordinates reconstructs images where a "
    "deconv decoder fails",
    "Watters et al. 2019 (arXiv:1901.07017)",
    "others",
)
def broadcast_generalizes(evidence: Evidence) -> Finding:
    """Compare two decoders with each of two encoders, in autoencoders of squares."""
    arms = evidence.arms("broadcast")
    strata = [
        Stratum(
            f"{encoder} encoder",
            arms[f"{encoder} encoder, broadcast decoder"],
            arms[f"{encoder} encoder, deconv decoder"],
        )
        for encoder in _ENCODERS
    ]
    runs = [run for one in strata for run in one.left]
    reconstructed = sum(_accuracy(run) >= _RECONSTRUCTED for run in runs)
    found = compared(strata, _accuracy)
    return found.finding(
        all_of([found.verdict, of_share(reconstructed, len(runs))]),
        "test IoU, broadcast minus deconv decoder, by seed, two encoders",
        f"quadrant split; with coordinates, {reconstructed} of {len(runs)} decoders have a test "
        f"IoU of at least {_RECONSTRUCTED:g}, which counts as reconstructed; test IoU, "
        + side_by_side(strata, ("broadcast", "deconv"), overlap_range, _accuracy),
    )


_RECONSTRUCTED = 0.9
"""The test IoU from which on an image counts as reconstructed."""


@claim(
    "quadrant-is-fragile",
    "On some seeds CoordConv fails on the quadrant split, and more often than on the uniform split",
    "public reproductions (titu1994/keras-coordconv issue 9, piyush2896/CoordConv-Implementation)",
    "others",
)
def quadrant_is_fragile(evidence: Evidence) -> Finding:
    """Count the seeds of the tutorial's recipe that fail on each split; uniform is the control."""
    names = {
        (task, split): row(task, split, "coordconv")
        for task in ("classification", "regression")
        for split in SPLITS
    }
    study, found = rows_as_published(evidence, list(names.values()))
    arms = {key: found[name] for key, name in names.items()}
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
        f"failures, {fails}; of the seeds run on both splits, {pairs[0]} fail only on the quadrant "
        f"split and {pairs[1]} only on the uniform split; "
        f"{whose_draws(study, quadrant)}; for our recipe, "
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
    "The conv network with max pooling and linear layers does well at regression on the uniform "
    "split",
    "a review of the paper; the tutorial reports 47.7% of coordinates",
    "others",
)
def conv_regression_uniform_works(evidence: Evidence) -> Finding:
    """Check that the mean distance is below one pixel, for our recipe and the search's best run."""
    recipe = evidence.runs("many-seeds", "regression, uniform, conv", at_least=2)
    drawn = [
        run for run in evidence.outcomes("search", "regression, uniform, conv") if run is not None
    ]
    best = max(drawn, key=_accuracy)
    return of_values(
        of_possibility(_pixels(best) < 1),
        [_pixels(run) for run in recipe],
        "test distance in pixels by seed of our recipe",
        f"our recipe predicts {percent_range(map(_accuracy, recipe))} of the points exactly; the "
        f"best of {len(drawn)} random settings with the same {best.epochs} epochs predicts "
        f"{percent(best.test_score)} exactly and has a distance of {_pixels(best):.2f} px (one "
        f"run, learning rate {best.spec.training.learning_rate:.3g}, weight decay "
        f"{best.spec.training.weight_decay:.3g})",
        (0, float("inf")),
    )
