"""Settings of training."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.specs.base import FrozenSpec, Positive

Beta = Annotated[float, Field(ge=0, lt=1)]

DEFAULT_BETAS = (0.9, 0.999)


class TrainingSpec(FrozenSpec):
    """Optimizer, schedule, duration and precision of training.

    Experiments can define a subclass with more settings, such as the weights of their losses.

    Attributes:
        remedies: What to try if a run diverges, by setting. A remedy is suggested if the value of
            the setting is not the default.
    """

    remedies: ClassVar[Mapping[str, str]] = {
        "learning_rate": "a smaller learning_rate",
        "warmup": "more warmup",
        "weight_decay": "less weight_decay",
        "precision": "precision float32",
    }

    epochs: Annotated[int, Field(ge=0, le=10**9)]
    """Number of passes over the training set. Only networks with weights set by hand have 0."""

    batch_size: Annotated[int, Field(ge=1, le=10**9)] = 32
    """Number of examples per optimizer step."""

    drop_last: bool = False
    """Drop the last batch of an epoch if it is incomplete."""

    learning_rate: Positive = 1e-3
    """Learning rate after warm-up, before the schedule reduces it."""

    optimizer: Literal["adam", "adamw", "adamw_unscaled", "sgd"] = "adam"
    """adam and sgd add weight decay to the gradient (an L2 penalty). adamw shrinks the weights in
    each step by learning rate times weight decay. adamw_unscaled shrinks them by the weight decay
    itself, as contrib.opt.AdamWOptimizer of TensorFlow 1 does."""

    betas: tuple[Beta, Beta] = DEFAULT_BETAS
    """Decay rates of Adam's averages of the gradient and of its square."""

    momentum: Beta = 0.0
    """Momentum of sgd: the fraction of the last step's direction that is added to the gradient."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay. The option of the optimizer says how it is applied."""

    decay_biases: Annotated[bool, Field(title="decay of biases")] = True
    """Also apply weight decay to biases and normalization layers."""

    schedule: Annotated[
        Literal["constant", "cosine", "linear", "steps"], Field(title="{} schedule")
    ] = "constant"
    """How the learning rate changes after warm-up. steps divides it by ten after each fifth of
    training."""

    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Fraction of training during which the learning rate increases from zero to its peak."""

    early_stop_epochs: Annotated[
        Annotated[int, Field(ge=1, le=10**9)] | None, Field(title="early stop after {} epochs")
    ] = None
    """Stop after this many consecutive epochs with perfect training and test scores."""

    curve_points: Annotated[int, Field(ge=1, le=10**6)] = 12
    """Number of points of the learning curve."""

    precision: Annotated[Literal["float32", "bfloat16"], Field(title="{}")] = "float32"
    """Precision of the computation. bfloat16 means mixed precision, with weights in float32."""

    @model_validator(mode="after")
    def _unscaled_decay_shrinks(self) -> Self:
        if self.optimizer == "adamw_unscaled" and self.weight_decay >= 1:
            raise ValueError(
                "adamw_unscaled shrinks every weight by the fraction weight_decay in each step, so "
                f"weight_decay must be less than 1; got {self.weight_decay}"
            )
        return self

    @model_validator(mode="after")
    def _optimizer_has_its_settings(self) -> Self:
        if self.optimizer == "sgd" and self.betas != DEFAULT_BETAS:
            raise ValueError(
                f"sgd has no betas; expected the default {DEFAULT_BETAS}, got {self.betas}"
            )
        if self.optimizer != "sgd" and self.momentum:
            raise ValueError(
                f"momentum is a setting of sgd; got momentum {self.momentum} with {self.optimizer},"
                " which has betas"
            )
        return self
