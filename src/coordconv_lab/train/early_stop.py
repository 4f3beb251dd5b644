"""Stop once a net is perfect, and has been for some epochs."""

from collections.abc import Callable
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from torch import nn


class StopWhenPerfect(Callback):
    """End training when train and test score were perfect for a number of epochs in a row.

    Args:
        is_perfect: Whether a net scores 1 on every training and every test example.
        epochs: For how many epochs in a row.
    """

    def __init__(self, is_perfect: Callable[[nn.Module], bool], epochs: int) -> None:
        self.is_perfect, self.epochs = is_perfect, epochs
        self.perfect_epochs = 0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Stop at once, if an earlier sitting had counted enough and was killed afterwards."""
        if self.perfect_epochs >= self.epochs:
            trainer.should_stop = True

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Count this epoch, or start counting again."""
        net = pl_module.net
        assert isinstance(net, nn.Module)
        self.perfect_epochs = self.perfect_epochs + 1 if self.is_perfect(net) else 0
        trainer.should_stop = self.perfect_epochs >= self.epochs

    def state_dict(self) -> dict[str, Any]:
        """How many epochs in a row were perfect."""
        return {"perfect_epochs": self.perfect_epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.perfect_epochs = state_dict["perfect_epochs"]
