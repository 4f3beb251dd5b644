"""Settings of training."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.specs.base import FrozenSpec, Positive

Beta = Annotated[float, Field(ge=0, lt=1)]


class TrainingSpec(FrozenSpec):
    """Optimizer, schedule, duration and precision of training.

    Attributes:
        optimizer: "adam" adds weight decay to the gradient (an L2 penalty); "adamw" shrinks weights
            by learning rate times weight decay per step; "adamw_unscaled" by the weight decay
            itself, like contrib.opt.AdamWOptimizer of TensorFlow 1.
        decay_biases: Whether weight decay also applies to biases and normalization layers.
        schedule: Learning rate after warm-up; "steps" divides it by ten after each fifth.
        pixel_loss: Loss of rendering: the binary cross-entropy of every pixel, or the squared error
            of its probability.
        batch_order: "seeded" draws the order of each epoch from the seed of the run; "tutorial"
            uses the orders of the tutorial's code, which depend on the split seed of the data, so
            that the seed of the run determines only the initial weights.
        drop_last: Whether to drop an incomplete last batch of an epoch.
        epochs: Number of epochs; 0 keeps the initial weights.
    """

    epochs: Annotated[int, Field(ge=0, le=10**9)]
    batch_size: Annotated[int, Field(ge=1, le=10**9)] = 32
    batch_order: Literal["seeded", "tutorial"] = "seeded"
    drop_last: bool = False
    learning_rate: Positive = 1e-3
    optimizer: Literal["adam", "adamw", "adamw_unscaled"] = "adam"
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    decay_biases: bool = True
    schedule: Literal["constant", "cosine", "linear", "steps"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pixel_loss: Literal["cross_entropy", "squared"] = "cross_entropy"
    point_loss: Annotated[float, Field(ge=0)] = 0.0
    early_stop_epochs: Annotated[int, Field(ge=1, le=10**9)] | None = None
    curve_points: Annotated[int, Field(ge=1, le=10**6)] = 12
    precision: Literal["float32", "bfloat16"] = "float32"

    @model_validator(mode="after")
    def _unscaled_decay_shrinks(self) -> Self:
        if self.optimizer == "adamw_unscaled" and self.weight_decay >= 1:
            raise ValueError(
                "with adamw_unscaled each step shrinks every weight by the fraction weight_decay, "
                f"which must be less than 1; got {self.weight_decay}"
            )
        return self
