"""Studies of the nets that draw: classifier, renderer, deconv net, autoencoder."""

from itertools import product

from coordconv_lab.recipes import tuned, tutorial_resampled, with_settings
from coordconv_lab.specs import (
    CoordConvRenderer,
    DataSpec,
    ExperimentSpec,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    SquareAutoencoder,
    TrainingSpec,
)
from coordconv_lab.studies.rows import SPLITS, TASKS
from coordconv_lab.studies.study import Study, over_seeds


def tiling() -> Study:
    """The classifier without its coordinates, for three times as long as our recipe."""
    arms = {}
    for split in SPLITS:
        settings = {"model.coordinates": False, "training.epochs": 3}
        spec = with_settings(tuned("classification", split, "coordconv"), settings)
        arms[split] = over_seeds(spec, 3)
    return Study("tiling", "Can a tiled point be learnt without coordinates?", arms)


KERNELS = (1, 2, 3)


def receptive_field() -> Study:
    """The paper's five painting convolutions, which see 1, 6 or 11 pixels.

    The loss is that of the picture alone: a loss on the point would keep small kernels from
    spreading the point over the square, which is how they can paint at all.
    """
    training = TrainingSpec(
        epochs=6,
        batch_size=8,
        learning_rate=5e-3,
        betas=(0.9, 0.99),
        schedule="cosine",
        warmup=0.1,
    )
    arms = {}
    for kernel in KERNELS:
        spec = ExperimentSpec(
            task="rendering",
            data=DataSpec(),
            model=CoordConvRenderer(painter_kernel=kernel),
            training=training,
        )
        arms[f"kernel {kernel}"] = over_seeds(spec, 3)
    return Study(
        "receptive-field",
        "Must the painting convolutions see as far as the square is wide?",
        arms,
    )


DECAYS = (0.0, 1e-2)


def decay_rule() -> Study:
    """The tutorial's deconv renderer with and without its unscaled decay, on both splits."""
    arms = {}
    for split, decay in product(SPLITS, DECAYS):
        settings = {
            "training.optimizer": "adamw_unscaled" if decay else "adam",
            "training.weight_decay": decay,
            "training.learning_rate": 1e-3,
            "training.epochs": 100,
            "training.curve_points": 100,
        }
        spec = with_settings(tutorial_resampled("rendering", split, "deconv"), settings)
        arms[f"{split}, decay {decay:g}"] = over_seeds(spec, 3)
    return Study(
        "decay-rule",
        "Is the messy deconv rendering of the uniform split a matter of the optimizer?",
        arms,
    )


def radius() -> Study:
    """The classifier with the radius as a third coordinate."""
    arms = {}
    for split in SPLITS:
        spec = with_settings(tuned("classification", split, "coordconv"), {"model.radius": True})
        arms[split] = over_seeds(spec, 5)
    return Study("radius", "Does the radius channel help or harm?", arms)


FAULTS = (
    ("right", "right", False),
    ("swapped divisors", "swapped_divisors", False),
    ("radius", "right", True),
    ("off-centre radius", "off_centre_radius", True),
)
WIDE = (40, 88)
LARGE = (128, 128)


def faulty_grids() -> Study:
    """The published faults on a canvas that is not square, where they show."""
    arms = {}
    for task, (name, grid, with_radius) in product(("classification", "regression"), FAULTS):
        settings = {"data.canvas": WIDE, "model.grid": grid, "model.radius": with_radius}
        spec = with_settings(tuned(task, "quadrant", "coordconv"), settings)
        arms[f"{task}, {name}"] = over_seeds(spec, 5)
    return Study("faulty-grids", "Do the published faults of the grid harm the task?", arms)


def canvases() -> Study:
    """Our recipe on a canvas that is not square, and on one of four times the pixels.

    Rendering on the large one is left out: it takes too long.
    """
    arms = {}
    for canvas, task in product((WIDE, LARGE), TASKS):
        if canvas == LARGE and task == "rendering":
            continue
        spec = with_settings(tuned(task, "quadrant", "coordconv"), {"data.canvas": canvas})
        arms[f"{task}, {canvas[0]} x {canvas[1]}"] = over_seeds(spec, 3)
    return Study("canvases", "Does the recipe hold on canvases of other shapes and sizes?", arms)


def hand_built() -> Study:
    """Weights by formula, at every position of three canvases; nothing is trained."""
    nets = (HandBuiltClassifier(), HandBuiltRegressor(), HandBuiltRenderer())
    arms: dict[str, list[ExperimentSpec]] = {}
    for (task, net), canvas in product(zip(TASKS, nets, strict=True), ((64, 64), WIDE, LARGE)):
        spec = ExperimentSpec(
            task=task,
            data=DataSpec(canvas=canvas),
            model=net,
            training=TrainingSpec(epochs=0),
        )
        arms[f"{task}, {canvas[0]} x {canvas[1]}"] = [spec]
    return Study("hand-built", "Is any training needed at all?", arms)


def broadcast() -> Study:
    """Autoencoders of squares with a held-out quadrant, two encoders by two decoders."""
    arms = {}
    for encoder, decoder in product(("conv", "coordconv"), ("deconv", "broadcast")):
        spec = ExperimentSpec(
            task="reconstruction",
            data=DataSpec(split="quadrant"),
            model=SquareAutoencoder(encoder=encoder, decoder=decoder),
            training=TrainingSpec(
                epochs=8,
                batch_size=16,
                learning_rate=3e-3,
                betas=(0.9, 0.99),
                schedule="cosine",
                warmup=0.05,
            ),
        )
        arms[f"{encoder} encoder, {decoder} decoder"] = over_seeds(spec, 3)
    return Study(
        "broadcast",
        "Does a decoder with coordinates draw squares where none was in training?",
        arms,
    )
