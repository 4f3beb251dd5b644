"""Train several networks of the same architecture together, with one call of ``torch.vmap``."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from coordconv_lab.errors import InputError
from coordconv_lab.objective import Objective
from coordconv_lab.train.returned import checked_loss


class Learner(nn.Module):
    """A network and its task, as a module whose output is the loss."""

    def __init__(self, net: nn.Module, task: Objective) -> None:
        super().__init__()
        self.net, self.task = net, task

    def forward(self, examples: Tensor) -> Tensor:
        """Return the loss of a batch of examples, (B, ...)."""
        return checked_loss(self.task, self.task.loss(self.net, examples))


class Ensemble(nn.Module):
    """Networks of the same architecture that are computed together, each on its own batch.

    Args:
        nets: The networks. They keep their parameters and buffers, which training updates.
        task: The task.
    """

    def __init__(self, nets: Sequence[nn.Module], task: Objective) -> None:
        super().__init__()
        self.members = nn.ModuleList(Learner(net, task) for net in nets)
        if len(nets) > 1:
            # A list hides the template from torch, so that it is not registered as a submodule.
            self._template = [Learner(copy.deepcopy(nets[0]).to("meta"), task)]

    def forward(self, examples: Tensor) -> Tensor:
        """Return the loss of each network for its own batch: (E,) for examples (E, B, ...)."""
        if len(self.members) == 1:
            return self.members[0](examples[0])[None]
        parameters = _stack([dict(member.named_parameters()) for member in self.members])
        buffers = _stack([dict(member.named_buffers()) for member in self.members])
        losses = vmap(self._loss, randomness="error")(parameters, buffers, examples)
        with torch.no_grad():
            for index, member in enumerate(self.members):
                for name, buffer in member.named_buffers():
                    buffer.copy_(buffers[name][index])
        return losses

    def _loss(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], examples: Tensor
    ) -> Tensor:
        return functional_call(self._template[0], (parameters, buffers), (examples,))


def _stack(members: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([member[name] for member in members]) for name in members[0]}


@contextmanager
def explained() -> Iterator[None]:
    """Convert errors of ``torch.vmap`` in the block to an explanation.

    Raises:
        InputError: ``torch.vmap`` does not support an operation of the network or the loss.
    """
    try:
        yield
    except RuntimeError as error:
        said = " ".join(str(error).split())
        if "vmap" not in said:
            raise
        reason = (
            "the network or its loss draws random numbers in training, as dropout does"
            if "random" in said
            else f"torch.vmap does not support the network or its loss ({said[:200]})"
        )
        raise InputError(
            f"the networks of an ensemble are computed together, but {reason}; train them one by "
            "one, without --ensemble"
        ) from error
