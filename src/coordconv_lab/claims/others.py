"""What others found: other papers, other reproductions, critics."""

from statistics import fmean

from coordconv_lab.claims.claim import Finding, claim, graded
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.shares import solved
from coordconv_lab.claims.statistics import (
    clearly_greater,
    difference_interval,
    fraction_interval,
    mean_interval,
)
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap, percent
from coordconv_lab.studies.pictures import FAULTS
from coordconv_lab.studies.rows import SPLITS, row

_RIGHT, _SWAPPED, _RADIUS, _OFF_CENTRE = (name for name, _, _ in FAULTS)
_RIGHT_AND_FAULTY = ((_RIGHT, _SWAPPED), (_RADIUS, _OFF_CENTRE))


@claim(
    "hand-built",
    "No training is needed at all: a few weights, set by formula, solve the task",
    'Piekniewski, "Autopsy of a deep learning paper", 2018, for regression',
    "tests/models/test_theorems.py::test_hand_built_nets_are_right_at_every_position",
)
def hand_built(evidence: Evidence) -> Finding:
    """All three tasks, on three canvases, at every position."""
    runs = [run for arm in evidence.arms("hand-built").values() for run in arm]
    exact = solved(runs)
    return Finding(
        graded(exact, len(runs)),
        len(runs),
        "share of nets that are exact at every position",
        exact / len(runs),
        None,
        f"at most {max(run.parameters for run in runs)} weights; classification and rendering are "
        "our extension",
    )


@claim(
    "downsampling-hurts",
    "With strides of 2, coordinates do not solve the held-out quadrant",
    "a public reproduction (pfrendl/coord_conv)",
)
def downsampling_hurts(evidence: Evidence) -> Finding:
    """The paper's strided net with coordinates at its first layer, where it fits its training."""
    runs = _fitted(evidence.runs("downsampling", "quadrant, with coordinates"))
    without = _fitted(evidence.runs("downsampling", "quadrant, without"))
    if min(len(runs), len(without)) < 2:
        raise NotYet("downsampling: fewer than two nets of a kind come within 2 px in training")
    failed = sum(run.test_score < 1 for run in runs)
    nearer = [run.scores["test"]["mean_distance"] for run in runs]
    plain = [run.scores["test"]["mean_distance"] for run in without]
    return Finding(
        graded(failed, len(runs)),
        len(runs) + len(without),
        "mean test distance in pixels, without coordinates minus with them",
        fmean(plain) - fmean(nearer),
        difference_interval(plain, nearer),
        f"with coordinates at most {percent(max(run.test_score for run in runs))} of the held-out "
        f"points, without {percent(max(run.test_score for run in without))}; nets that come within "
        "2 px in training",
    )


def _fitted(runs: list[Record]) -> list[Record]:
    return [run for run in runs if run.scores["train"]["mean_distance"] < 2]


@claim(
    "padding-tells-position",
    "Zero padding alone lets a convolutional net learn where things are",
    "Islam, Jia and Bruce 2020 (arXiv:2001.08248); Kayhan and van Gemert 2020 (arXiv:2003.07064)",
)
def padding_tells_position(evidence: Evidence) -> Finding:
    """A net without coordinates whose kernels reach a border from everywhere, by padding."""
    arms = evidence.arms("padding")
    distances = {
        arm: [run.scores["test"]["mean_distance"] for run in runs] for arm, runs in arms.items()
    }
    blind, seeing = distances["circular"], distances["same"]
    better = sum(distance < 0.5 * fmean(blind) for distance in seeing)
    listed = "; ".join(f"{arm}: {fmean(values):.2f}" for arm, values in distances.items())
    return Finding(
        graded(better, len(seeing)),
        len(blind) + len(seeing),
        "mean test distance in pixels, circular minus zero padding",
        fmean(blind) - fmean(seeing),
        difference_interval(blind, seeing),
        f"canvas 32 x 32, kernels of 15; mean distance by padding: {listed}; circular padding can "
        "tell nothing: see circular-padding-is-blind",
    )


@claim(
    "faulty-grids-harm",
    "The published faults of the grid (swapped divisors, off-centre radius) harm the task",
    "a natural fear, after the tutorial's postscript",
)
def faulty_grids_harm(evidence: Evidence) -> Finding:
    """Test accuracy of the faulty grids against the right one, on 40 x 88."""
    arms = evidence.arms("faulty-grids", at_least=3)
    scores = {arm: [run.test_score for run in runs] for arm, runs in arms.items()}
    pairs = {
        f"{task}, {fault}": (scores[f"{task}, {right}"], scores[f"{task}, {fault}"])
        for task in ("classification", "regression")
        for right, fault in _RIGHT_AND_FAULTY
    }
    harmful = sum(clearly_greater(right, faulty) for right, faulty in pairs.values())
    worst = max(pairs, key=lambda name: fmean(pairs[name][0]) - fmean(pairs[name][1]))
    right, faulty = pairs[worst]
    listed = "; ".join(f"{arm}: {percent(fmean(values))}" for arm, values in scores.items())
    return Finding(
        graded(harmful, len(pairs)),
        len(right) + len(faulty),
        f"mean test accuracy, right minus faulty grid where it differs most, {worst}",
        fmean(right) - fmean(faulty),
        difference_interval(right, faulty),
        f"quadrant split, 40 x 88; mean test accuracy by {listed}",
    )


@claim(
    "radius-not-needed",
    "Classification needs x and y alone; the radius adds nothing",
    "paper: its toy tasks leave the radius out",
)
def radius_not_needed(evidence: Evidence) -> Finding:
    """Our recipe with a radius channel, beside itself without."""
    having = [run for arm in evidence.arms("radius", at_least=3).values() for run in arm]
    lacking: list[Record] = []
    for split in SPLITS:
        lacking += evidence.runs(
            "many-seeds", row("classification", split, "coordconv"), at_least=3
        )
    gains = [run.test_score for run in having], [run.test_score for run in lacking]
    return Finding(
        "not reproduced" if clearly_greater(*gains) else "reproduced",
        len(having) + len(lacking),
        "mean test accuracy, with the radius minus without",
        fmean(gains[0]) - fmean(gains[1]),
        difference_interval(*gains),
        f"perfect: {solved(having)} of {len(having)} with the radius, {solved(lacking)} of "
        f"{len(lacking)} without; at the ceiling a small gain would not show",
    )


@claim(
    "broadcast-generalises",
    "A decoder with coordinates reconstructs where a deconv decoder fails: in regions held out of "
    "training",
    "Watters et al. 2019 (arXiv:1901.07017)",
)
def broadcast_generalises(evidence: Evidence) -> Finding:
    """Two encoders by two decoders, as autoencoders of squares with a held-out quadrant."""
    arms = evidence.arms("broadcast")
    scores = {arm: [run.test_score for run in runs] for arm, runs in arms.items()}
    works = better = 0
    for encoder in ("conv", "coordconv"):
        ours = scores[f"{encoder} encoder, broadcast decoder"]
        theirs = scores[f"{encoder} encoder, deconv decoder"]
        works += fmean(ours) >= 0.9 and fmean(theirs) <= 0.5
        better += clearly_greater(ours, theirs)
    broadcast = [s for arm, values in scores.items() if "broadcast" in arm for s in values]
    deconv = [s for arm, values in scores.items() if "deconv" in arm for s in values]
    listed = "; ".join(f"{arm}: {overlap(fmean(values))}" for arm, values in scores.items())
    return Finding(
        "reproduced" if works == 2 else "partly" if better else "not reproduced",
        len(broadcast) + len(deconv),
        "mean test IoU, broadcast minus deconv decoder",
        fmean(broadcast) - fmean(deconv),
        difference_interval(broadcast, deconv),
        f"clearly better with {better} of 2 encoders, 0.9 against at most 0.5 with {works}; "
        f"mean IoU on the held-out quadrant by {listed}",
    )


@claim(
    "quadrant-is-fragile",
    "CoordConv on the quadrant split fails now and then, depending on the seed",
    "public reproductions (titu1994/keras-coordconv issue 9, piyush2896/CoordConv-Implementation)",
)
def quadrant_is_fragile(evidence: Evidence) -> Finding:
    """Seeds of the tutorial's recipe that do not solve the quadrant split."""
    runs = [
        run
        for task in ("classification", "regression")
        for run in evidence.runs("tutorial", f"{task}, quadrant, coordconv", at_least=3)
    ]
    failed = len(runs) - solved(runs)
    scores = [run.test_score for run in runs]
    return Finding(
        "reproduced" if failed else "not reproduced",
        len(runs),
        "share of seeds of the tutorial's recipe that fail",
        failed / len(runs),
        fraction_interval(failed, len(runs)),
        f"test accuracy {percent(min(scores))} to {percent(max(scores))}; our recipe: see "
        "tuned-solves-classification",
    )


@claim(
    "conv-regression-uniform-works",
    "The conv net with max-pools and linear layers regresses well on the uniform split",
    "a review of the paper; the tutorial has 47.7% of coordinates",
)
def conv_regression_uniform_works(evidence: Evidence) -> Finding:
    """Its mean test distance, at its best settings."""
    runs = evidence.runs("many-seeds", "regression, uniform, conv", at_least=2)
    distances = [run.scores["test"]["mean_distance"] for run in runs]
    near = sum(distance < 1 for distance in distances)
    scores = [run.test_score for run in runs]
    return Finding(
        graded(near, len(runs)),
        len(runs),
        "mean test distance in pixels",
        fmean(distances),
        mean_interval(distances),
        f"within a pixel on average, yet {percent(min(scores))} to {percent(max(scores))} of the "
        "points are exact"
        if near
        else "",
    )
