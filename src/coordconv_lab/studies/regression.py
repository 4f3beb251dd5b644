"""Studies of the regressor: its head, its input, its rate, its padding, its strides."""

from itertools import product

from coordconv_lab.recipes import tuned, tutorial, tutorial_resampled, with_settings
from coordconv_lab.specs import (
    DataSpec,
    ExperimentSpec,
    MLPRegressor,
    ModelSpec,
    TrainingSpec,
    TransformerRegressor,
)
from coordconv_lab.studies.rows import SPLITS, trained_twice_as_long
from coordconv_lab.studies.study import Study, over_seeds

HEADS = ("max", "average", "sum")
ACTIVATIONS = ("none", "relu")
HEAD_RATES = (1e-2, 1e-3)


def pooling_heads() -> Study:
    """Every head with and without ReLUs, at two rates, for twice as long as our recipe."""
    arms: dict[str, list[ExperimentSpec]] = {}
    for split, head, activation, rate in product(SPLITS, HEADS, ACTIVATIONS, HEAD_RATES):
        settings = {
            "model.head": head,
            "model.activation": activation,
            "training.learning_rate": rate,
            "training.epochs": 4,
        }
        spec = with_settings(tuned("regression", split, "coordconv"), settings)
        arms[f"{split}, {head}, {activation}, rate {rate:g}"] = over_seeds(spec, 3)
    for split, head in product(SPLITS, HEADS):
        settings = {"model": _pooled(split).model.model_dump() | {"head": head}}
        spec = with_settings(_pooled(split), settings)
        arms[f"{split}, conv, {head}"] = over_seeds(spec, 3)
    return Study(
        "pooling-heads",
        "Is a global maximum needed, or does an average or a sum do as well?",
        arms,
    )


def _pooled(split: str) -> ExperimentSpec:
    """The fully convolutional baseline, on either split, without the ReLU at its end.

    That ReLU sometimes never fires, and the net answers (0, 0) whatever it sees.
    """
    spec = tuned("regression", "quadrant", "conv")
    return with_settings(
        spec, {"data.split": split, "model.last_activation": "none", **_BEFORE_TUNING}
    )


# What the baseline had when these studies were run, before it was tuned on a validation part.
_BEFORE_TUNING = {
    "training.optimizer": "adam",
    "training.learning_rate": 5e-3,
    "training.weight_decay": 0.0,
    "training.betas": (0.9, 0.999),
    "training.schedule": "cosine",
}


SCALES = (1, 1000)
RATES = (1e-4, 1e-3, 1e-2)


def scale_and_rate() -> Study:
    """The tutorial's regressor with its input plain or times 1000, at three rates."""
    arms = {}
    for scale, rate in product(SCALES, RATES):
        settings = {"model.input_scale": scale, "training.learning_rate": rate}
        spec = with_settings(tutorial_resampled("regression", "uniform", "coordconv"), settings)
        arms[f"input times {scale}, rate {rate:g}"] = over_seeds(spec, 3)
    return Study(
        "scale-and-rate",
        "Is it the rate or the scale of the input that leaves the regressor at the mean?",
        arms,
    )


def long_training() -> Study:
    """The tutorial's regressor for twice its epochs."""
    specs = {split: tutorial_resampled("regression", split, "coordconv") for split in SPLITS}
    arms = {split: over_seeds(trained_twice_as_long(spec), 5) for split, spec in specs.items()}
    return Study(
        "long-training",
        "Is the regressor right within ten epochs, and lost again when trained on?",
        arms,
    )


COLLAPSE_RATE = 1e-2


def collapse() -> Study:
    """The tutorial's regressor at the high rate that it blames, for twice its epochs."""
    arms = {}
    for split in SPLITS:
        spec = trained_twice_as_long(tutorial("regression", split, "coordconv"))
        arms[split] = over_seeds(with_settings(spec, {"training.learning_rate": COLLAPSE_RATE}), 10)
    return Study(
        "collapse",
        "At a learning rate of 1e-2, is the regressor right early, and does it stay right?",
        arms,
    )


PADDINGS = ("same", "reflect", "circular")


def padding() -> Study:
    """A regressor without coordinates whose kernels reach a border from every pixel."""
    arms = {}
    for kind in PADDINGS:
        settings = {
            "data.canvas": (32, 32),
            "model.coordinates": False,
            "model.activation": "relu",
            "model.kernel": 15,
            "model.padding": kind,
            "training.learning_rate": 3e-3,
            "training.epochs": 30,
        }
        spec = with_settings(tuned("regression", "uniform", "coordconv"), settings)
        arms[kind] = over_seeds(spec, 3)
    return Study("padding", "Does padding alone tell a net where it is?", arms)


def downsampling() -> Study:
    """The paper's conv net of stride 2, with coordinates at its first layer and without."""
    arms = {}
    for split, coordinates in product(SPLITS, (True, False)):
        settings = {"model.coordinates": coordinates, "training.epochs": 32}
        spec = with_settings(_pooled(split), settings)
        name = "with coordinates" if coordinates else "without"
        arms[f"{split}, {name}"] = over_seeds(spec, 3)
    return Study(
        "downsampling",
        "Do coordinates at the first layer save a net that samples down by strides?",
        arms,
    )


STRIDED_SCALES = (1, 10, 100, 1000)


def strided_scales() -> Study:
    """The strided network on the quadrant split, its one-hot input multiplied by more and more.

    At a scale of 1 most of these networks do not fit their training points, and then they say
    nothing about the held-out quadrant.
    """
    arms = {}
    for scale, coordinates in product(STRIDED_SCALES, (True, False)):
        settings = {
            "model.coordinates": coordinates,
            "model.input_scale": scale,
            "training.epochs": 32,
        }
        name = "with coordinates" if coordinates else "without"
        spec = with_settings(_pooled("quadrant"), settings)
        arms[f"input times {scale}, {name}"] = over_seeds(spec, 5)
    return Study(
        "strided-scales",
        "Does a network that samples down by strides solve the held-out quadrant at any scale of "
        "its input?",
        arms,
    )


HEAD_EPOCHS = 24


def heads_longer() -> Study:
    """Every head with and without ReLUs, trained until it stops improving."""
    arms = {}
    for split, head, activation in product(SPLITS, HEADS, ACTIVATIONS):
        settings = {
            "model.head": head,
            "model.activation": activation,
            "training.epochs": HEAD_EPOCHS,
            "training.curve_points": HEAD_EPOCHS,
        }
        spec = with_settings(tuned("regression", split, "coordconv"), settings)
        arms[f"{split}, {head}, {activation}"] = over_seeds(spec, 3)
    return Study(
        "heads-longer",
        "Do an average or a sum catch up with the maximum when trained for longer?",
        arms,
    )


def architectures() -> Study:
    """A perceptron and a small transformer with and without positions, for the baseline's time."""
    training = TrainingSpec(
        epochs=16, batch_size=16, learning_rate=1e-3, schedule="cosine", warmup=0.05
    )
    networks: dict[str, ModelSpec] = {
        "MLP": MLPRegressor(),
        "transformer, no positions": TransformerRegressor(positions="none"),
        "transformer, sinusoidal positions": TransformerRegressor(positions="sinusoidal"),
        "transformer, learned positions": TransformerRegressor(positions="learned"),
    }
    arms = {}
    for split, (name, network) in product(SPLITS, networks.items()):
        data = DataSpec(split=split)
        spec = ExperimentSpec(task="regression", data=data, model=network, training=training)
        arms[f"{split}, {name}"] = over_seeds(spec, 3)
    return Study(
        "architectures",
        "Do other ways to know position carry over to the held-out quadrant?",
        arms,
    )
