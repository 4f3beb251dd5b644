"""What every net does, whatever its options."""

import pytest
import torch

from coordconv_lab.data import one_hot_images
from coordconv_lab.errors import InputError
from coordconv_lab.models import build
from coordconv_lab.models.pictures import scale_points
from coordconv_lab.recipes import tuned
from coordconv_lab.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
)

POINTS = torch.tensor([[9, 4], [30, 11], [20, 19]])


@pytest.mark.parametrize(
    "spec",
    [
        CoordConvClassifier(),
        CoordConvClassifier(radius=True, batch_norm=True, input_scale="raw"),
        CoordConvRenderer(),
        CoordConvRenderer(painter_kernel=2, painter_widths=(), initialisation="torch"),
    ],
)
def test_a_point_becomes_a_picture_of_the_canvas_whatever_its_shape(spec):
    assert build(spec, (24, 40))(POINTS).shape == (3, 1, 24, 40)


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_deconv_doubles_one_pixel_six_times(kernel):
    assert build(DeconvNet(width=1, kernel=kernel))(POINTS).shape == (3, 1, 64, 64)


@pytest.mark.parametrize(
    "spec",
    [
        CoordConvRegressor(),
        CoordConvRegressor(head="average", activation="relu", padding="same", radius=True),
        CoordConvRegressor(head="sum", initialisation="he"),
        ConvFlatRegressor(),
        ConvFlatRegressor(padding="valid", pool_stride=1),
        ConvPooledRegressor(),
        ConvPooledRegressor(head="max", batch_norm=False, last_activation="none"),
    ],
)
def test_an_image_becomes_a_point_whatever_its_shape(spec):
    assert build(spec, (40, 56))(one_hot_images(POINTS, (40, 56))).shape == (3, 2)


def test_a_canvas_too_small_for_the_net_is_refused():
    with pytest.raises(InputError, match="larger canvas"):
        build(ConvFlatRegressor(padding="valid"), (16, 16))


def test_scaled_points_are_the_coordinates_of_their_own_pixels():
    corners = torch.tensor([[0, 0], [39, 23]])
    scaled = scale_points(corners, (24, 40), "unit")
    torch.testing.assert_close(scaled, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    torch.testing.assert_close(scale_points(corners, (24, 40), "raw"), corners.float())


def _reach(kernel: int, widths: tuple[int, ...]) -> int:
    """How many pixels wide an area of the softmax map changes one painted pixel."""
    net = build(CoordConvRenderer(painter_kernel=kernel, painter_widths=widths))
    for parameter in net.paint.parameters():
        torch.nn.init.ones_(parameter)
    sharpened = torch.zeros(1, 1, 41, 41, requires_grad=True)
    net.paint(sharpened)[0, 0, 20, 20].backward()
    assert sharpened.grad is not None
    return int((sharpened.grad[0, 0].abs().sum(dim=0) > 0).sum())


PUBLISHED = (8, 8, 16, 16)


@pytest.mark.parametrize(
    ("kernel", "widths", "pixels"),
    [(1, PUBLISHED, 1), (2, PUBLISHED, 6), (3, PUBLISHED, 11), (5, (8,), 9)],
)
def test_a_painter_sees_a_whole_square_of_9_only_if_its_kernels_reach_that_far(
    kernel, widths, pixels
):
    assert _reach(kernel, widths) == pixels


def test_the_painter_of_the_tuned_recipe_sees_a_whole_square():
    spec = tuned("rendering", "uniform", "coordconv")
    assert isinstance(spec.model, CoordConvRenderer)
    assert _reach(spec.model.painter_kernel, spec.model.painter_widths) >= spec.data.square


def test_scaling_a_painters_input_is_scaling_its_weights():
    spec = CoordConvRenderer(painter_widths=(), painter_input_scale=30)
    net, plain = build(spec), build(spec.model_copy(update={"painter_input_scale": 1.0}))
    plain.load_state_dict(net.state_dict())
    with torch.no_grad():
        plain.paint[-1].weight *= 30
    points = torch.tensor([[5, 7], [40, 12]])
    torch.testing.assert_close(net(points), plain(points))


def test_the_rendered_picture_is_drawn_from_the_found_point_alone():
    net = build(CoordConvRenderer())
    with torch.no_grad():
        torch.testing.assert_close(net(POINTS), net.draw(net.find(POINTS)))


@pytest.mark.parametrize("rule", ["glorot", "he"])
def test_initial_weights_have_the_variance_that_their_rule_states(rule):
    torch.manual_seed(0)
    net = build(CoordConvClassifier(widths=(512, 512), initialisation=rule))
    first, second = net.layers[0], net.layers[2]
    joined = torch.cat([first.weight, first.coord_weight], dim=1)
    for weight, inputs, outputs in ((joined, 4, 512), (second.weight, 512, 512)):
        variance = 2 / (inputs + outputs) if rule == "glorot" else 2 / inputs
        torch.testing.assert_close(weight.var().item(), variance, rtol=0.12, atol=0)
    assert not first.bias.any()
