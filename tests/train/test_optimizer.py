"""Learning rates and weight decay, compared with their formulas."""

import pytest
import torch
from torch import nn

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import TrainingSpec
from coordconv_lab.specs.training import DEFAULT_BETAS
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


SGD = {"training.optimizer": "sgd", "training.betas": DEFAULT_BETAS}


def _sgd(net, **settings):
    """Return SGD with a constant learning rate."""
    fixed = {"training.schedule": "constant", "training.warmup": 0.0, "training.weight_decay": 0.0}
    settings = {f"training.{name}": value for name, value in settings.items()}
    spec = with_settings(tuned("regression", "uniform", "coordconv"), SGD | fixed | settings)
    return Optimizer([net], [spec.training], steps=1000)


def _steps(net, optimizer, gradients, start=0):
    """Do a step with each gradient, and return the weight after each."""
    found = []
    for step, gradient in enumerate(gradients, start):
        for parameter in net.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step(step)
        found.append(net.weight.item())
    return found


def _net():
    net = nn.Linear(1, 1)
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_moves_by_the_gradient_and_a_fraction_of_the_last_step(momentum):
    net, rate, decay, gradients = _net(), 0.1, 0.05, (2.0, -1.0, 0.5)
    sgd = _sgd(net, learning_rate=rate, weight_decay=decay, momentum=momentum)
    weight, velocity, wanted = 1.0, 0.0, []
    for gradient in gradients:
        velocity = momentum * velocity + gradient + decay * weight
        weight -= rate * velocity
        wanted.append(weight)
    assert _steps(net, sgd, gradients) == pytest.approx(wanted)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_continues_exactly_from_its_state(momentum):
    net, gradients = _net(), (2.0, -1.0, 0.5, 0.25)
    wanted = _steps(net, _sgd(net, momentum=momentum), gradients)
    net = _net()
    before = _sgd(net, momentum=momentum)
    first = _steps(net, before, gradients[:2])
    after = _sgd(net, momentum=momentum)
    after.load_state_dict(before.state_dict())
    assert first + _steps(net, after, gradients[2:], start=2) == wanted
    assert bool(after.moments(net.weight)) == (momentum > 0)


def test_a_state_of_another_shape_or_optimizer_is_refused():
    net, wide = _net(), nn.Linear(2, 1)
    adam = Optimizer([net], [tuned("regression", "uniform", "coordconv").training], steps=1000)
    sgd = _sgd(wide, momentum=0.9)
    _steps(net, adam, [1.0])
    for parameter in wide.parameters():
        parameter.grad = torch.ones_like(parameter)
    sgd.step(0)
    for other in (adam, sgd):
        with pytest.raises(ValueError, match="shapes of their parameters"):
            _sgd(net, momentum=0.9).load_state_dict(other.state_dict())


def test_the_step_schedule_divides_by_ten_after_each_fifth():
    spec = TrainingSpec(epochs=10, schedule="steps")
    factors = [rate_factor(spec, step, 1000) for step in (0, 199, 200, 401, 650, 999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.01, 1e-3, 1e-4])
