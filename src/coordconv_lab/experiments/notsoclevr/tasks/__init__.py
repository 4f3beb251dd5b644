"""The tasks, which define the loss, the predictions and the scores of a network."""

from coordconv_lab.experiments.notsoclevr.tasks.classification import Classification
from coordconv_lab.experiments.notsoclevr.tasks.reconstruction import Reconstruction
from coordconv_lab.experiments.notsoclevr.tasks.regression import Regression
from coordconv_lab.experiments.notsoclevr.tasks.rendering import Rendering
from coordconv_lab.experiments.notsoclevr.tasks.select import task_of

__all__ = ["Classification", "Reconstruction", "Regression", "Rendering", "task_of"]
