"""The descriptor of a task agrees with its networks, its objective and its data."""

import pytest
import torch
from pydantic import ValidationError

from coordconv_lab.experiments.notsoclevr.descriptor import TASKS
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.parts import data_of, example_of, network_of, objective_of
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec, TrainingSpec


def specs(task: str) -> list[ExperimentSpec]:
    """Return a spec for every trained network of the task."""
    found = []
    for network in registry().networks_of(task):
        for canvas in ((14, 18), (64, 64)):
            try:
                data = DataSpec(canvas=canvas, square=5)
                training = TrainingSpec(epochs=1)
                model = network.spec()
                found.append(ExperimentSpec(task=task, data=data, model=model, training=training))
                break
            except ValidationError:
                continue
    return found


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_every_task_has_its_networks_its_scores_and_its_example(task):
    known = registry()
    families = {spec.model_name for spec in specs(task)} | {known.main_family(task)}
    assert known.task(task).baseline in families | {"conv", "deconv"}
    assert specs(task), f"no network takes {task}"
    for spec in specs(task):
        data, net = data_of(spec), network_of(spec).eval()
        objective, some = objective_of(spec, data), data.examples[:3]
        outputs = objective.ask(net, some)
        assert net(example_of(spec)).shape[1:] == outputs.shape[1:]
        predictions = objective.read(outputs)
        scores = objective.summarise(objective.score(predictions, some))
        assert list(scores) == [score.name for score in known.task(task).scores]
        for score in known.task(task).scores:
            assert score.low <= scores[score.name] <= score.high
        assert objective.loss(net, some).isfinite()
        assert torch.equal(data.is_training(data.examples), data.is_train)
        assert all(len(column) == len(data.examples) for column in data.columns().values())
