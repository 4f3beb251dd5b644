"""Detect whether training diverged, and create the error message."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from coordconv_lab.errors import DivergenceError
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.optimizer import Optimizer

_ALWAYS_NAMED = ("learning_rate", "warmup")


def numbers_of(net: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return all tensors that training changes, by name.

    These are the weights and buffers of the network, and the moments of the optimizer.
    """
    numbers = {f"the tensor {name}": tensor for name, tensor in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        moments = optimizer.moments(parameter)
        numbers |= {f"the optimizer's {m} of {name}": moments[m] for m in moments}
    return numbers


def first_not_finite(numbers: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with NaN or infinity, or None.

    The check synchronizes with the device once, and not once per tensor.
    """
    if not numbers:
        return None
    finite = torch.stack([tensor.isfinite().all() for tensor in numbers.values()]).tolist()
    return next((name for name, good in zip(numbers, finite, strict=True) if not good), None)


def diverged(
    spec: ExperimentSpec, what: str, step: int, steps_per_epoch: int, members: int = 1
) -> DivergenceError:
    """Create the error of a diverged run: what happened, at which step, and what to change.

    Args:
        spec: Spec of the run.
        what: What happened, as the start of a sentence.
        step: Number of completed steps.
        steps_per_epoch: Steps per pass over the training set.
        members: Number of networks trained together. If there are several, the error names the run.
    """
    training, remedies = spec.training, spec.training.remedies
    fields = type(training).model_fields
    named = {
        name: value
        for name in remedies
        if (value := getattr(training, name)) != fields[name].default or name in _ALWAYS_NAMED
    }
    epoch = (step - 1) // steps_per_epoch + 1
    which = f" in {spec.run_name}, one of {members} trained together," if members > 1 else ""
    settings = ", ".join(f"{name} {value}" for name, value in named.items())
    return DivergenceError(
        f"{what} at step {step} (epoch {epoch} of {spec.training.epochs}){which} with {settings}; "
        f"try {', or '.join(remedies[name] for name in named)}"
    )
