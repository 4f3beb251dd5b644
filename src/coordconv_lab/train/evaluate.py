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
        batches = points.split(EVALUATION_BATCH)
        predictions = torch.cat([task.predict(net, batch) for batch in batches])
    finally:
        net.train(was_training)
    scores = task.score(predictions, points)
    return Evaluation(predictions, scores, task.summarise(scores))
