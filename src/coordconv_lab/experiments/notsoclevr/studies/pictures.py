"""Studies of the networks that predict images: classifiers, renderers and autoencoders."""

from itertools import product

from coordconv_lab.experiments.notsoclevr.recipes import tuned, tutorial_resampled
from coordconv_lab.experiments.notsoclevr.specs import (
    CoordConvRenderer,
    DataSpec,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    SquareAutoencoder,
)
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS, TASKS
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec, TrainingSpec
from coordconv_lab.studies.study import Study, over_seeds


def tiling() -> Study:
    """Train the classifier without coordinates, for three times the epochs of our recipe."""
    arms = {}
    for split in SPLITS:
        settings = {"model.coordinates": False, "training.epochs": 3}
        spec = with_settings(tuned("classification", split, "coordconv"), settings)
        arms[split] = over_seeds(spec, 3)
    return Study(
        "tiling",
        "Can a classifier without coordinates find a point that is tiled over its input?",
        arms,
    )


KERNELS = (1, 2, 3)


def receptive_field() -> Study:
    """Train the paper's five painting convolutions with receptive fields of 1, 6 and 11 pixels.

    The loss is only on the image, and not also on the point that the network predicts first. With
    small kernels, the network has to spread this point over several pixels, which a loss on the
    point would prevent.
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
        "Must the receptive field of the painting convolutions be as large as the square?",
        arms,
    )


DECAYS = (0.0, 1e-2)


def decay_rule() -> Study:
    """Train the tutorial's deconv renderer with and without its unscaled weight decay."""
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
        "Is the optimizer the cause of the messy deconv rendering on the uniform split?",
        arms,
    )


def radius() -> Study:
    """Train the classifier with the radius as a third coordinate."""
    arms = {}
    for split in SPLITS:
        spec = with_settings(tuned("classification", split, "coordconv"), {"model.radius": True})
        arms[split] = over_seeds(spec, 5)
    return Study("radius", "Does the radius channel help or hurt?", arms)


FAULTS = (
    ("right", "right", False),
    ("swapped divisors", "swapped_divisors", False),
    ("radius", "right", True),
    ("off-center radius", "off_centre_radius", True),
)
WIDE = (40, 88)
LARGE = (128, 128)


def faulty_grids() -> Study:
    """Train with faulty coordinates as in published code, on a non-square canvas.

    On a square canvas, some of the faults have no effect.
    """
    arms = {}
    for task, (name, grid, with_radius) in product(("classification", "regression"), FAULTS):
        settings = {"data.canvas": WIDE, "model.grid": grid, "model.radius": with_radius}
        spec = with_settings(tuned(task, "quadrant", "coordconv"), settings)
        arms[f"{task}, {name}"] = over_seeds(spec, 5)
    return Study("faulty-grids", "Do the published faults of the grid reduce accuracy?", arms)


def canvases() -> Study:
    """Train our recipe on a non-square canvas, and on a canvas with four times the pixels.

    Rendering on the large canvas is omitted, because it takes too long.
    """
    arms = {}
    for canvas, task in product((WIDE, LARGE), TASKS):
        if canvas == LARGE and task == "rendering":
            continue
        spec = with_settings(tuned(task, "quadrant", "coordconv"), {"data.canvas": canvas})
        arms[f"{task}, {canvas[0]} x {canvas[1]}"] = over_seeds(spec, 3)
    return Study("canvases", "Does the recipe work on canvases of other shapes and sizes?", arms)


def hand_built() -> Study:
    """Score networks whose weights are set by formulas, at every position of three canvases."""
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
    return Study("hand-built", "Is training needed at all?", arms)


def broadcast() -> Study:
    """Train autoencoders on images of squares, for each pair of two encoders and two decoders."""
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
        "Does a decoder with coordinates draw squares at held-out positions?",
        arms,
    )
