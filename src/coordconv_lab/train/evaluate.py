"""Scores of a network at points, computed in small batches in float32."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coordconv_lab.tasks import Task

# Small: on a CPU, activations that fit in the cache are computed about twice as fast.
EVALUATION_BATCH = 8


class Evaluation(NamedTuple):
    """Scores, and predictions if they are points; images would take too much memory."""

    predictions: Tensor | None
    scores: dict[str, Tensor]
    summary: dict[str, float]


Watch = Callable[[Tensor, Tensor], None]
"""Called with the points and the outputs of the network for every batch."""


@torch.inference_mode()
def evaluate(
    net: nn.Module,
    task: Task,
    points: Tensor,
    batch_size: int = EVALUATION_BATCH,
    watch: Watch | None = None,
) -> Evaluation:
    """Score the predictions of a network at every point; its training mode is restored.

    Args:
        net: The network.
        task: The task it learned.
        points: (N, 2), on the device of the network; at least one.
        batch_size: Points per batch.
        watch: Called with every batch and its outputs.

    Returns:
        Scores (N,) by name, their summary, and the predicted points (N, 2), if the predictions of
        the task are points; all on the CPU.
    """
    if not len(points):
        raise ValueError("expected at least one point to evaluate a network at, got none")
    was_training = net.training
    net.eval()
    try:
        predictions, scores = _answer_and_mark(net, task, points, batch_size, watch)
    finally:
        net.train(was_training)
    return Evaluation(predictions, scores, task.summarise(scores))


def evaluate_as_trained(
    net: nn.Module,
    task: Task,
    points: Tensor,
    batch_size: int,
    watch: Watch | None = None,
    sides: Tensor | None = None,
) -> Evaluation:
    """Score a network as `evaluate` does, but in batches of a fixed random order.

    For networks whose predictions depend on the batch: a few neighboring points in one batch have
    different statistics than the batches of training.

    Args:
        net: The network.
        task: The task it learned.
        points: (N, 2), on the device of the network; at least one.
        batch_size: Points per batch.
        watch: Called with every batch and its outputs.
        sides: (N,), True for training points: no batch mixes training and test points. If None,
            batches are drawn from all points.
    """
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
    groups = [order]
    if sides is not None:
        is_train = sides.cpu()[order]
        groups = [group for group in (order[is_train], order[~is_train]) if len(group)]
    parts = [
        evaluate(net, task, points[group.to(points.device)], batch_size, watch) for group in groups
    ]
    back = torch.cat(groups).argsort()
    scores = {
        name: torch.cat([part.scores[name] for part in parts])[back] for name in parts[0].scores
    }
    predictions = [part.predictions for part in parts if part.predictions is not None]
    return Evaluation(
        torch.cat(predictions)[back] if predictions else None, scores, task.summarise(scores)
    )


def _answer_and_mark(
    net: nn.Module, task: Task, points: Tensor, batch_size: int, watch: Watch | None
) -> tuple[Tensor | None, dict[str, Tensor]]:
    # Preallocate the results: small tensors kept from every batch would fragment the memory of the
    # large activations.
    kept: dict[str, Tensor] = {}
    for start in range(0, len(points), batch_size):
        asked = points[start : start + batch_size]
        outputs = task.ask(net, asked)
        if watch is not None:
            watch(asked, outputs)
        answers = task.read(outputs)
        results = task.score(answers, asked)
        if task.answers_are_points:
            results = {"": answers, **results}
        for name, result in results.items():
            if name not in kept:
                kept[name] = result.new_empty((len(points), *result.shape[1:]))
            kept[name][start : start + batch_size] = result
    on_the_cpu = {name: results.cpu() for name, results in kept.items()}
    return on_the_cpu.pop("", None), on_the_cpu
