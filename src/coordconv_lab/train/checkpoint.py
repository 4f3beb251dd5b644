"""Checkpoints: one file, replaced every few seconds, from which a killed run goes on exactly."""

import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from coordconv_lab.train.batches import SeededBatches


class KeepCheckpoint(Checkpoint):
    """Save the state of training every few seconds and at the end of every epoch.

    The file is written under another name and renamed, so that a crash leaves the last whole one.

    Args:
        path: The checkpoint.
        every_seconds: Least time between two checkpoints.
        batches: Whose place is saved too. Lightning would save the state of a loader itself, but
            does not restore it from a checkpoint made at the end of an epoch.
    """

    def __init__(self, path: Path, every_seconds: float, batches: SeededBatches) -> None:
        self.path, self.every_seconds, self.batches = path, every_seconds, batches
        self._last = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """Save, if it is time and the epoch goes on."""
        # The last batch is left to the end of the epoch, when every other callback has run.
        if batch_idx + 1 < trainer.num_training_batches:
            self._save_if_due(trainer)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Save, if it is time."""
        self._save_if_due(trainer)

    def _save_if_due(self, trainer: lightning.Trainer) -> None:
        if time.monotonic() - self._last < self.every_seconds:
            return
        partial = self.path.with_name(f".{self.path.name}.partial")
        trainer.save_checkpoint(partial)
        partial.replace(self.path)
        self._last = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Where the batches are."""
        return {"position": self.batches.position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the batches where they were."""
        self.batches.position = state_dict["position"]
