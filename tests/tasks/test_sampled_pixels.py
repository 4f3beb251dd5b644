"""A loss on some of the pixels estimates the loss on all, and trains the same network."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes import fast, tuned
from coordconv_lab.experiments.notsoclevr.specs import CoordConvClassifier
from coordconv_lab.experiments.notsoclevr.tasks import Classification
from coordconv_lab.experiments.notsoclevr.tasks.sampled_pixels import sampled_pixels
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import run, run_ensemble

SIZES = st.integers(1, 20)


@st.composite
def cases(draw):
    height, width, side = draw(SIZES), draw(SIZES), draw(SIZES)
    point = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    return draw(st.lists(point, min_size=1, max_size=5)), (height, width), side


@given(cases())
def test_a_sample_has_the_window_and_the_point_and_counts_no_pixel_twice(case):
    points, (height, width), side = case
    sample = sampled_pixels(torch.tensor(points), (height, width), side)
    area = min(side, height) * min(side, width)
    for (x, y), pixels, weights, target in zip(points, *sample, strict=True):
        assert pixels[target] == y * width + x
        window = pixels[:area]
        assert len(window.unique()) == area
        assert 0 <= pixels.min() <= pixels.max() < height * width
        assert (y - window // width).abs().max() <= side
        assert (x - window % width).abs().max() <= side
        assert (weights[:area] == 0).all()
        if area == height * width:
            assert len(pixels) == area
        repeated = torch.isin(pixels[area:], window)
        assert torch.equal(repeated, weights[area:] == -torch.inf)


def test_the_expected_weight_of_every_pixel_is_one():
    torch.manual_seed(0)
    count, (height, width) = 20_000, (6, 9)
    sample = sampled_pixels(torch.tensor([[8, 2]]).expand(count, -1), (height, width), 3)
    found = torch.zeros(count, height * width).scatter_add_(
        1, sample.pixels, sample.log_weights.exp()
    )
    error = (found.mean(dim=0) - 1).abs()
    assert (error <= 6 * found.std(dim=0) / count**0.5 + 1e-5).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"radius": True, "input_scale": "raw"},
        {"radius": True, "grid": "off_centre_radius", "widths": (8,)},
    ],
)
def test_the_logits_of_some_pixels_are_those_of_all(options):
    canvas = (7, 12)
    net = build(CoordConvClassifier(**options), canvas)
    points = torch.tensor([[3, 4], [11, 0], [0, 6]])
    pixels = torch.randint(7 * 12, (3, 20))
    expected = net(points).flatten(1).gather(1, pixels)
    torch.testing.assert_close(net.logits_at(points, pixels), expected)


def test_a_window_of_the_size_of_the_canvas_gives_the_loss_and_gradients_of_all_pixels():
    canvas, points = (7, 12), torch.tensor([[3, 4], [11, 0], [0, 6]])
    net = build(CoordConvClassifier(), canvas)
    losses = [Classification(canvas, window).loss(net, points) for window in (None, 12)]
    torch.testing.assert_close(losses[1], losses[0])
    ours, all_pixels = (torch.autograd.grad(loss, [*net.parameters()]) for loss in losses[::-1])
    torch.testing.assert_close(ours, all_pixels)


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("classification", {"model.coordinates": False}),
        ("classification", {"model.grid": "swapped_divisors"}),
        ("classification", {"model.batch_norm": True}),
        ("rendering", {}),
        ("regression", {}),
    ],
)
def test_a_network_that_needs_all_pixels_is_refused(task, settings):
    spec = tuned(task, "uniform", "coordconv")
    with pytest.raises(InputError, match="leave out loss_window"):
        with_settings(spec, {"training.loss_window": 8, **settings})


def test_an_ensemble_of_random_losses_is_refused(tmp_path):
    specs = [fast("classification", "uniform", "coordconv", seed) for seed in (0, 1)]
    with pytest.raises(InputError, match="draws random numbers in training"):
        run_ensemble(specs, RunStore(tmp_path))


def test_the_fast_recipe_gives_the_same_bits_again(tmp_path):
    settings = {"data.canvas": (14, 18), "data.square": 5, "training.loss_window": 4}
    spec = with_settings(fast("classification", "uniform", "coordconv"), settings)
    first, second = (run(spec, RunStore(tmp_path / name)) for name in "ab")
    assert first.weights_sha256 == second.weights_sha256
