"""Divergence of training: detection of NaN and infinity, and the error message."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from coordconv_lab.errors import DivergenceError
from coordconv_lab.specs import ExperimentSpec, TrainingSpec

# Adam's state of every weight; an infinite second moment would freeze the weight.
_MOMENTS = ("exp_avg", "exp_avg_sq")

_REMEDIES = {
    "learning_rate": "a smaller learning_rate",
    "warmup": "more warmup",
    "weight_decay": "less weight_decay",
    "point_loss": "less point_loss",
    "precision": "precision float32",
}
_ALWAYS_NAMED = ("learning_rate", "warmup")


def numbers_of(net: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the weights and buffers of a network, and the moments of the optimizer, by name."""
    numbers = {f"the tensor {name}": tensor for name, tensor in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        state = optimizer.state.get(parameter, {})
        numbers |= {f"the optimizer's {m} of {name}": state[m] for m in _MOMENTS if m in state}
    return numbers


def first_not_finite(numbers: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with NaN or infinity; synchronizes the device once."""
    if not numbers:
        return None
    finite = torch.stack([tensor.isfinite().all() for tensor in numbers.values()]).tolist()
    return next((name for name, good in zip(numbers, finite, strict=True) if not good), None)


def diverged(
    spec: ExperimentSpec, what: str, step: int, steps_per_epoch: int, members: int = 1
) -> DivergenceError:
    """Create the error of a diverged run: what happened when, and which settings may be the cause.

    Args:
        spec: Spec of the run.
        what: What happened, as the beginning of a sentence.
        step: Number of steps done.
        steps_per_epoch: Steps per pass over the training set.
        members: Number of networks trained together; the run is named if there are several.
    """
    named = {
        name: value
        for name in _REMEDIES
        if (value := getattr(spec.training, name)) != _harmless(name) or name in _ALWAYS_NAMED
    }
    epoch = (step - 1) // steps_per_epoch + 1
    which = f" in {spec.run_name}, one of {members} trained together," if members > 1 else ""
    settings = ", ".join(f"{name} {value}" for name, value in named.items())
    return DivergenceError(
        f"{what} at step {step} (epoch {epoch} of {spec.training.epochs}){which} with {settings}; "
        f"try {', or '.join(_REMEDIES[name] for name in named)}"
    )


def _harmless(name: str) -> object:
    return TrainingSpec.model_fields[name].default
