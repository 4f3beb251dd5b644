"""Learning rates and weight decay, compared with their formulas."""

import pytest
import torch
from torch import nn

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import TrainingSpec
from coordconv_lab.train.optimizer import Optimizer, rate_factor


def _after_a_step(settings, gradient=0.0):
    """Return a weight and a bias, initially 1, after one step with a constant gradient."""
    spec = with_settings(tuned("regression", "uniform", "coordconv"), settings)
    net = nn.Linear(1, 1)
    for parameter in net.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.full_like(parameter, gradient)
    optimizer = Optimizer([net], [spec.training], steps=1000)
    optimizer.step(500)
    return net.weight.item(), net.bias.item(), optimizer.rates[0]


def test_unscaled_weight_decay_does_not_depend_on_the_learning_rate():
    settings = {"training.weight_decay": 0.01, "training.learning_rate": 1e-3}
    unscaled = _after_a_step(settings | {"training.optimizer": "adamw_unscaled"})
    assert unscaled[:2] == pytest.approx((0.99, 0.99))
    weight, bias, rate = _after_a_step(settings | {"training.optimizer": "adamw"})
    assert weight == bias == pytest.approx(1 - 0.01 * rate, abs=1e-7)


def test_biases_are_excluded_from_weight_decay_if_requested():
    settings = {
        "training.optimizer": "adamw_unscaled",
        "training.weight_decay": 0.5,
        "training.decay_biases": False,
    }
    assert _after_a_step(settings)[:2] == pytest.approx((0.5, 1.0))


def test_the_step_schedule_divides_by_ten_after_each_fifth():
    spec = TrainingSpec(epochs=10, schedule="steps")
    factors = [rate_factor(spec, step, 1000) for step in (0, 199, 200, 401, 650, 999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.01, 1e-3, 1e-4])
