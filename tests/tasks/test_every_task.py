"""What is said of a task in many places is said of every task."""

from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from coordconv_lab.claims.tries import SOLVED
from coordconv_lab.inspection import _example
from coordconv_lab.models.build import build
from coordconv_lab.results.record import PRIMARY_SCORE
from coordconv_lab.specs import BASELINE, ExperimentSpec, ModelSpec, TrainingSpec
from coordconv_lab.specs.experiment import _KINDS_OF_TASK, ModelName, TaskName
from coordconv_lab.tasks import task_of

POINTS = torch.tensor([[4, 4], [31, 12], [59, 59]])
KINDS = get_args(get_args(ModelSpec)[0])
TABLES = {
    "specs/experiment.py, BASELINE": BASELINE,
    "specs/experiment.py, _KINDS_OF_TASK": _KINDS_OF_TASK,
    "results/record.py, PRIMARY_SCORE": PRIMARY_SCORE,
    "claims/tries.py, SOLVED": SOLVED,
}


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
def test_every_task_has_its_nets_its_scores_and_its_question(task):
    lacking = [name for name, table in TABLES.items() if task not in table]
    assert not lacking, f"{task} is missing in {', '.join(lacking)}"
    assert BASELINE[task] in get_args(ModelName)
    assert specs(task), f"no net takes {task}"
    for spec in specs(task):
        net, asked = build(spec.model).eval(), task_of(spec)
        assert asked is not None, f"{task} is missing in tasks/select.py, task_of"
        outputs = asked.ask(net, POINTS)
        assert net(_example(spec)).shape[1:] == outputs.shape[1:], "inspection.py, _example"
        answers = asked.read(outputs)
        scores = asked.summarise(asked.score(answers, POINTS))
        assert next(iter(scores)) == PRIMARY_SCORE[task], "the first score is the main one"
        assert asked.loss(net, POINTS).isfinite()
        assert (answers.shape == (3, 2)) == asked.answers_are_points
