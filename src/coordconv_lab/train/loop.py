"""The training loop and its state.

A step does not synchronize with the device. Losses stay on the device until their values are
needed.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from coordconv_lab.examples import held_out_examples, training_examples
from coordconv_lab.train.curve import LearningCurve, Row, sample
from coordconv_lab.train.divergence import first_not_finite, numbers_of
from coordconv_lab.train.ensemble import explained
from coordconv_lab.train.returned import check_losses
from coordconv_lab.train.setup import Setup

# Fetch losses from the device every 64 steps or earlier, so that a diverged run stops soon.
SETTLE_STEPS = 64


def _ignore_rows(rows: Sequence[Row]) -> None:
    """Ignore the rows."""


class Loop:
    """Training of the networks of a setup.

    Args:
        setup: The networks, with the data, losses and optimizer.

    Attributes:
        curves: One learning curve per network, equal in all processes.
        step: Number of completed steps.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.curves = [LearningCurve() for _ in setup.nets]
        self.step = 0
        self._waiting: list[Tensor] = []
        self._last_losses: Tensor | None = None
        rows = min(setup.training.curve_points, setup.steps)
        self._due = {round(setup.steps * (row + 1) / rows) for row in range(rows)}
        self._perfect_epochs = 0
        self._seconds_before, self._started = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time of training so far, including the time before the run was resumed."""
        return self._seconds_before + time.monotonic() - self._started

    def run(self, measured: Callable[[Sequence[Row]], None] = _ignore_rows) -> Iterator[int]:
        """Execute the remaining steps, and yield the number of completed steps after each step.

        Args:
            measured: Called with the new rows of the curves.

        Raises:
            DivergenceError: As in `check`. The error may be raised some steps after the divergence,
                but at the latest at the next row of the curves or after the last step.
        """
        self._started = time.monotonic()
        while self.step < self.setup.steps and not self._stops_early():
            for batches in zip(*self.setup.batches, strict=True):
                self._take_step(torch.stack(batches))
                if self.step in self._due:
                    measured(self._write_rows())
                if self.step % self.setup.steps_per_epoch == 0:
                    self._count_perfect_epoch()
                yield self.step
        self.check()

    def check(self) -> None:
        """Check losses and weights for NaN and infinity. This synchronizes with the device.

        Raises:
            DivergenceError: A loss, a weight or a moment of the optimizer is NaN or infinite.
        """
        self._settle()
        for member, wrong in enumerate(self._not_finite()):
            if wrong is not None:
                raise self.setup.diverged(member, f"{wrong} contains NaN or infinity", self.step)

    @property
    def is_finite(self) -> bool:
        """Whether all weights and moments are finite. Reading it synchronizes with the device."""
        return not any(self._not_finite())

    def _not_finite(self) -> list[str | None]:
        setup = self.setup
        return [first_not_finite(numbers_of(net, setup.optimizer)) for net in setup.nets]

    def _take_step(self, examples: Tensor) -> None:
        setup, processes = self.setup, self.setup.processes
        # Seed dropout and noise by the step, so that a resumed run has the same random numbers.
        torch.manual_seed(setup.seed * 1_000_003 + self.step)
        part, weight = processes.part_of(examples)
        with explained():
            losses = setup.losses_of(part)
        check_losses(losses, len(setup.nets))
        if weight != 1:
            losses = losses * weight
        processes.backward(losses.sum())
        setup.optimizer.step(self.step)
        self._last_losses = processes.mean(losses.detach())
        self._waiting.append(self._last_losses)
        self.step += 1
        if len(self._waiting) == SETTLE_STEPS:
            self._settle()

    @property
    def settled(self) -> bool:
        """Whether the losses of all steps have been fetched from the device and checked."""
        return not self._waiting

    def last_loss(self) -> float:
        """Return the mean loss of the last step over all networks.

        This synchronizes with the device.
        """
        return float("nan") if self._last_losses is None else self._last_losses.mean().item()

    def _settle(self) -> None:
        """Fetch all pending losses at once, check them, and add them to the learning curves.

        Raises:
            DivergenceError: A loss is NaN or infinite.
        """
        if not self._waiting:
            return
        steps = torch.stack(self._waiting).cpu()
        first = self.step - len(steps) + 1
        self._waiting.clear()
        wrong = (~steps.isfinite()).nonzero()
        if len(wrong):
            row, member = wrong[0].tolist()
            said = f"the loss became {steps[row, member].item()}"
            raise self.setup.diverged(member, said, first + row)
        for curve, losses in zip(self.curves, steps.t().tolist(), strict=True):
            curve.losses += losses

    def _write_rows(self) -> list[Row]:
        self.check()
        setup, data, score = self.setup, self.setup.data, self.setup.evaluator.main_score
        for curve, net, rate in zip(self.curves, setup.nets, setup.optimizer.rates, strict=True):
            row = {
                "step": self.step,
                "epoch": self.step / setup.steps_per_epoch,
                "learning_rate": rate,
                "train_score": score(net, sample(training_examples(data))),
                "test_score": score(net, sample(held_out_examples(data))),
                "seconds": self.seconds,
            }
            curve.add(row)
            setup.evaluator.check_main_scores(row["train_score"], row["test_score"])
        return [curve.rows[-1] for curve in self.curves]

    def _count_perfect_epoch(self) -> None:
        if self.setup.training.early_stop_epochs is not None:
            setup, score = self.setup, self.setup.evaluator.main_score
            perfect = all(score(net, setup.data.examples) == 1 for net in setup.nets)
            self._perfect_epochs = self._perfect_epochs + 1 if perfect else 0

    def _stops_early(self) -> bool:
        enough = self.setup.training.early_stop_epochs
        return enough is not None and self._perfect_epochs >= enough

    def state_dict(self) -> dict[str, Any]:
        """Return the state that is needed to resume with bitwise identical results.

        Raises:
            DivergenceError: As in `check`; a diverged state is not saved.
        """
        self.check()
        return {
            "losses": {"step": self.step, "losses": [curve.losses for curve in self.curves]},
            "nets": [net.state_dict() for net in self.setup.nets],
            "optimizer": self.setup.optimizer.state_dict(),
            "rows": [curve.rows for curve in self.curves],
            "perfect_epochs": self._perfect_epochs,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of another loop with the same specs.

        Raises:
            Exception: The state does not match this loop, which cannot be used afterwards.
        """
        setup, self.step = self.setup, int(state["losses"]["step"])
        if not 0 <= self.step <= setup.steps:
            raise ValueError(f"expected a step from 0 to {setup.steps}, got {self.step}")
        for net, saved in zip(setup.nets, state["nets"], strict=True):
            net.load_state_dict(saved)
        setup.optimizer.load_state_dict(state["optimizer"])
        losses = state["losses"]["losses"]
        for curve, rows, some in zip(self.curves, state["rows"], losses, strict=True):
            curve.load(rows, some)
        for batches in setup.batches:
            batches.position = self.step
        self._perfect_epochs = int(state["perfect_epochs"])
        self._seconds_before = float(state["seconds"])
        if not 0 <= self._seconds_before < math.inf:
            raise ValueError(f"expected finite seconds of at least 0, got {self._seconds_before}")
