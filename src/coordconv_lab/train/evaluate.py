"""Scores of a network for examples, computed in small batches in float32."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coordconv_lab.errors import FailingRunError, InputError
from coordconv_lab.examples import Data, checked_mask
from coordconv_lab.objective import Objective
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.returned import (
    check_names,
    check_same_kind,
    checked_predictions,
    checked_scores,
    checked_summary,
    units_of,
)

# On a CPU, small batches are about twice as fast, because their activations fit in the cache.
EVALUATION_BATCH = 8


class Evaluation(NamedTuple):
    """Scores and predictions of a network.

    Attributes:
        predictions: The predictions for all examples; None if the task does not keep them, such as
            for images, which would take too much memory.
        scores: The score of each example, by the name of the score.
        summary: The scores over all examples, by name.
    """

    predictions: Tensor | None
    scores: dict[str, Tensor]
    summary: dict[str, float]


Watch = Callable[[Tensor, Tensor], None]
"""Called with the examples and the outputs of the network for every batch."""


class Evaluator:
    """Scores the networks of a run, with a batch size for its network, task and hardware.

    Args:
        spec: The spec of the run.
        data: The data of the run.
        objective: Computes the loss and the scores.
        hardware: Hardware for the run.
    """

    def __init__(
        self, spec: ExperimentSpec, data: Data, objective: Objective, hardware: Hardware
    ) -> None:
        self._spec, self._data, self._objective = spec, data, objective
        self._batch = objective.evaluation_batch or hardware.evaluation_batch
        self._main = registry().task(spec.task).main_score.name

    def __call__(self, net: nn.Module, examples: Tensor, watch: Watch | None = None) -> Evaluation:
        """Score a network on examples, and call ``watch`` with each batch and its outputs."""
        statistics = self._spec.model.batch_statistics
        if statistics == "running":
            return evaluate(net, self._objective, examples, self._batch, watch)
        by_side = statistics == "batch_of_a_side"
        sides = self._data.is_training(examples) if by_side else None
        if sides is not None:
            sides = checked_mask("is_training(examples)", sides, len(examples))
        batch = self._spec.training.batch_size
        return evaluate_as_trained(net, self._objective, examples, batch, watch, sides)

    def main_score(self, net: nn.Module, examples: Tensor) -> float:
        """Return the main score of a network on examples."""
        return self(net, examples).summary[self._main]

    def check_main_scores(self, train: float, test: float) -> None:
        """Check the main scores for training and held-out examples, possibly for a sample of them.

        One of them may be NaN, for example if it needs examples of two classes.

        Raises:
            FailingRunError: A score is not between 0 and 1, or both are NaN.
        """
        known = [score for score in (train, test) if not math.isnan(score)]
        if not known or not all(0 <= score <= 1 for score in known):
            raise FailingRunError(
                f"the score {self._main} must be between 0 and 1, but is {train:g} for training "
                f"examples and {test:g} for held-out examples; correct the task {self._spec.task}"
            )

    def check(self, net: nn.Module) -> None:
        """Check before the first step that a network accepts examples of this size.

        Also check the scores and units that the task returns.

        Raises:
            FailingRunError: The network does not accept the examples; they may be too small.
            InputError: The scores or units cannot be recorded.
        """
        data, kind = self._spec.data, self._spec.model.kind
        try:
            summary = self(net, self._data.examples[:2]).summary
            check_names(registry().task(self._spec.task), summary)
            units_of(self._objective, self._data.examples)
        except (torch.OutOfMemoryError, InputError):
            raise
        except (RuntimeError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise FailingRunError(
                f"a model of kind {kind} cannot be used on {data.in_words} ({said}); {data.remedy}"
            ) from error


@torch.inference_mode()
def evaluate(
    net: nn.Module,
    task: Objective,
    examples: Tensor,
    batch_size: int = EVALUATION_BATCH,
    watch: Watch | None = None,
) -> Evaluation:
    """Score the predictions of a network for every example, and restore its training mode.

    Args:
        net: The network.
        task: The task of the network.
        examples: (N, ...), on the device of the network; at least one.
        batch_size: Examples per batch.
        watch: Called with the examples and the outputs of every batch.

    Returns:
        The scores of the examples, (N,), by name; a summary of the scores; and, if the task keeps
        them, the predictions, (N, ...). All tensors are on the CPU.
    """
    if not len(examples):
        raise ValueError("expected at least one example for an evaluation, got none")
    was_training = net.training
    net.eval()
    try:
        predictions, scores = _answer_and_mark(net, task, examples, batch_size, watch)
    finally:
        net.train(was_training)
    return Evaluation(predictions, scores, checked_summary(task, scores))


def evaluate_as_trained(
    net: nn.Module,
    task: Objective,
    examples: Tensor,
    batch_size: int,
    watch: Watch | None = None,
    sides: Tensor | None = None,
) -> Evaluation:
    """Score a network as `evaluate` does, but in batches of a fixed random order.

    Use this function if the predictions of a network depend on the batch, as with batch
    normalization. A batch of consecutive examples would have other statistics than the random
    batches of training.

    Args:
        net: The network.
        task: The task of the network.
        examples: (N, ...), on the device of the network; at least one.
        batch_size: Examples per batch.
        watch: Called with the examples and the outputs of every batch.
        sides: (N,), True for training and False for test examples. If it is given, no batch
            contains training and test examples. If None, batches are drawn from all examples.
    """
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    groups = [order]
    if sides is not None:
        is_train = sides.cpu()[order]
        groups = [group for group in (order[is_train], order[~is_train]) if len(group)]
    parts = [
        evaluate(net, task, examples[group.to(examples.device)], batch_size, watch)
        for group in groups
    ]
    back = torch.cat(groups).argsort()
    scores = {
        name: torch.cat([part.scores[name] for part in parts])[back] for name in parts[0].scores
    }
    predictions = [part.predictions for part in parts if part.predictions is not None]
    return Evaluation(
        torch.cat(predictions)[back] if predictions else None, scores, checked_summary(task, scores)
    )


def _answer_and_mark(
    net: nn.Module, task: Objective, examples: Tensor, batch_size: int, watch: Watch | None
) -> tuple[Tensor | None, dict[str, Tensor]]:
    # Preallocate the results. Small tensors that are kept from every batch would fragment the
    # memory in which large activations are allocated.
    kept: dict[str, Tensor] = {}
    for start in range(0, len(examples), batch_size):
        asked = examples[start : start + batch_size]
        outputs = task.ask(net, asked)
        if watch is not None:
            watch(asked, outputs)
        answers = task.read(outputs)
        results = checked_scores(task, task.score(answers, asked), len(asked))
        if task.keeps_predictions:
            results = {"": checked_predictions(task, answers, len(asked)), **results}
        if kept:
            check_same_kind(task, kept, results)
        for name, result in results.items():
            if name not in kept:
                kept[name] = result.new_empty((len(examples), *result.shape[1:]))
            kept[name][start : start + batch_size] = result
    on_the_cpu = {name: results.cpu() for name, results in kept.items()}
    return on_the_cpu.pop("", None), on_the_cpu
