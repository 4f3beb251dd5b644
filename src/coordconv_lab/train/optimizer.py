"""The optimizer of one or several networks, each with the settings of its own spec."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.schedule import rate_factor


def optimizer_of(
    members: Iterable[nn.Module], specs: Sequence[ExperimentSpec]
) -> torch.optim.Optimizer:
    """Create one optimizer; `member` of each parameter group is the index of its network."""
    kind = torch.optim.Adam if specs[0].training.optimizer == "adam" else torch.optim.AdamW
    groups = [
        group
        for index, (member, spec) in enumerate(zip(members, specs, strict=True))
        for group in _groups(index, member, spec)
    ]
    return kind(groups, fused=True)


def _groups(index: int, member: nn.Module, spec: ExperimentSpec) -> Iterator[dict[str, Any]]:
    """Yield the parameter groups with and without weight decay, unless empty."""
    training = spec.training
    parameters = list(member.parameters())
    decays = [training.decay_biases or parameter.dim() > 1 for parameter in parameters]
    for wanted, decay in ((True, training.weight_decay), (False, 0.0)):
        chosen = [p for p, decayed in zip(parameters, decays, strict=True) if decayed == wanted]
        if chosen:
            yield {
                "params": chosen,
                "lr": training.learning_rate,
                "betas": training.betas,
                "weight_decay": decay,
                "member": index,
                "decay": decay,
            }


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Restore the moments from a checkpoint, but keep the settings of the specs.

    Raises:
        ValueError: The moments do not match the parameters.
    """
    settings = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["state"], "param_groups": settings})
    for parameter, moments in optimizer.state.items():
        shapes = dict.fromkeys(("exp_avg", "exp_avg_sq"), parameter.shape) | {"step": ()}
        if {name: getattr(value, "shape", None) for name, value in moments.items()} != shapes:
            raise ValueError("the moments do not have the shapes of their parameters")


def set_rates(
    optimizer: torch.optim.Optimizer, specs: Sequence[ExperimentSpec], step: int, steps: int
) -> None:
    """Set the learning rate of the next step, and compensate the weight decay if necessary."""
    for group in optimizer.param_groups:
        training = specs[group["member"]].training
        group["lr"] = training.learning_rate * rate_factor(training, step, steps)
        if training.optimizer == "adamw_unscaled":
            # Undo that torch multiplies the weight decay by the learning rate.
            group["weight_decay"] = group["decay"] / group["lr"]
