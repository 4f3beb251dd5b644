"""How a net is trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.specs.base import FrozenSpec, Positive

Beta = Annotated[float, Field(ge=0, lt=1)]


class TrainingSpec(FrozenSpec):
    """Optimizer, schedule, length, precision.

    Attributes:
        optimizer: "adam" adds weight decay to the gradient, an L2 penalty; "adamw" shrinks the
            weights by rate times decay a step; "adamw_unscaled" by the decay itself, as TensorFlow
            1's contrib.opt.AdamWOptimizer did.
        decay_biases: Whether weight decay acts on biases and normalisations too.
        schedule: What the rate does after its warm-up; "steps" divides it by ten after each fifth.
        pixel_loss: What rendering minimises: the binary cross-entropy of every pixel, or the
            squared error of its probability.
        batch_order: "seeded" draws the order of each epoch from the run's seed; "tutorial" takes
            the orders of the tutorial's code, which come from the data's split seed, so that the
            run's seed draws the initial weights only.
        drop_last: Whether the last batch of an epoch is left out where it is not full.
        epochs: 0 leaves the net as it was made.
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
                "with adamw_unscaled weight_decay is the fraction by which a step shrinks every "
                f"weight, so it must be less than 1; got {self.weight_decay}"
            )
        return self
