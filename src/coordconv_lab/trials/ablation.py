"""Score a trained network with changed coordinates, and measure how much worse the scores are."""

import math
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, NamedTuple

from torch import nn

from coordconv.usage import changes
from coordconv.usage.intervals import mean_interval
from coordconv.usage.layer_positions import (
    Change,
    LayerPositions,
    changed_positions,
    coordinate_layers,
)
from coordconv_lab.trials.store import Finished

__all__ = ["MEAN_POSITION", "ChangedScore", "changed_scores", "losses_of"]

MEAN_POSITION = "mean position everywhere"


class ChangedScore(NamedTuple):
    """An arm scored with changed coordinates.

    Attributes:
        change: Name of the change of the coordinates, such as "zero".
        score: Mean score over the seeds.
        loss: How much worse a run scores with this change than with true coordinates, averaged over
            the seeds.
        interval: 95% confidence interval of ``loss``, not corrected for the number of changes; None
            for fewer than five seeds.
    """

    change: str
    score: float
    loss: float
    interval: tuple[float, float] | None


def changed_scores(
    model: nn.Module, score: Callable[[nn.Module], float], *, is_full: bool = True
) -> dict[str, float]:
    """Score a network with changed coordinates.

    Args:
        model: The trained network.
        score: Returns the score of the network.
        is_full: Whether to also score with zero, mirrored and shuffled coordinates, and not only
            with the mean position at every pixel.

    Returns:
        The scores that are finite, by the name of the change. Empty if ``score`` does not call
        every coordinate layer as a module, because coordinates can only be changed when a layer is
        called.
    """
    try:
        layers = coordinate_layers(model)
    except (TypeError, ValueError):  # train may return another type of model, or remove the layers
        return {}
    ranks: set[int] = set()

    def averaged(seen: LayerPositions) -> dict[str, Any]:
        ranks.add(seen.rank)
        return changes.averaged(seen)

    with changed_positions(layers, averaged) as called:
        found = {MEAN_POSITION: score(model)}
    if called != set(layers):
        return {}
    if is_full:
        others: dict[str, Change] = {"zero": changes.removed}
        others |= {
            f"mirrored along axis {axis}": changes.mirrored(axis) for axis in range(min(ranks))
        }
        others["shuffled between pixels"] = changes.shuffled(0)
        for name, change in others.items():
            with changed_positions(layers, change):
                found[name] = score(model)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def losses_of(runs: Mapping[int, Finished], sign: int) -> list[ChangedScore]:
    """Return how much worse the scores of an arm become with each change.

    Args:
        runs: The runs of the arm, by seed.
        sign: 1 if larger scores are better, else -1.
    """
    names = dict.fromkeys(name for run in runs.values() for name in run.changed or {})
    found = []
    for name in names:
        pairs = [
            (run.score, run.changed[name])
            for run in runs.values()
            if run.score is not None and run.changed and name in run.changed
        ]
        losses = [sign * (score - changed) for score, changed in pairs]
        if losses:
            mean = fmean(changed for _, changed in pairs)
            found.append(ChangedScore(name, mean, fmean(losses), mean_interval(losses)))
    return found
