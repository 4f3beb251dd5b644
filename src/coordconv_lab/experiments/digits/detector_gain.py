"""The claim about the paper's gain of 24% in IoU. Its rule was fixed before the runs."""

from collections.abc import Sequence
from statistics import fmean

from coordconv_lab.claims.claim import CLAIMS, Finding, Verdict, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.statistics import FEW, PairedMean, paired_mean
from coordconv_lab.experiments.digits.optimizers import MODELS, OPTIMIZERS
from coordconv_lab.results.record import Record

PUBLISHED = 0.24
"""The paper's relative gain in IoU on test images."""

_DIFFERS = (
    "unlike the paper: the region-proposal network only, 8 and 16 channels, strides instead of "
    "pooling, 4 epochs of 1,500 canvases, IoU of the positive anchors, no SGD"
)


def relative_gains(plain: Sequence[Record], told: Sequence[Record]) -> list[float]:
    """Return the relative gain in test mean IoU from coordinates, for each common seed."""
    base = {run.spec.seed: run.scores["test"]["mean_iou"] for run in plain}
    return [
        run.scores["test"]["mean_iou"] / base[run.spec.seed] - 1
        for run in told
        if run.spec.seed in base
    ]


def verdict_of(intervals: Sequence[tuple[float, float] | None]) -> Verdict:
    """Judge the published gain by the interval of the relative gain for each optimizer.

    The verdict is "reproduced" if, for most optimizers, the interval is above zero and contains the
    published gain. It is "not reproduced" if, for every optimizer, the interval is below the
    published gain. Otherwise, it is "undecided". With fewer than five seeds, there is no interval,
    and the verdict is also "undecided".

    Example:
        >>> verdict_of([(0.1, 0.3), (0.2, 0.4), (0.0, 0.1)]), verdict_of([(-0.1, 0.1)])
        ('reproduced', 'not reproduced')
    """
    if not intervals or None in intervals:
        return "undecided"
    known = [one for one in intervals if one is not None]
    held = [0 < low <= PUBLISHED <= high for low, high in known]
    if 2 * sum(held) > len(known):
        return "reproduced"
    return "not reproduced" if all(high < PUBLISHED for _, high in known) else "undecided"


def _interval(mean: PairedMean | None, seeds: int) -> tuple[float, float] | None:
    return None if mean is None or seeds < FEW else mean.interval


def _in_words(name: str, gains: Sequence[float], sides: Sequence[Sequence[Record]]) -> str:
    """Format the gain with an optimizer, and the mean IoU without and with coordinates."""
    interval = _interval(paired_mean([gains]), len(gains))
    shown = "" if interval is None else f" ({interval[0]:+.2%} to {interval[1]:+.2%})"
    means = [
        f"{fmean(run.scores['test']['mean_iou'] for run in runs):.4f} {word} (n = {len(runs)})"
        for runs, word in zip(sides, ("without", "with"), strict=True)
    ]
    return f"{name} {fmean(gains):+.2%}{shown}, {', '.join(means)}"


@claim(
    "detector-iou-24-percent",
    "Coordinates improve the IoU of the region-proposal network of a Faster R-CNN on scattered "
    "digits by 24%, relative to the IoU without coordinates",
    "paper, abstract and section Object detection",
    "paper",
)
def detector_gain(evidence: Evidence) -> Finding:
    """Judge the gain with each optimizer. The mean over optimizers is reported, but not judged."""
    gains: dict[str, list[float]] = {}
    words: list[str] = []
    for name in OPTIMIZERS:
        sides = [evidence.runs("digits-optimizers", f"{name}, {model}") for model in MODELS]
        gains[name] = relative_gains(*sides)
        if not gains[name]:
            raise NotYet(f"digits-optimizers, {name}: the two sides have no seed in common")
        words.append(_in_words(name, gains[name], sides))
    found = paired_mean(list(gains.values()))
    every = [one for values in gains.values() for one in values]
    return Finding(
        verdict_of([_interval(paired_mean([one]), len(one)) for one in gains.values()]),
        min(len(one) for one in gains.values()),
        "relative gain in mean IoU with coordinates, averaged over seeds and "
        f"{len(gains)} optimizers (boxes relative to anchors)",
        fmean(every) if found is None else found.effect,
        None if found is None else found.interval,
        "; ".join([*words, _DIFFERS]),
    )


DETECTOR_GAIN = CLAIMS["detector-iou-24-percent"]
