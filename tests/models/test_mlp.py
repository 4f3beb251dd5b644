"""A perceptron shares no weights between pixels."""

from coordconv_lab.experiments.notsoclevr.networks import build, count_parameters
from coordconv_lab.experiments.notsoclevr.specs import MLPRegressor


def test_a_perceptron_has_separate_weights_for_every_pixel():
    spec = MLPRegressor(width=4)
    assert count_parameters(build(spec, (16, 24))) == (16 * 24 + 1) * 4 + 5 * 4 + 5 * 2
