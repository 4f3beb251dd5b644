"""Networks of one shape that are trained together."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from coordconv_lab.errors import InputError
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import Task


class Learner(nn.Module):
    """A network and its task, as a module whose output is the loss."""

    def __init__(self, net: nn.Module, task: Task) -> None:
        super().__init__()
        self.net, self.task = net, task

    def forward(self, points: Tensor) -> Tensor:
        """Return the loss of a batch of points, (B, 2)."""
        return self.task.loss(self.net, points)


class Ensemble(nn.Module):
    """Networks of one shape, each with its own batch, computed together.

    Args:
        nets: The networks. They keep their parameters and buffers, which training updates.
        task: The task to learn.
    """

    def __init__(self, nets: Sequence[nn.Module], task: Task) -> None:
        super().__init__()
        self.members = nn.ModuleList(Learner(net, task) for net in nets)
        # In a list, so that it is not registered as a submodule: only its structure is used.
        self._template = [copy.deepcopy(self.members[0]).to("meta")]

    def forward(self, points: Tensor) -> Tensor:
        """Return the losses (E,) of the networks for points (E, B, 2), one batch each."""
        if len(self.members) == 1:
            return self.members[0](points[0])[None]
        parameters = _stack([dict(member.named_parameters()) for member in self.members])
        buffers = _stack([dict(member.named_buffers()) for member in self.members])
        losses = vmap(self._loss, randomness="error")(parameters, buffers, points)
        with torch.no_grad():
            for index, member in enumerate(self.members):
                for name, buffer in member.named_buffers():
                    buffer.copy_(buffers[name][index])
        return losses

    def _loss(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], points: Tensor
    ) -> Tensor:
        return functional_call(self._template[0], (parameters, buffers), (points,))


def _stack(members: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([member[name] for member in members]) for name in members[0]}


MAY_DIFFER = ("learning_rate", "betas", "weight_decay", "schedule", "warmup")
"""Training settings in which the networks of an ensemble may differ."""


def check_ensemble(specs: Sequence[ExperimentSpec]) -> None:
    """Check that runs can be trained together.

    Raises:
        InputError: The specs differ in more than seed, initial weights and optimizer settings,
            two are equal, or they stop early.
    """
    if len({spec.id for spec in specs}) < len(specs):
        raise InputError("the networks of an ensemble must differ; one spec was given twice")
    if len(specs) > 1 and any(spec.training.early_stop_epochs is not None for spec in specs):
        raise InputError("an ensemble cannot stop early; unset early_stop_epochs")
    wanted = _settings(specs[0])
    for spec in specs[1:]:
        found = _settings(spec)
        for name in wanted | found:
            if wanted.get(name) != found.get(name):
                raise InputError(
                    f"the networks of an ensemble must have the same {name}, got "
                    f"{wanted.get(name)!r} and {found.get(name)!r}; they may differ in seed, "
                    f"model.initialisation and, of training, {', '.join(MAY_DIFFER)}"
                )


def _settings(spec: ExperimentSpec) -> dict[str, object]:
    """Return the settings that an ensemble must share, by path."""
    parts = spec.model_dump(
        include={"data": True, "model": True, "training": True},
        exclude={"model": {"initialisation"}, "training": set(MAY_DIFFER)},
    )
    inner = {f"{part}.{name}": v for part, fields in parts.items() for name, v in fields.items()}
    return {"task": spec.task, **inner}
