"""Theorems about what networks can and cannot compute, without training."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coordconv_lab.experiments.notsoclevr.data import NotSoClevr, one_hot_images
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.specs import (
    CoordConvClassifier,
    CoordConvRegressor,
    DataSpec,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
)
from coordconv_lab.experiments.notsoclevr.tasks import task_of
from coordconv_lab.specs import ExperimentSpec, TrainingSpec

CANVAS = (12, 17)
INTERIOR = torch.cartesian_prod(torch.arange(3, 14), torch.arange(3, 9))  # two pixels from a border
EVERYWHERE = torch.cartesian_prod(torch.arange(17), torch.arange(12))


def _net(spec, seed=0):
    torch.manual_seed(seed)
    net = build(spec, CANVAS).double()
    for parameter in net.parameters():  # including biases, which are initially zero
        torch.nn.init.normal_(parameter)
    return net


@pytest.mark.parametrize("seed", range(3))
def test_without_coordinates_a_tiled_point_gives_every_pixel_the_same_answer(seed):
    spec = CoordConvClassifier(coordinates=False, input_scale="raw")
    logits = _net(spec, seed).float()(EVERYWHERE).flatten(1)
    torch.testing.assert_close(logits, logits[:, :1].expand_as(logits))
    with_coordinates = _net(CoordConvClassifier(), seed).float()(EVERYWHERE).flatten(1)
    assert (with_coordinates.std(dim=1) > 0.1).all()


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("seed", range(3))
def test_the_average_of_an_affine_net_does_not_depend_on_where_the_pixel_is(padding, seed):
    """For pixels far enough from the border that all weights of every kernel apply."""
    images = one_hot_images(INTERIOR, CANVAS).double()
    if padding == "valid":
        inside = (INTERIOR > 3).all(dim=1) & (torch.tensor([13, 8]) > INTERIOR).all(dim=1)
        images = images[inside]

    def spread(activation):
        spec = CoordConvRegressor(head="average", activation=activation, padding=padding)
        return _net(spec, seed)(images).std(dim=0)

    assert (spread("none") < 1e-9).all()
    assert (spread("relu") > 1e-3).any()


@pytest.mark.parametrize("head", ["max", "average", "sum"])
@pytest.mark.parametrize("seed", range(3))
def test_with_circular_padding_and_no_coordinates_the_maximum_is_the_same_everywhere(head, seed):
    def spread(padding):
        spec = CoordConvRegressor(
            coordinates=False, activation="relu", kernel=5, head=head, padding=padding
        )
        return _net(spec, seed)(one_hot_images(EVERYWHERE, CANVAS).double()).std(dim=0)

    assert (spread("circular") < 1e-9).all()
    assert (spread("same") > 1e-3).any()


def _follows_one_map(spec, canvas, image, slopes):
    """The regressor whose output i is the maximum of image * pixel + slopes[i] * coordinate i.

    Coordinates run from -1 to 1; its layers pass both maps on, its kernels by their middle tap.
    """
    net = build(spec, canvas).double()
    first, *middle, last = net.layers
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        first.weight[:2, 0] = image
        first.coord_weight[[0, 1], [0, 1]] = torch.tensor(slopes, dtype=torch.float64)[
            :, None, None
        ]
        for layer in (*middle, last):
            center = layer.kernel_size[0] // 2
            layer.weight[[0, 1], [0, 1], center, center] = 1
    return net


@pytest.mark.parametrize("canvas", [(12, 17), (17, 12), (9, 9)])
@given(
    slopes=st.tuples(st.floats(0.5, 4), st.floats(-4, -0.5)),
    swapped=st.booleans(),
    surplus=st.floats(1e-3, 3),
)
@settings(max_examples=10, deadline=None)
def test_the_linear_maximum_is_exact_once_the_image_weighs_enough(canvas, slopes, swapped, surplus):
    """Both axes, at every position that the kernels reach without padding."""
    slopes = slopes[::-1] if swapped else slopes
    height, width = canvas
    points = torch.cartesian_prod(torch.arange(2, width - 2), torch.arange(2, height - 2))
    images = one_hot_images(points, canvas).double()
    expected = 2 * points.double() / torch.tensor([width - 1, height - 1]) - 1
    spec = CoordConvRegressor(input_scale=1)

    def read(image):
        net = _follows_one_map(spec, canvas, image, slopes)
        return (net(images) - image) / torch.tensor(slopes, dtype=torch.float64)

    torch.testing.assert_close(read(2 * max(map(abs, slopes)) + surplus), expected)
    too_little = read(0.9 * min(map(abs, slopes)))
    assert not torch.isclose(too_little, expected).all(dim=0).any()


def test_the_first_listing_makes_square_grids_for_every_canvas():
    """Its x range is repeated by the width of the canvas, and its y range by the height."""
    height, width = CANVAS
    ones = torch.ones(width, 1)
    x = ones @ torch.arange(width, dtype=torch.float32)[None]
    y = torch.arange(height, dtype=torch.float32)[:, None] @ torch.ones(1, height)
    assert x.shape == (width, width)
    assert y.shape == (height, height)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        torch.cat([torch.zeros(1, height, width), x[None], y[None]])


@given(
    canvas=st.tuples(st.integers(8, 24), st.integers(8, 24)),
    square=st.integers(1, 7),
    kind=st.sampled_from(["classification", "regression", "rendering"]),
)
@settings(max_examples=40, deadline=None)
def test_hand_built_nets_are_right_at_every_position(canvas, square, kind):
    nets = {
        "classification": HandBuiltClassifier(),
        "regression": HandBuiltRegressor(),
        "rendering": HandBuiltRenderer(square=square),
    }
    spec = ExperimentSpec(
        task=kind,
        data=DataSpec(canvas=canvas, square=square),
        model=nets[kind],
        training=TrainingSpec(epochs=0),
    )
    task, points = task_of(spec), NotSoClevr(spec.data).points
    scores = task.score(task.read(task.ask(build(spec.model, canvas), points)), points)
    main = next(iter(scores.values()))
    assert (main == 1).all()
    if kind == "regression":
        assert (scores["distance"] == 0).all()
