"""Measure how much the metric of a trained model changes when its coordinates are changed."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from coordconv.conversion.examples import call_arguments
from coordconv.conversion.report import Rows, as_table
from coordconv.conversion.sizes import evaluating
from coordconv.model_positions import positions
from coordconv.usage import changes
from coordconv.usage.intervals import mean_interval
from coordconv.usage.layer_positions import (
    Change,
    changed_positions,
    coordinate_layers,
    uncompiled,
)

__all__ = ["Ablation", "Usage", "coordinate_usage"]

Metric = Callable[[Any, Any], Tensor]
MEAN_POSITION = "mean position everywhere"


class Ablation(NamedTuple):
    """The metric of a model after one change of its coordinates.

    Attributes:
        change: What was changed, such as "zero".
        layer: Name of the changed layer; None if all layers were changed together.
        score: Mean of the metric over the samples.
        difference: ``score`` minus the mean of the metric of the unchanged model.
        interval: 95% confidence interval of ``difference``, from the difference for each sample;
            None for fewer than five samples.
    """

    change: str
    layer: str | None
    score: float
    difference: float
    interval: tuple[float, float] | None

    @property
    def is_different(self) -> bool:
        """Whether the interval excludes a difference of zero."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


class Usage(Rows[Ablation]):
    """How much a metric changes when coordinates are changed; prints as a table.

    Args:
        rows: One `Ablation` for each change of the coordinates.
        score: Mean of the metric of the unchanged model.
        samples: Number of samples.
        norms: Norm of the coordinate weights of each layer that has them. The norm does not show
            whether coordinates are used, because a network can ignore large weights and depend on
            small ones.
        min_difference: Smallest difference of the metric that is large enough to matter.
    """

    def __init__(
        self,
        rows: Sequence[Ablation],
        score: float,
        samples: int,
        norms: Mapping[str, float],
        min_difference: float = 0.0,
    ) -> None:
        super().__init__(rows)
        self.score = score
        self.samples = samples
        self.norms: dict[str, float] = dict(norms)
        self.min_difference = min_difference

    @property
    def uses_positions(self) -> bool | None:
        """Whether the metric changes if every pixel of all layers gets the mean position.

        True if the interval of the difference is entirely above ``min_difference`` or entirely
        below ``-min_difference``. False if the interval is entirely between these two limits. With
        a ``min_difference`` of 0, False if the interval includes 0. None in all other cases, and
        for fewer than five samples.
        """
        interval = next(
            row.interval for row in self if row.change == MEAN_POSITION and row.layer is None
        )
        if interval is None:
            return None
        (low, high), least = interval, self.min_difference
        if low > least or high < -least:
            return True
        return None if least and (low < -least or high > least) else False

    def __str__(self) -> str:
        header = ("coordinates", "layers", "metric", "difference", "95% interval")
        rows = [("unchanged", "", f"{self.score:.4g}", "", "")]
        for row in self:
            ends = "" if row.interval is None else "{:+.3g} to {:+.3g}".format(*row.interval)
            layer = "all" if row.layer is None else row.layer or "(the model itself)"
            rows.append((row.change, layer, f"{row.score:.4g}", f"{row.difference:+.3g}", ends))
        more = f" by more than {self.min_difference:g}" if self.min_difference else ""
        verdict = {
            True: f"the metric depends on the positions{more}",
            False: f"the metric was not found to depend on the positions{more}",
            None: "too few to tell whether the metric depends on the positions",
        }[self.uses_positions]
        return "\n".join([*as_table(header, rows), f"{self.samples} samples: {verdict}"])


def coordinate_usage(
    model: nn.Module,
    data: Iterable[Sequence[Any]],
    metric: Metric,
    *,
    min_difference: float = 0.0,
    shifts: Sequence[float] = (0.1, 0.25),
    per_layer: bool = True,
    seed: int = 0,
) -> Usage:
    """Measure whether a trained model uses its coordinates, by changing them at test time.

    The model is evaluated on the same samples with its coordinates unchanged, set to zero, replaced
    by their mean, mirrored or shifted along each axis, and shuffled between pixels. If each sample
    of the first batch has its own position, the coordinates are also exchanged between samples.

    Replacing the coordinates by their mean over the full image removes all information about
    position, but keeps the mean of what the coordinates add to the outputs. `Usage.uses_positions`
    is based on this change.

    Args:
        model: Any module with coordinate layers. It is called in evaluation mode, without
            gradients, and is not changed.
        data: Batches (inputs, targets) or (inputs, targets, placement). The inputs are a tensor, a
            list or tuple of arguments, or a mapping of keyword arguments. ``placement`` says where
            the inputs are in the full image, as in `positions`. Each batch is read once.
        metric: Called as ``metric(outputs, targets)``. It must return one number per sample, as a
            tensor of shape (N,).
        min_difference: Smallest difference of the metric that is large enough to matter for
            `Usage.uses_positions`. With many samples, an interval can exclude zero even if the
            difference is too small to matter.
        shifts: Fractions of the size of the full image by which the positions are shifted.
        per_layer: Whether to also replace the coordinates of one layer at a time by their mean.
        seed: Random seed for shuffling pixels.

    Returns:
        A sequence with an `Ablation` for each change; ``print`` shows it as a table.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``, or if ``metric`` does not return a tensor
            of real numbers.
        ValueError: If the model has no coordinate layer or does not call one of its coordinate
            layers, if ``data`` is empty, if ``min_difference`` is negative, if ``shifts`` is not a
            sequence of finite numbers, or if ``metric`` does not return one finite number per
            sample. Also if the model passes explicit coordinates to a layer, because these cannot
            be shifted; ``shifts=()`` avoids this error.

    Example:
        >>> from coordconv import CoordConv2d
        >>> _ = torch.manual_seed(0)
        >>> model = CoordConv2d(1, 1, 1)
        >>> with torch.no_grad():
        ...     _ = model.coord_weight.copy_(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
        >>> images = torch.randn(8, 1, 4, 6)
        >>> targets = model(images).detach()
        >>> error = lambda outputs, targets: (outputs - targets).square().mean((1, 2, 3))
        >>> usage = coordinate_usage(model, [(images, targets)], error, shifts=(0.5,))
        >>> usage.uses_positions
        True
        >>> print(usage)
        coordinates                  layers  metric  difference  95% interval
        unchanged                            0
        zero                         all     0.4667  +0.467      +0.467 to +0.467
        mean position everywhere     all     0.4667  +0.467      +0.467 to +0.467
        mirrored along axis 0        all     0       +0          +0 to +0
        mirrored along axis 1        all     1.867   +1.87       +1.87 to +1.87
        shifted by 50% along axis 0  all     0       +0          +0 to +0
        shifted by 50% along axis 1  all     1.44    +1.44       +1.44 to +1.44
        shuffled between pixels      all     0.9067  +0.907      +0.907 to +0.907
        8 samples: the metric depends on the positions
    """
    if not min_difference >= 0:
        raise ValueError(f"`min_difference` must be at least 0, got {min_difference}")
    shifts = _checked_shifts(shifts)
    layers = coordinate_layers(model)
    tried = None
    scores: dict[tuple[str, str | None], list[float]] = {}
    with evaluating(model), torch.no_grad(), uncompiled():
        for batch in data:
            _check_batch(batch)
            if tried is None:
                tried = _tried(model, layers, batch, shifts, per_layer and len(layers) > 1, seed)
            intact = _scores(model, {}, changes.removed, batch, metric, "unchanged")
            scores.setdefault(("unchanged", None), []).extend(intact)
            for (name, layer), (chosen, change) in tried.items():
                found = _scores(model, chosen, change, batch, metric, name)
                if len(found) != len(intact):
                    raise ValueError(
                        f"`metric` returned {len(intact)} numbers for a batch, and {len(found)} "
                        f"for the same batch with coordinates {name}"
                    )
                scores.setdefault((name, layer), []).extend(found)
    if not scores.get(("unchanged", None)):
        raise ValueError("`data` has no samples; pass an iterable of (inputs, targets)")
    intact = scores.pop(("unchanged", None))
    rows = [_row(name, layer, found, intact) for (name, layer), found in scores.items()]
    norms = {
        name: float(weight.detach().norm())
        for layer, name in layers.items()
        if isinstance(weight := getattr(layer, "coord_weight", None), Tensor)
    }
    return Usage(rows, fmean(intact), len(intact), norms, min_difference)


def _checked_shifts(shifts: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(shifts)
        are_finite = all(map(math.isfinite, numbers))
    except TypeError:
        numbers, are_finite = (), False
    if not are_finite:
        raise ValueError(f"`shifts` must be a sequence of finite numbers, got {shifts!r}")
    return numbers


def _tried(
    model: nn.Module,
    layers: dict[nn.Module, str],
    batch: Sequence[Any],
    shifts: Sequence[float],
    per_layer: bool,
    seed: int,
) -> dict[tuple[str, str | None], tuple[dict[nn.Module, str], Change]]:
    """Return the changes to try: which layers to change, and how to change their positions.

    Each key has the name of the change, and the name of the changed layer or None for all layers.
    """
    ranks, per_sample = set[int](), set[bool]()

    def note(seen: Any) -> dict[str, Any]:
        ranks.add(seen.rank)
        # A single sample cannot exchange its position.
        per_sample.add(seen.grid.dim() == seen.rank + 2 and len(seen.grid) > 1)
        return {"window": seen.window, "coordinates": seen.coordinates}

    called = _called(model, batch, layers, note)[1]
    missed = [repr(name) for layer, name in layers.items() if layer not in called]
    if missed:
        raise ValueError(
            f"the model does not call {', '.join(missed)}, so the coordinates there cannot be "
            "changed; pass data for which the model calls all coordinate layers as modules"
        )
    together: dict[str, Change] = {"zero": changes.removed, MEAN_POSITION: changes.averaged}
    for axis in range(min(ranks)):
        together[f"mirrored along axis {axis}"] = changes.mirrored(axis)
    for fraction, axis in itertools.product(shifts, range(min(ranks))):
        together[f"shifted by {100 * fraction:.12g}% along axis {axis}"] = changes.shifted(
            axis, fraction
        )
    together["shuffled between pixels"] = changes.shuffled(seed)
    if True in per_sample:
        together["of another sample"] = changes.of_another_sample
    tried: dict[tuple[str, str | None], tuple[dict[nn.Module, str], Change]]
    tried = {(name, None): (layers, change) for name, change in together.items()}
    if per_layer:
        for layer, name in layers.items():
            tried[MEAN_POSITION, name] = ({layer: name}, changes.averaged)
    return tried


def _scores(
    model: nn.Module,
    layers: dict[nn.Module, str],
    change: Change,
    batch: Sequence[Any],
    metric: Metric,
    name: str,
) -> list[float]:
    # The metric may change the targets in place, too.
    targets = _pytree.tree_map_only(Tensor, torch.clone, batch[1])
    scores = metric(_called(model, batch, layers, change)[0], targets)
    if not isinstance(scores, Tensor):
        raise TypeError(
            f"`metric` must return a tensor with one number per sample, got {type(scores).__name__}"
        )
    if scores.is_complex():
        raise TypeError(f"`metric` must return real numbers, got {scores.dtype}")
    if scores.dim() != 1:
        raise ValueError(
            "`metric` must return one number per sample, shape (N,), got shape "
            f"{tuple(scores.shape)}; do not average over the batch"
        )
    if isinstance(batch[1], Tensor) and batch[1].dim() and len(scores) != len(batch[1]):
        raise ValueError(
            f"`metric` returned {len(scores)} numbers for {len(batch[1])} samples; return one "
            "number per sample"
        )
    if not scores.isfinite().all():
        raise ValueError(f"`metric` returned a number that is not finite, with coordinates {name}")
    return scores.double().tolist()


def _called(
    model: nn.Module, batch: Sequence[Any], layers: dict[nn.Module, str], change: Change
) -> tuple[Any, set[nn.Module]]:
    """Return the outputs for a batch with changed layers, and which of these layers were called."""
    args, kwargs = call_arguments(tuple(batch[0]) if isinstance(batch[0], list) else batch[0])
    # The model may change its inputs in place, but each change gets the same batch.
    args, kwargs = _pytree.tree_map_only(Tensor, torch.clone, (args, kwargs))
    with ExitStack() as stack:
        if len(batch) == 3:  # Set the placement first, because the hooks below read it.
            stack.enter_context(positions(model, batch[2]))
        called = stack.enter_context(changed_positions(layers, change))
        return model(*args, **kwargs), called


def _check_batch(batch: Any) -> None:
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise ValueError(
            "each batch of `data` must be (inputs, targets) or (inputs, targets, placement), got "
            f"{type(batch).__name__}"
        )


def _row(name: str, layer: str | None, scores: list[float], intact: list[float]) -> Ablation:
    differences = [after - before for after, before in zip(scores, intact, strict=True)]
    return Ablation(name, layer, fmean(scores), fmean(differences), mean_interval(differences))
