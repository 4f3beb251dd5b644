"""A transformer knows positions only if it is given them."""

import math

import pytest
import torch
from pydantic import ValidationError

from coordconv_lab.errors import FailingRunError
from coordconv_lab.experiments.notsoclevr.data import one_hot_images
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.networks.transformer import sinusoids
from coordconv_lab.experiments.notsoclevr.specs import TransformerRegressor

CANVAS = (16, 24)
# The same position within each of the six patches of eight pixels.
POINTS = torch.tensor([[3 + 8 * column, 5 + 8 * row] for row in range(2) for column in range(3)])


@pytest.mark.parametrize("positions", ["none", "sinusoidal", "learned"])
def test_a_transformer_distinguishes_patches_only_with_positions(positions):
    torch.manual_seed(0)
    net = build(TransformerRegressor(positions=positions), CANVAS).eval()
    with torch.inference_mode():
        found = net(one_hot_images(POINTS, CANVAS))
    differences = (found - found[0]).abs().amax(dim=1)[1:]
    if positions == "none":
        assert differences.max() < 1e-4
    else:
        assert differences.min() > 1e-4


def test_sinusoids_equal_the_formula():
    table = sinusoids(2, 3, 8).reshape(2, 3, 8)
    for row in range(2):
        for column in range(3):
            expected = [
                function(position / 10_000 ** (k / 2))
                for position in (row, column)
                for function in (math.sin, math.cos)
                for k in range(2)
            ]
            torch.testing.assert_close(table[row, column], torch.tensor(expected))


def test_invalid_numbers_of_heads_and_patch_sizes_are_refused():
    with pytest.raises(
        ValidationError, match="multiple of the number of heads; got a width of 32 and 5 heads"
    ):
        TransformerRegressor(heads=5)
    with pytest.raises(FailingRunError, match="patch of 8 x 8 pixels is larger than the canvas"):
        build(TransformerRegressor(), (16, 7))
