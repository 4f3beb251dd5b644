"""The optimizer of one or several networks, each with its own settings."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW

from coordconv_lab.errors import InputError
from coordconv_lab.specs import TrainingSpec

# Schedules end at this fraction of the learning rate. If they ended at zero, the last steps would
# not change the weights.
LAST_FRACTION = 1e-3

# The names under which optimizers store their averages of gradients (moments). They are checked
# for infinity, because an infinite second moment of Adam would freeze its weight.
ADAM_MOMENTS = ("exp_avg", "exp_avg_sq")
SGD_MOMENTS = ("momentum_buffer",)

KINDS: dict[str, type[Adam] | type[AdamW] | type[SGD]] = {
    "adam": Adam,
    "adamw": AdamW,
    "adamw_unscaled": AdamW,
    "sgd": SGD,
}


class Optimizer:
    """Adam, AdamW or SGD for one or several networks, each with its own learning-rate schedule.

    Args:
        members: The networks.
        trainings: The settings of each network.
        steps: Total number of steps, on which the schedules depend.

    Raises:
        InputError: The networks have no parameters.
    """

    def __init__(
        self, members: Iterable[nn.Module], trainings: Sequence[TrainingSpec], steps: int
    ) -> None:
        self._trainings, self._steps = trainings, steps
        kind = KINDS[trainings[0].optimizer]
        self._is_sgd = kind is SGD
        self._moments = SGD_MOMENTS if self._is_sgd else ADAM_MOMENTS
        groups = [
            group
            for index, (member, training) in enumerate(zip(members, trainings, strict=True))
            for group in _groups(index, member, training)
        ]
        if not any(group["params"] for group in groups):
            raise InputError(
                "the network has no parameters, so there is nothing to train; expected a module "
                "with at least one nn.Parameter"
            )
        self._optimizer = kind(groups, fused=True)

    def step(self, step: int) -> None:
        """Update the weights with their gradients, and clear the gradients.

        Args:
            step: Number of completed steps, which determines the learning rates.
        """
        for group in self._optimizer.param_groups:
            training = self._trainings[group["member"]]
            group["lr"] = training.learning_rate * rate_factor(training, step, self._steps)
            if training.optimizer == "adamw_unscaled":
                # Divide by the learning rate, because torch multiplies weight decay by it.
                group["weight_decay"] = group["decay"] / group["lr"]
        self._optimizer.step()
        self._optimizer.zero_grad()

    @property
    def rates(self) -> list[float]:
        """The learning rate of each network in the last step."""
        rates = {group["member"]: group["lr"] for group in self._optimizer.param_groups}
        return [rates[member] for member in range(len(self._trainings))]

    def moments(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """Return the averages of a parameter's gradients, by name; empty before the first step."""
        state = self._optimizer.state.get(parameter, {})
        return {name: state[name] for name in self._moments if name in state}

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return self._optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the moments from a checkpoint, but keep the settings.

        Raises:
            ValueError: The moments do not match the parameters.
        """
        settings = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state["state"], "param_groups": settings})
        for parameter, moments in self._optimizer.state.items():
            shapes = dict.fromkeys(self._moments, parameter.shape)
            shapes |= {} if self._is_sgd else {"step": ()}
            if {name: getattr(value, "shape", None) for name, value in moments.items()} != shapes:
                raise ValueError("the moments do not have the shapes of their parameters")


def _groups(index: int, member: nn.Module, training: TrainingSpec) -> Iterator[dict[str, Any]]:
    """Yield the parameter groups with and without weight decay, omitting empty groups."""
    parameters = list(member.parameters())
    decays = [training.decay_biases or parameter.dim() > 1 for parameter in parameters]
    for wanted, decay in ((True, training.weight_decay), (False, 0.0)):
        chosen = [p for p, decayed in zip(parameters, decays, strict=True) if decayed == wanted]
        if chosen:
            yield {
                "params": chosen,
                "lr": training.learning_rate,
                **_averaging(training),
                "weight_decay": decay,
                "member": index,
                "decay": decay,
            }


def _averaging(training: TrainingSpec) -> dict[str, Any]:
    """Return the arguments of the optimizer that set how gradients are averaged."""
    if training.optimizer == "sgd":
        return {"momentum": training.momentum}
    return {"betas": training.betas}


def rate_factor(training: TrainingSpec, step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step: linear warm-up, then the schedule."""
    done = step / steps
    if done < training.warmup:
        return done / training.warmup + LAST_FRACTION
    left = (1 - done) / (1 - training.warmup)
    match training.schedule:
        case "constant":
            return 1.0
        case "linear":
            return left + LAST_FRACTION
        case "steps":
            return 0.1 ** (5 * step // steps)
        case "cosine":
            return 0.5 * (1 - math.cos(math.pi * left)) + LAST_FRACTION
