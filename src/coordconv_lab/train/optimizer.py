"""The optimizer of one net or of several, each with the settings of its own spec."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.schedule import rate_factor


def optimizer_of(
    members: Iterable[nn.Module], specs: Sequence[ExperimentSpec]
) -> torch.optim.Optimizer:
    """Make one optimizer whose groups know the net that they belong to, as `member`."""
    kind = torch.optim.Adam if specs[0].training.optimizer == "adam" else torch.optim.AdamW
    groups = [
        group
        for index, (member, spec) in enumerate(zip(members, specs, strict=True))
        for group in _groups(index, member, spec)
    ]
    return kind(groups, fused=True)


def _groups(index: int, member: nn.Module, spec: ExperimentSpec) -> Iterator[dict[str, Any]]:
    """The parameters that decay, and those that do not, where there are some of either."""
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
    """Go on with the moments of an earlier sitting; the settings stay those of the specs.

    Raises:
        ValueError: They are not of these parameters.
    """
    settings = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["state"], "param_groups": settings})
    for parameter, moments in optimizer.state.items():
        shapes = dict.fromkeys(("exp_avg", "exp_avg_sq"), parameter.shape) | {"step": ()}
        if {name: getattr(value, "shape", None) for name, value in moments.items()} != shapes:
            raise ValueError("its moments do not have the shapes of their parameters")


def set_rates(
    optimizer: torch.optim.Optimizer, specs: Sequence[ExperimentSpec], step: int, steps: int
) -> None:
    """Set the rate of the next step, and the weight decay where the rate scales it."""
    for group in optimizer.param_groups:
        training = specs[group["member"]].training
        group["lr"] = training.learning_rate * rate_factor(training, step, steps)
        if training.optimizer == "adamw_unscaled":
            # torch multiplies the decay by the rate, which is undone here.
            group["weight_decay"] = group["decay"] / group["lr"]
