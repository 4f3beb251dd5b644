"""Create the task of a spec of Not-so-Clevr."""

import torch

from coordconv_lab.examples import Data
from coordconv_lab.experiments.notsoclevr.data.tutorial_draws import TutorialDraws
from coordconv_lab.experiments.notsoclevr.tasks.classification import Classification
from coordconv_lab.experiments.notsoclevr.tasks.reconstruction import Reconstruction
from coordconv_lab.experiments.notsoclevr.tasks.regression import Regression
from coordconv_lab.experiments.notsoclevr.tasks.rendering import Rendering
from coordconv_lab.objective import Objective, Order
from coordconv_lab.specs import ExperimentSpec


def task_of(spec: ExperimentSpec, data: Data | None = None) -> Objective:
    """Create the task of a spec, for its canvas and square. `data` is not used."""
    task = _task(spec)
    if spec.training.batch_order == "tutorial":
        task.order = tutorial_order(spec)
    return task


def _task(spec: ExperimentSpec) -> Objective:
    canvas, square = spec.data.canvas, spec.data.square
    match spec.task:
        case "classification":
            return Classification(canvas, spec.training.loss_window)
        case "regression":
            return Regression(canvas)
        case "reconstruction":
            return Reconstruction(canvas, square)
        case _:
            return Rendering(canvas, square, spec.training.point_loss, spec.training.pixel_loss)


def tutorial_order(spec: ExperimentSpec) -> Order:
    """Return the batch order of the tutorial's code, which does not depend on a run's seed."""
    draws = TutorialDraws(spec.data, spec.task)
    return lambda epoch: torch.from_numpy(draws.epoch(epoch))


def example_of(spec: ExperimentSpec) -> torch.Tensor:
    """Return one input of a run's network, without drawing all data, which may be large."""
    if spec.task in ("classification", "rendering"):
        return torch.zeros(1, 2)
    return torch.zeros(1, 1, *spec.data.canvas)
