"""Telling whoever waits how far a run is."""

from typing import Any, Protocol

import lightning
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from coordconv_lab.specs import ExperimentSpec


class Progress(Protocol):
    """Somebody who wants to know; the command line draws bars from it."""

    def start(self, spec: ExperimentSpec, steps: int) -> None:
        """A run of so many steps begins."""
        ...

    def advance(self, step: int, loss: float) -> None:
        """So many steps are done; this was the loss of the last."""
        ...


class SilentProgress:
    """Nobody is waiting."""

    def start(self, spec: ExperimentSpec, steps: int) -> None:
        """Say nothing."""

    def advance(self, step: int, loss: float) -> None:
        """Say nothing."""


class TellProgress(Callback):
    """Tell after every step."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """Pass on the step and the loss."""
        self.progress.advance(trainer.global_step, float(outputs["loss"]))
