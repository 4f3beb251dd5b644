"""Checks of what a task returns, because a task may come from a plug-in.

A score of another shape would be broadcast, and would mix training with held-out examples. A record
with an impossible score or name could not be read again.
"""

import re
from collections.abc import Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.objective import Objective
from coordconv_lab.registry.descriptors import SCORE_NAME, Task, checked_name
from coordconv_lab.results.record import UNIT_NAME


def checked_scores(task: Objective, scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Return the scores of a batch after checking that there is one number per example.

    Args:
        task: The task that computed the scores.
        scores: The scores by name.
        count: Number of examples in the batch.

    Raises:
        InputError: A score is not a tensor of shape (count,).
    """
    what = f"{type(task).__name__}.score must return"
    if not isinstance(scores, Mapping):
        raise InputError(f"{what} a dictionary from names to tensors, got {in_short(scores)}")
    for name, values in scores.items():
        if not isinstance(values, Tensor):
            raise InputError(
                f"{what} a tensor of shape (B,) for {in_short(name)}, one number per example; got "
                f"{in_short(values)}"
            )
        if values.shape != (count,):
            raise InputError(
                f"{what} a tensor of shape (B,) for {in_short(name)}, one number per example; got "
                f"shape {tuple(values.shape)} for a batch of {count}; do not average over examples"
            )
        if values.is_complex():
            raise InputError(f"{what} real numbers for {in_short(name)}; got {values.dtype}")
    return dict(scores)


def checked_summary(task: Objective, scores: dict[str, Tensor]) -> dict[str, float]:
    """Reduce the scores of examples to scores for the record, and check that these are numbers.

    Args:
        task: The task, which reduces the scores.
        scores: The scores of the examples by name, (N,).

    Raises:
        InputError: The task does not return a dictionary of numbers.
    """
    found = task.summarise(scores)
    what = f"{type(task).__name__}.summarise must return"
    if not isinstance(found, Mapping):
        raise InputError(f"{what} a dictionary from names to numbers, got {in_short(found)}")
    for name, value in found.items():
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number and not _is_real_scalar(value):
            raise InputError(f"{what} a number for {in_short(name)}, got {in_short(value)}")
    return {name: float(value) for name, value in found.items()}


def _is_real_scalar(value: object) -> bool:
    """Whether a value is a tensor with one number, which is neither complex nor a boolean."""
    return (
        isinstance(value, Tensor)
        and value.numel() == 1
        and not value.is_complex()
        and value.dtype != torch.bool
    )


def checked_predictions(task: Objective, predictions: Tensor, count: int) -> Tensor:
    """Return the predictions of a batch after checking that there is one per example.

    Raises:
        InputError: The predictions are not a tensor of shape (count, ...).
    """
    if not isinstance(predictions, Tensor) or predictions.shape[:1] != (count,):
        got = tuple(predictions.shape) if isinstance(predictions, Tensor) else type(predictions)
        raise InputError(
            f"{type(task).__name__}.read must return a tensor of shape (B, ...), one prediction "
            f"per example; got {got} for a batch of {count}"
        )
    return predictions


def check_same_kind(
    task: Objective, before: Mapping[str, Tensor], results: Mapping[str, Tensor]
) -> None:
    """Check that the scores and predictions of a batch can be joined to those of earlier batches.

    A score that only some batches have would leave the other examples without a value.

    Args:
        task: The task that computed the results.
        before: The results of earlier batches by name; "" is the name of the predictions.
        results: The results of the batch.

    Raises:
        InputError: The names, the dtypes or the shapes of single results differ.
    """
    what = f"{type(task).__name__} must return the same scores for every batch"
    if before.keys() != results.keys():
        raise InputError(
            f"{what}; got {in_short(sorted(before.keys() ^ results.keys()))} only for some batches;"
            " return NaN for examples without a score"
        )
    for name, values in results.items():
        one = f"the score {name!r}" if name else "the predictions"
        kinds = [(found.dtype, tuple(found.shape[1:])) for found in (before[name], values)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{what}, with the same dtype and shape; got {kinds[0]} and {kinds[1]} for {one}"
            )


def check_order(order: Tensor, count: int) -> None:
    """Check that the order of an epoch is a permutation of the training examples.

    Raises:
        InputError: It is not.
    """
    expected = "Objective.order must return a permutation of the training examples, integers"
    if not isinstance(order, Tensor) or order.shape != (count,):
        got = tuple(order.shape) if isinstance(order, Tensor) else type(order).__name__
        raise InputError(f"{expected} of shape ({count},); got {got}")
    if order.dtype == torch.bool or not torch.equal(
        order.cpu().sort().values.long(), torch.arange(count)
    ):
        raise InputError(
            f"{expected} from 0 to {count - 1}, each exactly once; got {in_short(order.tolist())}"
        )


def check_names(task: Task, scores: Mapping[str, float]) -> None:
    """Check that a task returns the scores that it declares, with names that can be recorded.

    Raises:
        InputError: A required score is missing, or a name is not allowed.
    """
    for name in scores:
        checked_name(name, f"a score of the task {task.name}", SCORE_NAME)
    missing = [one.name for one in task.scores if one.required and one.name not in scores]
    if missing:
        raise InputError(
            f"the task {task.name} declares the score {missing[0]!r}, but its objective returns "
            f"only {', '.join(map(repr, scores)) or 'no scores'}"
        )


def units_of(task: Objective, examples: Tensor) -> Tensor | None:
    """Return the index of the unit of each example, (N,), on the CPU; None if there are no units.

    Raises:
        InputError: A unit has a name that is not allowed, or the indices are not valid.
    """
    if not task.units:
        return None
    if not isinstance(task.units, Sequence):
        raise InputError(f"{type(task).__name__}.units must be a tuple, got {in_short(task.units)}")
    for name in task.units:
        if not isinstance(name, str) or not re.fullmatch(UNIT_NAME, name):
            raise InputError(
                f"the name of a unit must match {UNIT_NAME}; {type(task).__name__}.units contains "
                f"{in_short(name)}"
            )
    if len(set(task.units)) < len(task.units):
        raise InputError(f"{type(task).__name__}.units contains a name twice: {task.units}")
    found = task.unit(examples)
    what = f"{type(task).__name__}.unit must return an index in `units` for each example"
    if not isinstance(found, Tensor) or found.shape != (len(examples),):
        shape = tuple(found.shape) if isinstance(found, Tensor) else in_short(found)
        raise InputError(f"{what}, shape ({len(examples)},); got {shape}")
    if found.is_floating_point() or found.dtype == torch.bool or found.is_complex():
        raise InputError(f"{what}, as integers; got {found.dtype}")
    found = found.cpu()
    low, high = int(found.min()), int(found.max())
    if low < 0 or high >= len(task.units):
        raise InputError(
            f"{what}, from 0 to {len(task.units) - 1}; got indices from {low} to {high}"
        )
    return found


def checked_loss(task: Objective, loss: Tensor) -> Tensor:
    """Return the loss of a batch after checking that it is a tensor of real numbers.

    Raises:
        InputError: It is not.
    """
    if not isinstance(loss, Tensor) or loss.is_complex():
        got = loss.dtype if isinstance(loss, Tensor) else in_short(loss)
        raise InputError(
            f"{type(task).__name__}.loss must return one real number, as a tensor; got {got}; to "
            "minimize several losses, return their sum"
        )
    return loss


def check_losses(losses: Tensor, networks: int) -> None:
    """Check that each network has one loss, and that training can lower it.

    Raises:
        InputError: A loss is not a scalar, or does not depend on a trained parameter.
    """
    if losses.shape != (networks,):
        raise InputError(
            "the loss of a task must be a scalar, a mean over the examples of the batch; got shape "
            f'{tuple(losses.shape[1:])}; use for example reduction="mean"'
        )
    if not losses.requires_grad:
        raise InputError(
            "the loss of the task does not depend on any parameter of the network, so there is "
            "nothing to train; set training.epochs to 0 for a network without parameters"
        )
