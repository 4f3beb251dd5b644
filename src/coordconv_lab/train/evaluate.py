"""Scores of a net over some points: every one of them, in small batches, in float32."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from coordconv_lab.tasks import Task

# Small, because activations that fit in the cache are computed about twice as fast on a CPU.
EVALUATION_BATCH = 8


class Evaluation(NamedTuple):
    """What a net answered, and how each answer scored."""

    predictions: Tensor
    scores: dict[str, Tensor]
    summary: dict[str, float]


@torch.inference_mode()
def evaluate(net: nn.Module, task: Task, points: Tensor) -> Evaluation:
    """Ask a net about every point and mark its answers; the net's mode is left as it was."""
    was_training = net.training
    net.eval()
    try:
        predictions = _predict(net, task, points)
    finally:
        net.train(was_training)
    scores = task.score(predictions, points)
    return Evaluation(predictions, scores, task.summarise(scores))


def _predict(net: nn.Module, task: Task, points: Tensor) -> Tensor:
    # Answers are copied into one tensor: kept one by one, each would settle in the memory that the
    # large activations of its batch had just left, and those of the next batch would need new.
    predictions: Tensor | None = None
    for start in range(0, len(points), EVALUATION_BATCH):
        answers = task.predict(net, points[start : start + EVALUATION_BATCH])
        if predictions is None:
            predictions = answers.new_empty((len(points), *answers.shape[1:]))
        predictions[start : start + EVALUATION_BATCH] = answers
    if predictions is None:
        raise ValueError("there are no points to evaluate a net on")
    return predictions
