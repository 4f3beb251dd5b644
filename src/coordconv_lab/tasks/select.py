"""The one way from a spec to a task."""

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks.base import Task
from coordconv_lab.tasks.classification import Classification
from coordconv_lab.tasks.reconstruction import Reconstruction
from coordconv_lab.tasks.regression import Regression
from coordconv_lab.tasks.rendering import Rendering


def task_of(spec: ExperimentSpec) -> Task:
    """Make the task that a spec names, for its canvas and square."""
    match spec.task:
        case "classification":
            return Classification(spec.data.canvas)
        case "regression":
            return Regression(spec.data.canvas)
        case "reconstruction":
            return Reconstruction(spec.data.canvas, spec.data.square)
        case "rendering":
            return Rendering(
                spec.data.canvas,
                spec.data.square,
                spec.training.point_loss,
                spec.training.pixel_loss,
            )
