"""Check that the parts of a Not-so-Clevr spec fit together."""

from coordconv_lab.specs.experiment import ExperimentSpec

_FIND_THE_POINT = ("coordconv-renderer", "deconv-renderer")

_TUTORIAL_TASKS = ("classification", "regression", "rendering")


def check(spec: ExperimentSpec) -> None:
    """Check that the parts of a spec fit together.

    Raises:
        ValueError: The parts do not fit together.
    """
    task, model, data, training = spec.task, spec.model, spec.data, spec.training
    doubles = model.kind in ("deconv", "deconv-renderer") or (
        model.kind == "square-autoencoder" and model.decoder == "deconv"
    )
    if doubles and data.canvas != (64, 64):
        raise ValueError(
            "the deconv network starts from one pixel and doubles its size six times, so it "
            "requires a 64 x 64 canvas; "
            f"got {data.canvas[0]} x {data.canvas[1]}"
        )
    if model.kind == "hand-built-renderer" and model.square != data.square:
        raise ValueError(
            f"the network paints squares {model.square} pixels wide, but the squares of the data "
            f"are {data.square} pixels wide; set model.square to {data.square}"
        )
    if getattr(model, "grid", "right") == "off_centre_radius" and not model.radius:
        raise ValueError(
            "the grid off_centre_radius changes only the radius channel, which this model does not "
            "have; set model.radius to true"
        )
    if training.batch_order == "tutorial" and (
        data.split_variant != "tutorial" or not data.is_complete or task not in _TUTORIAL_TASKS
    ):
        raise ValueError(
            "training.batch_order 'tutorial' reproduces the random numbers of the tutorial's code. "
            f"It requires one of the tasks {', '.join(_TUTORIAL_TASKS)}, split_variant "
            f"'tutorial' and all positions; got the task {task}, split_variant "
            f"{data.split_variant!r}, held_out {data.held_out!r} and train_share "
            f"{data.train_share}"
        )
    if training.pixel_loss != "cross_entropy" and task != "rendering":
        raise ValueError(
            f"pixel_loss applies only to rendering; set it to cross_entropy for {task}"
        )
    if training.point_loss and model.kind not in _FIND_THE_POINT:
        raise ValueError(
            "point_loss is the weight of a loss on the renderer's intermediate point, which only a "
            f"model of kind {' or '.join(_FIND_THE_POINT)} has; got {model.kind}; set point_loss "
            "to 0"
        )
    if training.loss_window is not None and not (
        task == "classification"
        and model.kind == "coordconv-classifier"
        and model.coordinates
        and model.grid != "swapped_divisors"
        and not model.batch_norm
    ):
        raise ValueError(
            "loss_window computes only some pixels of each image in training. It requires the task "
            "classification and a model of kind coordconv-classifier with correct coordinates and "
            f"without batch_norm; got {task} and {model.kind}; leave out loss_window"
        )
