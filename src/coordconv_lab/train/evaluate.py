"""Scores of a net over some points: every one of them, a few at a time, in float32."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coordconv_lab.tasks import Task

# Small, because activations that fit in the cache are computed about twice as fast on a CPU.
EVALUATION_BATCH = 8


class Evaluation(NamedTuple):
    """How each answer scored; the answers too where they are points, pictures would fill memory."""

    predictions: Tensor | None
    scores: dict[str, Tensor]
    summary: dict[str, float]


Watch = Callable[[Tensor, Tensor], None]
"""Shown points, and what the net puts out for them, as they are evaluated."""


@torch.inference_mode()
def evaluate(
    net: nn.Module,
    task: Task,
    points: Tensor,
    batch_size: int = EVALUATION_BATCH,
    watch: Watch | None = None,
) -> Evaluation:
    """Ask a net about every point and mark its answers; the net's mode is left as it was.

    Args:
        net: The net.
        task: What it was asked to learn.
        points: (N, 2), on the net's device; at least one.
        batch_size: How many points to ask about at a time.
        watch: Shown every batch and its outputs.

    Returns:
        Scores (N,) by name, their summary, and the predicted points (N, 2), if the task's answers
        are points; all on the CPU.
    """
    if not len(points):
        raise ValueError("there are no points to evaluate a net on")
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
    """Score a net as `evaluate` does, but in batches of a random order, always the same one.

    For nets whose predictions depend on the batch: a few neighbors that are evaluated together
    have other statistics than the batches of training.

    Args:
        net: The net.
        task: What it was asked to learn.
        points: (N, 2), on the net's device; at least one.
        batch_size: How many points to ask about at a time.
        watch: Shown every batch and its outputs.
        sides: (N,), True for training points: no batch mixes training and test points. Without
            it, batches are drawn from all points.
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
    # Results are copied into tensors made beforehand: kept one by one, each would settle in the
    # memory that the large activations of its batch had just left, and the next would need new.
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
