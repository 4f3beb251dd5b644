"""Nets that learn their task: batches of points go in, losses come out."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from coordconv_lab.errors import InputError
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import Task


class Learner(nn.Module):
    """One net and its task, as a module whose forward pass is the loss."""

    def __init__(self, net: nn.Module, task: Task) -> None:
        super().__init__()
        self.net, self.task = net, task

    def forward(self, points: Tensor) -> Tensor:
        """The loss of one batch of points, (B, 2)."""
        return self.task.loss(self.net, points)


class Ensemble(nn.Module):
    """Nets of one shape, each with a batch of its own, computed together.

    Args:
        nets: They keep their own parameters and buffers, which training changes.
        task: What they learn.
    """

    def __init__(self, nets: Sequence[nn.Module], task: Task) -> None:
        super().__init__()
        self.members = nn.ModuleList(Learner(net, task) for net in nets)
        # Held in a list, so that it is no submodule: it only lends its structure.
        self._template = [copy.deepcopy(self.members[0]).to("meta")]

    def forward(self, points: Tensor) -> Tensor:
        """The loss of every net's own batch: points (E, B, 2) to losses (E,)."""
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
"""The settings of training in which the nets of an ensemble may differ."""


def check_ensemble(specs: Sequence[ExperimentSpec]) -> None:
    """Refuse nets that cannot be trained as one.

    Raises:
        InputError: They differ in more than seed, initial weights and optimizer settings, one
            stands twice among them, or they stop early.
    """
    if len({spec.id for spec in specs}) < len(specs):
        raise InputError("the nets of an ensemble must differ; one spec was given twice")
    if len(specs) > 1 and any(spec.training.early_stop_epochs is not None for spec in specs):
        raise InputError("the nets of an ensemble take the same steps; unset early_stop_epochs")
    wanted = _settings(specs[0])
    for spec in specs[1:]:
        found = _settings(spec)
        for name in wanted | found:
            if wanted.get(name) != found.get(name):
                raise InputError(
                    f"the nets of an ensemble must share {name}, got {wanted.get(name)!r} and "
                    f"{found.get(name)!r}; they may differ in seed, model.initialisation and, of "
                    f"training, {', '.join(MAY_DIFFER)}"
                )


def _settings(spec: ExperimentSpec) -> dict[str, object]:
    """What all nets of an ensemble must share, by path."""
    parts = spec.model_dump(
        include={"data": True, "model": True, "training": True},
        exclude={"model": {"initialisation"}, "training": set(MAY_DIFFER)},
    )
    inner = {f"{part}.{name}": v for part, fields in parts.items() for name, v in fields.items()}
    return {"task": spec.task, **inner}
