"""Everything that training needs, created once from the specs of the runs."""

from collections.abc import Sequence

import torch
from torch import nn

from coordconv_lab.errors import DivergenceError
from coordconv_lab.examples import training_examples
from coordconv_lab.parts import data_of, network_of, objective_of
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.batches import batches_of
from coordconv_lab.train.divergence import diverged
from coordconv_lab.train.ensemble import Ensemble
from coordconv_lab.train.evaluate import Evaluator
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.optimizer import Optimizer
from coordconv_lab.train.processes import Processes


class Setup:
    """All objects for training one network, or several networks of the same architecture.

    Args:
        specs: The runs, which may differ only in seed, initial weights and optimizer settings.
        hardware: Hardware for the runs.
        processes: The processes that train together; by default, those of ``hardware``.

    Attributes:
        training: The settings of training that all runs share.
        seed: Seed of dropout and noise, which is the seed of the first run.
        data: The data set, on the device of the networks.
        objective: The loss and the scores.
        nets: One network per spec, equal in all processes.
        batches: One sequence of batches per spec.
        steps_per_epoch: Steps per pass over the training set.
        steps: Total number of steps, unless training stops early.
        losses_of: Returns the losses (E,) of the networks for examples (E, B, ...).
        optimizer: The optimizer of all networks.
        evaluator: Scores a network.

    Raises:
        FailingRunError: The canvas is too small for the network.
        InputError: The network cannot be trained with several processes.
    """

    def __init__(
        self,
        specs: Sequence[ExperimentSpec],
        hardware: Hardware,
        processes: Processes | None = None,
    ) -> None:
        self.specs, self.hardware = specs, hardware
        first = specs[0]
        self.processes = processes or hardware.launched()
        self.training, self.seed = first.training, first.seed
        self.data = data_of(first, self.processes.device)
        self.objective = objective_of(first, self.data)
        self.nets = [_fresh_net(spec) for spec in specs]
        examples = training_examples(self.data)
        self.batches = [batches_of(spec, examples, self.objective.order) for spec in specs]
        self.steps_per_epoch = len(self.batches[0])
        self.steps = self.steps_per_epoch * self.training.epochs
        ensemble = Ensemble(self.nets, self.objective)
        trainings = [spec.training for spec in specs]
        self.optimizer = Optimizer(ensemble.members, trainings, self.steps)
        self.losses_of = self.processes.setup(hardware.compile(ensemble), self.training.precision)
        self.evaluator = Evaluator(first, self.data, self.objective, hardware)
        self.evaluator.check(self.nets[0])

    def diverged(self, member: int, what: str, step: int) -> DivergenceError:
        """Create the error of a diverged network; see `divergence.diverged`."""
        return diverged(self.specs[member], what, step, self.steps_per_epoch, len(self.specs))


def _fresh_net(spec: ExperimentSpec) -> nn.Module:
    torch.manual_seed(spec.seed)
    return network_of(spec)
