"""What is said of a task in many places is said of every task."""

from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from coordconv_lab.models.build import build
from coordconv_lab.results.record import PRIMARY_SCORE
from coordconv_lab.specs import BASELINE, ExperimentSpec, ModelSpec, TrainingSpec
from coordconv_lab.specs.experiment import ModelName, TaskName
from coordconv_lab.tasks import task_of

POINTS = torch.tensor([[4, 4], [31, 12], [59, 59]])
KINDS = get_args(get_args(ModelSpec)[0])


def specs(task: str) -> list[ExperimentSpec]:
    """Return a spec for every trained net that takes the task."""
    found = []
    for kind in KINDS:
        try:
            found.append(ExperimentSpec(task=task, model=kind(), training=TrainingSpec(epochs=1)))
        except ValidationError:
            continue
    return found


@pytest.mark.parametrize("task", get_args(TaskName))
def test_every_task_has_nets_a_baseline_a_main_score_and_words(task):
    assert BASELINE[task] in get_args(ModelName)
    assert specs(task), "no net takes it: _KINDS_OF_TASK"
    for spec in specs(task):
        net, asked = build(spec.model).eval(), task_of(spec)
        outputs = asked.ask(net, POINTS)
        answers = asked.read(outputs)
        scores = asked.summarise(asked.score(answers, POINTS))
        assert next(iter(scores)) == PRIMARY_SCORE[task]
        assert asked.loss(net, POINTS).isfinite()
        assert (answers.shape == (3, 2)) == asked.answers_are_points
