"""The net, its task and its optimizer, as Lightning wants them."""

import math

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from coordconv_lab.errors import InputError
from coordconv_lab.specs import TrainingSpec
from coordconv_lab.tasks import Task

# Schedules end at this fraction of the rate rather than at zero: the last steps still count.
LAST_FRACTION = 1e-3


def rate_factor(spec: TrainingSpec, step: int, steps: int) -> float:
    """By how much the learning rate is multiplied at a step: linear warm-up, then the schedule."""
    done = step / steps
    if done < spec.warmup:
        return done / spec.warmup + LAST_FRACTION
    left = (1 - done) / (1 - spec.warmup)
    match spec.schedule:
        case "constant":
            return 1.0
        case "linear":
            return left + LAST_FRACTION
        case "cosine":
            return 0.5 * (1 - math.cos(math.pi * left)) + LAST_FRACTION


class TaskModule(lightning.LightningModule):
    """One net learning one task."""

    def __init__(self, net: nn.Module, task: Task, spec: TrainingSpec, steps: int) -> None:
        super().__init__()
        self.net, self.task, self.spec, self.steps = net, task, spec, steps

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """The loss of one batch of points.

        Raises:
            InputError: The loss is not a number any more.
        """
        loss = self.task.loss(self.net, batch)
        if not loss.isfinite():
            raise InputError(
                f"the loss became {loss.item()} at step {self.global_step} with learning_rate "
                f"{self.spec.learning_rate}; take a smaller rate, or more warm-up"
            )
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam as the spec says, its rate set anew at every step."""
        spec = self.spec
        kind = torch.optim.AdamW if spec.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(
            self.net.parameters(),
            lr=spec.learning_rate,
            betas=spec.betas,
            weight_decay=spec.weight_decay,
            fused=True,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(spec, step, self.steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
