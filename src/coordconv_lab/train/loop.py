"""The training loop and its state.

A step does not synchronize with the device: losses stay there until their values are needed.
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


def _ignore_rows(rows: Sequence[Row]) -> None:
    """Ignore the rows."""


class Loop:
    """Training of one network, or of several of one shape.

    Args:
        specs: The runs; they differ only in seed, initial weights and optimizer settings.
        hardware: Hardware for the runs.
        fabric: A launched Fabric; created from ``hardware`` if omitted.

    Attributes:
        nets: One network per spec.
        curves: One learning curve per spec.
        processes: The processes that train together; networks and curves are equal in all.
        data: The data set, on the device of the networks.
        steps: Total number of steps, unless training stops early.
        steps_per_epoch: Steps per pass over the training set.

    Raises:
        InputError: The canvas is too small for the network, or the network cannot be trained with
            several processes.
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
        self._check_canvas()
        self._due = due_steps(self.steps, first.training.curve_points)
        self._perfect_epochs = 0
        self._seconds_before, self._started = 0.0, time.monotonic()

    def _check_canvas(self) -> None:
        """Check before the first step that the network accepts images of this size.

        Raises:
            FailingRunError: The canvas is too small.
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
                f"width {data.canvas[1]} ({said}); use a larger canvas"
            ) from error

    @property
    def step(self) -> int:
        """Number of steps done."""
        return self.losses.step

    @property
    def seconds(self) -> float:
        """Wall time of training so far, including the time before it was resumed."""
        return self._seconds_before + time.monotonic() - self._started

    def run(self, measured: Callable[[Sequence[Row]], None] = _ignore_rows) -> Iterator[int]:
        """Do the remaining steps, and yield the number of steps done after each.

        Args:
            measured: Called with the new rows of the curves.

        Raises:
            DivergenceError: As in `check`, within the next steps, at the next row or at the end.
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
        """Check losses and weights for NaN and infinity; synchronizes with the device.

        Raises:
            DivergenceError: A loss, a weight or a moment of the optimizer is NaN or infinite.
        """
        self.losses.settle()
        for member, wrong in enumerate(self._not_finite()):
            if wrong is not None:
                raise self._diverged(member, f"{wrong} contains NaN or infinity", self.step)

    @property
    def is_finite(self) -> bool:
        """Whether all weights and moments are finite; synchronizes with the device."""
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
        """Score a network at points; ``watch`` is called with its outputs."""
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
        """Return all state that is needed to resume with bitwise identical results.

        Raises:
            DivergenceError: As in `check`; a diverged state is not saved.
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
        """Restore the state of another loop over the same specs.

        Raises:
            Exception: The state does not match; this loop must not be used then.
        """
        self.losses.load_state_dict(state["losses"])
        if not 0 <= self.step <= self.steps:
            raise ValueError(f"expected a step from 0 to {self.steps}, got {self.step}")
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
            raise ValueError(f"expected finite seconds of at least 0, got {self._seconds_before}")


def _fresh_net(spec: ExperimentSpec) -> nn.Module:
    torch.manual_seed(spec.seed)
    return build(spec.model, spec.data.canvas)
