"""What a net can and cannot do follows from its arithmetic: no training enters here."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coordconv_lab.data import NotSoClevr, one_hot_images
from coordconv_lab.models import build
from coordconv_lab.specs import (
    CoordConvClassifier,
    CoordConvRegressor,
    DataSpec,
    ExperimentSpec,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    TrainingSpec,
)
from coordconv_lab.tasks import task_of

CANVAS = (12, 17)
INTERIOR = torch.cartesian_prod(torch.arange(3, 14), torch.arange(3, 9))  # two pixels from a border
EVERYWHERE = torch.cartesian_prod(torch.arange(17), torch.arange(12))


def _net(spec, seed=0):
    torch.manual_seed(seed)
    net = build(spec, CANVAS).double()
    for parameter in net.parameters():  # biases too: fresh ones are zero
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
    """As long as every kernel sees the pixel with all of its weights: inside of the picture."""
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
    scores = task.score(task.predict(build(spec.model, canvas), points), points)
    main = next(iter(scores.values()))
    assert (main == 1).all()
    if kind == "regression":
        assert (scores["distance"] == 0).all()
