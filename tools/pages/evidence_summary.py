"""The ten lines at the top of docs/evidence.md, and the verdicts on which each line is based.

The lines are written by hand. `lines` raises an error if a verdict has changed since.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from coordconv_lab.claims import Entry, Verdict
from coordconv_lab.claims.claim import Kind


class Line(NamedTuple):
    """A line about some claims of one source.

    Attributes:
        title: The source and the group of verdicts.
        kind: The source.
        text: What the claims say and what was found.
        ids: The ids of the claims by verdict, separated by spaces.
    """

    title: str
    kind: Kind
    text: str
    ids: Mapping[Verdict, str]


_LINES = (
    Line(
        "The tutorial, held",
        "tutorial",
        "Without coordinates, a point tiled over the canvas cannot be classified. The published "
        "layer is wrong on non-square canvases. A regressor learns only if it ends with max "
        "pooling. The conv network's scores for regression on the quadrant split are in the range "
        "of our reruns.",
        {
            "reproduced": "tiling-fails non-square-bug max-pool-is-necessary "
            "table-regression-quadrant-conv"
        },
    ),
    Line(
        "The tutorial, held in part or not",
        "tutorial",
        "Its perfect scores for CoordConv in regression are reached on some seeds of its recipe "
        "and not on others. With average pooling, every linear network predicts a constant, but "
        "with a "
        "quadrant held out this constant is not [31.5, 31.5]. The conv network's scores for "
        "regression on the uniform split are outside the range of our reruns. The deconv renderer "
        "still improves on the held-out quadrant between 300 and 600 epochs. With a learning rate "
        "of 1e-2, all regressors learn within ten epochs and most then lose it, but few end at the "
        "mean. "
        "Networks without coordinates fail on the held-out quadrant, but not all of them memorize "
        "the others. Good settings are easier to find with coordinates if options that hurt the "
        "baselines are included in the search.",
        {
            "partly": "table-regression-uniform-coordconv "
            "table-regression-quadrant-coordconv average-pool-collapses long-training-collapses "
            "conv-overfits-quadrant easier-to-tune",
            "not reproduced": "table-regression-uniform-conv deconv-more-training-does-not-help",
        },
    ),
    Line(
        "The tutorial, open",
        "tutorial",
        "With its own split and batches, no seed reaches its perfect scores for CoordConv in "
        "classification, but there are too few seeds to refute them. Its other scores of baselines "
        "vary too much between seeds to be confirmed or refuted. "
        "Whether a learning rate of 1e-4 keeps the regressor at the mean, and whether a better "
        "schedule gives cleaner boxes, needs more runs.",
        {
            "undecided": "table-classification-uniform-coordconv "
            "table-classification-quadrant-coordconv table-classification-uniform-deconv "
            "table-classification-quadrant-deconv "
            "low-rate-stuck rendering-can-be-perfect"
        },
    ),
    Line(
        "The paper, held",
        "paper",
        "With our recipe, CoordConv classifies every position correctly on both splits. The layer "
        "has the stated number of weights, and it can compute everything that a convolution can.",
        {"reproduced": "classifies-perfectly layer-parameters layer-subsumes-conv"},
    ),
    Line(
        "The paper, held in part or not",
        "paper",
        "Deconv networks with a decaying learning rate exceed the paper's limits for the uniform "
        "split of classification and for both splits of rendering; on the held-out "
        "quadrant of classification, some are correct at a few points. The smallest good deconv "
        "network has less than 10 times the parameters of CoordConv. Coordinates did not improve "
        "the boxes of our region-proposal network. A convolution is equivariant only away from the "
        "border.",
        {
            "partly": "fewer-parameters conv-is-equivariant",
            "not reproduced": "deconv-uniform-limit deconv-quadrant-fails deconv-rendering-limit "
            "detector-iou-24-percent",
        },
    ),
    Line(
        "The paper, open",
        "paper",
        "CoordConv trains faster than deconv in the pairs of runs that can be compared, but these "
        "pairs are too few to judge the factor of 150.",
        {"undecided": "faster-to-train"},
    ),
    Line(
        "Others, held",
        "others",
        "Weights set by a formula solve all three tasks. Zero padding tells a network where it is. "
        "The conv network learns regression on the uniform split.",
        {"reproduced": "hand-built padding-tells-position conv-regression-uniform-works"},
    ),
    Line(
        "Others, held in part, did not hold, or open",
        "others",
        "Only some of the published faults of the coordinates reduce the accuracy. A broadcast "
        "decoder is better than a deconv decoder in the held-out quadrant, but reconstructs no "
        "image there. It is open whether strides prevent a network from solving the quadrant, and "
        "whether the quadrant split fails on more seeds than the uniform split.",
        {
            "partly": "faulty-grids-harm",
            "not reproduced": "broadcast-generalizes",
            "undecided": "downsampling-hurts quadrant-is-fragile",
        },
    ),
    Line(
        "This project, held",
        "ours",
        "Our recipe solves classification and regression and draws sharp squares on every seed "
        "that we ran at 64 x 64, and a choice on validation positions would keep its settings. "
        "Networks with coordinates need fewer training positions. "
        "Coordinates help if the answer depends on an absolute position, and make no difference or "
        "hurt if it does not: [where coordinates help](where-it-helps.md).",
        {
            "reproduced": "tiling-is-blind average-is-blind circular-padding-is-blind "
            "linear-regressor-can-be-exact first-listing-crashes tuned-solves-classification "
            "tuned-stays-solved-classification tuned-solves-regression "
            "tuned-stays-solved-regression tuned-renders radius-keeps-classification-solved "
            "coordinates-need-fewer-examples weight-decay-artifact "
            "deconv-rows-need-a-decaying-rate absolute-boxes-need-position digits-need-no-position "
            "coordinates-hurt-at-unseen-places millimeters-tell-sides "
            "mirroring-keeps-carried-coordinates stale-coordinates-hurt latitude-tells-temperature "
            "latitude-transfers a-crop-needs-its-place more-coordinates-transfer-worse "
            "latitude-tells-climate-zones latitude-names-new-climates "
            "time-of-day-tells-later-activity a-window-needs-its-time stillness-needs-no-time "
            "stillness-needs-no-place a-crop-of-a-head-needs-its-place "
            "millimeters-tell-sides-of-moved-heads tissue-needs-no-position "
            "tissue-needs-no-place-in-the-crop tissue-of-moved-heads "
            "validation-keeps-our-settings"
        },
    ),
    Line(
        "This project, held in part, did not hold, or open",
        "ours",
        "On other canvases, our recipe misses on some seeds, and some of its settings can be "
        "replaced without a loss. A decaying learning rate does not make the "
        "tutorial's CoordConv classifier reliable. Coordinates did not improve boxes relative to "
        "anchors or the region of a brain patch, although we expected it. The comparison of "
        "latitude with the position on a sphere differs between a study and its replication. It is "
        "open what causes the misses of the tutorial's regressor, whether transformers solve the "
        "quadrant, where a strided network needs its coordinates, and how much a seam in longitude "
        "hurts.",
        {
            "partly": "tuned-holds-on-other-canvases every-setting-is-needed",
            "not reproduced": "coordconv-rows-need-a-decaying-rate digit-boxes-improve "
            "millimeters-tell-regions more-coordinates-fit-better",
            "undecided": "other-architectures-fail-the-quadrant "
            "later-coordinates-help-strided-networks regression-rows-end-too-early "
            "a-patch-needs-its-place a-tile-needs-its-place longitude-misnames-new-climates "
            "the-seam-hurts the-sphere-has-no-seam millimeters-tell-sides-of-a-symmetric-head",
        },
    ),
)


def lines(entries: Sequence[Entry]) -> list[str]:
    """Return the lines, if they are about all claims and their verdicts.

    Raises:
        ValueError: A verdict differs from the one on which a line is based, or a claim is missing.
    """
    found = {(entry.claim.id, entry.claim.kind, entry.finding.verdict) for entry in entries}
    said = {
        (id, line.kind, verdict)
        for line in _LINES
        for verdict, ids in line.ids.items()
        for id in ids.split()
    }
    if odd := sorted(f"{id} ({verdict})" for id, _, verdict in found ^ said):
        raise ValueError(
            "the lines of evidence_summary.py differ from the verdicts; change the text and the "
            f"ids of these claims: {', '.join(odd)}"
        )
    return [f"- **{line.title}.** {line.text}" for line in _LINES]
