"""Training under way: the steps, and all that changes with them.

A step never waits for its device: losses stay there until somebody needs a number.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coordconv_lab.data import NotSoClevr
from coordconv_lab.errors import DivergenceError, FailingRunError
from coordconv_lab.models import build
from coordconv_lab.results import PRIMARY_SCORE
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import task_of
from coordconv_lab.train.batches import batches_of
from coordconv_lab.train.curve import LearningCurve, Row, due_steps, sample
from coordconv_lab.train.divergence import diverged, first_not_finite, numbers_of
from coordconv_lab.train.ensemble import Ensemble
from coordconv_lab.train.evaluate import Evaluation, Watch, evaluate, evaluate_as_trained
from coordconv_lab.train.fabric import Fabric
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.losses import Losses
from coordconv_lab.train.optimizer import load_optimizer, optimizer_of, set_rates
from coordconv_lab.train.processes import Processes


def _nobody(rows: Sequence[Row]) -> None:
    """Nobody wants to know."""


class Loop:
    """One net, or several of one shape, from their first step to their last.

    Args:
        specs: What is trained; they differ in seed, initial weights and optimizer alone.
        hardware: Where.
        fabric: The means, launched; those of the hardware, if not given.

    Attributes:
        nets: One for each spec.
        curves: One for each spec.
        processes: Those that train together; each has nets and curves that are equal.
        data: On the device, as the nets are.
        steps: How many steps there are, unless training stops early.
        steps_per_epoch: How many of them see every training example once.

    Raises:
        InputError: The canvas is too small for the net, or the net is not for several processes.
    """

    def __init__(
        self, specs: Sequence[ExperimentSpec], hardware: Hardware, fabric: Fabric | None = None
    ) -> None:
        first, self.specs, self.hardware = specs[0], specs, hardware
        self._fabric = fabric or hardware.fabric(first.training)
        self.processes = Processes(self._fabric)
        self.data = NotSoClevr(first.data, self._fabric.device)
        self.task = task_of(first)
        self.nets = [_fresh_net(spec) for spec in specs]
        self.processes.check(self.nets[0])
        self.curves = [LearningCurve() for _ in specs]
        self._batches = [batches_of(spec, self.data.train_points) for spec in specs]
        self.steps_per_epoch = len(self._batches[0])
        self.steps = self.steps_per_epoch * first.training.epochs
        self.losses = Losses(len(specs), self._diverged)
        ensemble = Ensemble(self.nets, self.task)
        self._optimizer = optimizer_of(ensemble.members, specs)
        self._losses_of, self._stepper = self._fabric.setup(
            hardware.compile(ensemble), self._optimizer
        )
        self._look_at_one()
        self._due = due_steps(self.steps, first.training.curve_points)
        self._perfect_epochs = 0
        self._seconds_before, self._started = 0.0, time.monotonic()

    def _look_at_one(self) -> None:
        """Find out before the first step whether the net has room on this canvas.

        Raises:
            FailingRunError: It has not.
        """
        data, kind = self.specs[0].data, self.specs[0].model.kind
        try:
            self.evaluate(self.nets[0], self.data.points[:2])
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise FailingRunError(
                f"a model of kind {kind} cannot be used on a canvas of height {data.canvas[0]} and "
                f"width {data.canvas[1]} ({said}); take a larger canvas"
            ) from error

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.losses.step

    @property
    def seconds(self) -> float:
        """Wall time of training so far, over all sittings."""
        return self._seconds_before + time.monotonic() - self._started

    def run(self, measured: Callable[[Sequence[Row]], None] = _nobody) -> Iterator[int]:
        """Take the steps that are left, and yield after each how many are done.

        Args:
            measured: Told of the new rows of the curves.

        Raises:
            DivergenceError: As `check`, within the next steps or at the next row, and at the end.
        """
        self._started = time.monotonic()
        while self.step < self.steps and not self._stops_early():
            for batches in zip(*self._batches, strict=True):
                self._take_step(torch.stack(batches))
                if self.step in self._due:
                    measured(self._write_rows())
                if self.step % self.steps_per_epoch == 0:
                    self._count_perfect_epoch()
                yield self.step
        self.check()

    def check(self) -> None:
        """Look whether losses and weights are still numbers; waits for the device.

        Raises:
            DivergenceError: A loss, a weight or a moment of the optimizer is NaN or infinite.
        """
        self.losses.settle()
        for member, wrong in enumerate(self._not_finite()):
            if wrong is not None:
                raise self._diverged(member, f"{wrong} holds NaN or infinity", self.step)

    @property
    def is_finite(self) -> bool:
        """Whether all weights and moments are numbers; waits for the device."""
        return not any(self._not_finite())

    def _not_finite(self) -> list[str | None]:
        return [first_not_finite(numbers_of(net, self._optimizer)) for net in self.nets]

    def _diverged(self, member: int, what: str, step: int) -> DivergenceError:
        spec, members = self.specs[member], len(self.specs)
        return diverged(spec, what, step, self.steps_per_epoch, members)

    def _take_step(self, points: Tensor) -> None:
        set_rates(self._optimizer, self.specs, self.step, self.steps)
        part, weight = self.processes.part_of(points)
        losses = self._losses_of(part)
        if weight != 1:
            losses = losses * weight
        self._fabric.backward(losses.sum())
        self._stepper.step()
        self._optimizer.zero_grad()
        self.losses.add(self.processes.mean(losses.detach()))

    def evaluate(self, net: nn.Module, points: Tensor, watch: Watch | None = None) -> Evaluation:
        """Score a net at some points, and show its outputs to who watches."""
        first = self.specs[0]
        if first.model.kind == "conv-pooled-regressor" and first.model.statistics != "running":
            sides = (
                self.data.is_training(points)
                if first.model.statistics == "batch_of_a_side"
                else None
            )
            return evaluate_as_trained(
                net, self.task, points, first.training.batch_size, watch, sides
            )
        return evaluate(net, self.task, points, self.hardware.evaluation_batch, watch)

    def _main_score(self, net: nn.Module, points: Tensor) -> float:
        return self.evaluate(net, points).summary[PRIMARY_SCORE[self.specs[0].task]]

    def _write_rows(self) -> list[Row]:
        self.check()
        losses = self.losses.means()
        rates = {group["member"]: group["lr"] for group in self._optimizer.param_groups}
        members = zip(self.curves, self.nets, losses, strict=True)
        for member, (curve, net, loss) in enumerate(members):
            row = {
                "step": self.step,
                "epoch": self.step / self.steps_per_epoch,
                "learning_rate": rates[member],
                "train_loss": loss,
                "train_score": self._main_score(net, sample(self.data.train_points)),
                "test_score": self._main_score(net, sample(self.data.test_points)),
                "seconds": self.seconds,
            }
            curve.add(row)
        return [curve.rows[-1] for curve in self.curves]

    def _count_perfect_epoch(self) -> None:
        if self.specs[0].training.early_stop_epochs is not None:
            perfect = all(self._main_score(net, self.data.points) == 1 for net in self.nets)
            self._perfect_epochs = self._perfect_epochs + 1 if perfect else 0

    def _stops_early(self) -> bool:
        enough = self.specs[0].training.early_stop_epochs
        return enough is not None and self._perfect_epochs >= enough

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed loop needs to end with the same bits.

        Raises:
            DivergenceError: As `check`: what diverged is not saved.
        """
        self.check()
        return {
            "losses": self.losses.state_dict(),
            "nets": [net.state_dict() for net in self.nets],
            "optimizer": self._optimizer.state_dict(),
            "rows": [curve.rows for curve in self.curves],
            "perfect_epochs": self._perfect_epochs,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loop over the same specs was.

        Raises:
            Exception: The state is not of such a loop; this one is of no use then.
        """
        self.losses.load_state_dict(state["losses"])
        if not 0 <= self.step <= self.steps:
            raise ValueError(f"it is at step {self.step} of {self.steps}")
        for net, saved in zip(self.nets, state["nets"], strict=True):
            net.load_state_dict(saved)
        load_optimizer(self._optimizer, state["optimizer"])
        for curve, rows in zip(self.curves, state["rows"], strict=True):
            curve.load_rows(rows)
        for batches in self._batches:
            batches.position = self.step
        self._perfect_epochs = int(state["perfect_epochs"])
        self._seconds_before = float(state["seconds"])
        if not 0 <= self._seconds_before < math.inf:
            raise ValueError(f"it took {self._seconds_before} seconds")


def _fresh_net(spec: ExperimentSpec) -> nn.Module:
    torch.manual_seed(spec.seed)
    return build(spec.model, spec.data.canvas)
