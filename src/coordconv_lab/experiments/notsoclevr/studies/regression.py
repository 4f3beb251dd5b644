"""Studies of the regressor: its pooling, input scale, learning rate, padding and strides."""

from itertools import product

from coordconv_lab.experiments.notsoclevr.recipes import tuned, tutorial, tutorial_resampled
from coordconv_lab.experiments.notsoclevr.specs import DataSpec, MLPRegressor, TransformerRegressor
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS, trained_twice_as_long
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec, NetworkSpec, TrainingSpec
from coordconv_lab.studies.study import Study, over_seeds

HEADS = ("max", "average", "sum")
ACTIVATIONS = ("none", "relu")
HEAD_RATES = (1e-2, 1e-3)


def pooling_heads() -> Study:
    """Train with every kind of pooling, with and without ReLUs, at two learning rates.

    Runs have twice the usual number of epochs.
    """
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
        "Is global max pooling required, or does average or sum pooling also work?",
        arms,
    )


def _pooled(split: str) -> ExperimentSpec:
    """Return the fully convolutional baseline on one split, without its final ReLU.

    In some runs with this ReLU, it is never active, and the prediction is (0, 0) for every input.
    """
    spec = tuned("regression", "quadrant", "conv")
    return with_settings(
        spec, {"data.split": split, "model.last_activation": "none", **_BEFORE_TUNING}
    )


# These studies ran before the baseline was tuned on a validation set, with these settings.
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
    """Train the tutorial's regressor with its input multiplied by 1 or 1000, at three rates."""
    arms = {}
    for scale, rate in product(SCALES, RATES):
        settings = {"model.input_scale": scale, "training.learning_rate": rate}
        spec = with_settings(tutorial_resampled("regression", "uniform", "coordconv"), settings)
        arms[f"input times {scale}, rate {rate:g}"] = over_seeds(spec, 3)
    return Study(
        "scale-and-rate",
        "Is it the learning rate or the input scale that keeps the regressor at the mean?",
        arms,
    )


def long_training() -> Study:
    """Train the tutorial's regressor for twice as many epochs as the tutorial does."""
    specs = {split: tutorial_resampled("regression", split, "coordconv") for split in SPLITS}
    arms = {split: over_seeds(trained_twice_as_long(spec), 5) for split, spec in specs.items()}
    return Study(
        "long-training",
        "Is the regressor accurate within ten epochs, and does longer training make it fail again?",
        arms,
    )


COLLAPSE_RATE = 1e-2


def collapse() -> Study:
    """Train the tutorial's regressor for twice as many epochs, at a high learning rate.

    The tutorial warns that training collapses at this learning rate.
    """
    arms = {}
    for split in SPLITS:
        spec = trained_twice_as_long(tutorial("regression", split, "coordconv"))
        arms[split] = over_seeds(with_settings(spec, {"training.learning_rate": COLLAPSE_RATE}), 10)
    return Study(
        "collapse",
        "At a learning rate of 1e-2, is the regressor accurate early, and does it stay accurate?",
        arms,
    )


PADDINGS = ("same", "reflect", "circular")


def padding() -> Study:
    """Train a regressor without coordinates, with kernels that reach a border from every pixel."""
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
    return Study("padding", "Is padding enough for a network to learn positions?", arms)


def downsampling() -> Study:
    """Train the paper's strided conv network with and without coordinates at its first layer."""
    arms = {}
    for split, coordinates in product(SPLITS, (True, False)):
        settings = {"model.coordinates": coordinates, "training.epochs": 32}
        spec = with_settings(_pooled(split), settings)
        name = "with coordinates" if coordinates else "without"
        arms[f"{split}, {name}"] = over_seeds(spec, 3)
    return Study(
        "downsampling",
        "Do coordinates at the first layer help a network that downsamples by strides?",
        arms,
    )


STRIDED_SCALES = (1, 10, 100, 1000)


def strided_scales() -> Study:
    """Train the strided network on the quadrant split, with its input multiplied by larger factors.

    At a factor of 1, most of these networks do not fit their training points, so their scores on
    the held-out quadrant say nothing.
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
        "Does a network that downsamples by strides solve the held-out quadrant at any input "
        "scale?",
        arms,
    )


LAYERS = ("first", "middle", "last", "all")
LAYERS_SCALE = 100


def coordinate_layers() -> Study:
    """Give coordinates to different convolutions of the strided network, on both splits.

    The input is multiplied by a factor, because most of these networks do not fit their training
    points without it.
    """
    arms = {}
    for split in SPLITS:
        base = {"model.input_scale": LAYERS_SCALE, "training.epochs": 32}
        plain = with_settings(_pooled(split), base)
        arms[f"{split}, none"] = over_seeds(plain, 5)
        for layers in LAYERS:
            settings = {"model.coordinates": True, "model.coordinate_layers": layers}
            arms[f"{split}, {layers}"] = over_seeds(with_settings(plain, settings), 5)
    return Study(
        "coordinate-layers",
        "Which convolutions of a strided network should receive coordinates?",
        arms,
    )


HEAD_EPOCHS = 24


def heads_longer() -> Study:
    """Train with every kind of pooling, with and without ReLUs, until scores stop improving."""
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
        "Does average or sum pooling catch up with max pooling in longer training?",
        arms,
    )


def architectures() -> Study:
    """Train a perceptron, and a small transformer with and without positional encodings.

    Each of these networks trains for about as long as the baseline.
    """
    training = TrainingSpec(
        epochs=16, batch_size=16, learning_rate=1e-3, schedule="cosine", warmup=0.05
    )
    networks: dict[str, NetworkSpec] = {
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
        "Do other sources of position generalize to the held-out quadrant?",
        arms,
    )
