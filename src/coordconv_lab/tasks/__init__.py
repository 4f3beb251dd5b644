"""The tasks: from a net and some points to a loss, a prediction and scores."""

from coordconv_lab.tasks.base import Task
from coordconv_lab.tasks.classification import Classification
from coordconv_lab.tasks.reconstruction import Reconstruction
from coordconv_lab.tasks.regression import Regression
from coordconv_lab.tasks.rendering import Rendering
from coordconv_lab.tasks.select import task_of

__all__ = ["Classification", "Reconstruction", "Regression", "Rendering", "Task", "task_of"]
