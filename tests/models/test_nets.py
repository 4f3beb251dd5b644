"""Networks with all of their options."""

import warnings
from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from coordconv import CoordConv2d
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import one_hot_images
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.networks.pictures import scale_points
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    DeconvRenderer,
    Padding,
    SquareAutoencoder,
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
def test_a_point_becomes_an_image_of_any_canvas_shape(spec):
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
def test_an_image_of_any_shape_becomes_a_point(spec):
    assert build(spec, (40, 56))(one_hot_images(POINTS, (40, 56))).shape == (3, 2)


@pytest.mark.parametrize("padding", ["reflect", "circular"])
def test_a_regressor_supports_reflecting_and_circular_padding(padding):
    net = build(CoordConvRegressor(padding=padding, coordinates=False), (40, 56))
    assert net(one_hot_images(POINTS, (40, 56))).shape == (3, 2)


@pytest.mark.parametrize("encoder", ["conv", "coordconv"])
@pytest.mark.parametrize("decoder", ["deconv", "broadcast"])
def test_an_autoencoder_returns_an_image_of_the_same_size(encoder, decoder):
    net = build(SquareAutoencoder(encoder=encoder, decoder=decoder))
    assert net(one_hot_images(POINTS, (64, 64))).shape == (3, 1, 64, 64)


def test_a_reconstruction_depends_only_on_the_code():
    net = build(SquareAutoencoder(encoder="coordconv", decoder="broadcast", code=2), (24, 40))
    net.encoder = torch.nn.Sequential(net.encoder, torch.nn.Threshold(torch.inf, 0.5))
    images = one_hot_images(POINTS, (24, 40))
    torch.testing.assert_close(net(images), net(images[:1]).expand(3, -1, -1, -1))


def _coordinates_seen(grid, radius, canvas):
    """Return the coordinate channels that a layer uses."""
    net = build(CoordConvClassifier(widths=(2 + radius,), grid=grid, radius=radius), canvas)
    first = net.layers[0]
    with torch.no_grad():
        first.weight.zero_()
        first.coord_weight.copy_(torch.eye(2 + radius)[:, :, None, None])
    return first(torch.zeros(1, 2, *canvas))[0].detach()


def test_swapped_divisors_equal_the_papers_code_computed_by_hand():
    """On 2 rows and 3 columns, x is 0, 1, 2 over 1 and y is 0, 1 over 2, mapped to [-1, 1]."""
    x, y, r = _coordinates_seen("swapped_divisors", True, (2, 3))
    torch.testing.assert_close(x, torch.tensor([[-1.0, 1, 3], [-1, 1, 3]]))
    torch.testing.assert_close(y, torch.tensor([[-1.0, -1, -1], [0, 0, 0]]))
    torch.testing.assert_close(r, (x**2 + y**2).sqrt())
    right = _coordinates_seen("right", False, (5, 5))
    torch.testing.assert_close(_coordinates_seen("swapped_divisors", False, (5, 5)), right)


def test_the_off_centre_radius_is_measured_from_one_half():
    x, y, r = _coordinates_seen("off_centre_radius", True, (3, 5))
    torch.testing.assert_close(r, ((x - 0.5) ** 2 + (y - 0.5) ** 2).sqrt())
    torch.testing.assert_close(torch.stack([x, y]), _coordinates_seen("right", False, (3, 5)))


def test_the_tutorials_normalization_uses_batch_statistics_in_evaluation_too():
    images = one_hot_images(POINTS, (64, 64))
    for statistics, alike in (("running", True), ("batch", False)):
        spec = ConvPooledRegressor(
            padding="valid", normalise="after", statistics=statistics, last_activation="none"
        )
        torch.manual_seed(0)
        net = build(spec).eval()
        difference = (net(images)[:1] - net(images[:1])).abs().max()
        assert (difference < 1e-3) == alike


def test_a_canvas_too_small_for_the_network_is_refused():
    with pytest.raises(InputError, match="larger canvas"):
        build(ConvFlatRegressor(padding="valid"), (16, 16))


def test_scaled_points_are_the_coordinates_of_their_own_pixels():
    corners = torch.tensor([[0, 0], [39, 23]])
    scaled = scale_points(corners, (24, 40), "unit")
    torch.testing.assert_close(scaled, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    torch.testing.assert_close(scale_points(corners, (24, 40), "raw"), corners.float())


def _reach(kernel: int, widths: tuple[int, ...]) -> int:
    """Return the width of the receptive field of a rendered pixel in the softmax map."""
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
def test_the_receptive_field_of_a_renderer_covers_a_square_of_9_only_with_large_kernels(
    kernel, widths, pixels
):
    assert _reach(kernel, widths) == pixels


def test_the_receptive_field_of_the_tuned_renderer_covers_a_square():
    spec = tuned("rendering", "uniform", "coordconv")
    assert isinstance(spec.model, CoordConvRenderer)
    assert _reach(spec.model.painter_kernel, spec.model.painter_widths) >= spec.data.square


@pytest.fixture
def every_warning():
    torch.set_warn_always(True)  # by default torch warns once per process
    yield
    torch.set_warn_always(False)


def test_an_even_kernel_does_not_warn(every_warning):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        build(CoordConvRenderer(painter_kernel=2))(torch.tensor([[4, 4]]))
    assert not said


def test_scaling_the_input_of_a_renderer_equals_scaling_its_weights():
    spec = CoordConvRenderer(painter_widths=(), painter_input_scale=30)
    net, plain = build(spec), build(spec.model_copy(update={"painter_input_scale": 1.0}))
    plain.load_state_dict(net.state_dict())
    with torch.no_grad():
        plain.paint[-1].weight *= 30
    points = torch.tensor([[5, 7], [40, 12]])
    torch.testing.assert_close(net(points), plain(points))


def test_scaling_a_painters_logits_is_scaling_those_of_the_point_and_those_of_the_pixels():
    spec = CoordConvRenderer(painter_widths=(), painter_logit_scale=30)
    net, plain = build(spec), build(spec.model_copy(update={"painter_logit_scale": 1.0}))
    plain.load_state_dict(net.state_dict())
    with torch.no_grad():
        plain.paint[-1].bias.fill_(-0.5)
        net.paint[-1].bias.fill_(-0.5)
        point_logits = plain.find(POINTS)
        torch.testing.assert_close(net(POINTS), 30 * plain.draw(30 * point_logits))
        torch.testing.assert_close(net.find(POINTS), point_logits)


def test_a_deconv_renderer_is_the_deconv_classifier_and_the_painter_of_coordconv():
    options = {"painter_widths": (), "painter_kernel": 5, "painter_input_scale": 7.0}
    net = build(DeconvRenderer(width=1, input_scale="raw", **options))
    classifier = build(DeconvNet(width=1, input_scale="raw"))
    classifier.load_state_dict(net.find.state_dict())
    coordconv = build(CoordConvRenderer(**options))
    coordconv.paint.load_state_dict(net.paint.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(net(POINTS), coordconv.draw(classifier(POINTS)))


def test_the_rendered_image_depends_only_on_the_predicted_point():
    net = build(CoordConvRenderer())
    with torch.no_grad():
        torch.testing.assert_close(net(POINTS), net.draw(net.find(POINTS)))


@pytest.mark.parametrize("rule", ["glorot", "he"])
def test_initial_weights_have_the_variance_of_their_rule(rule):
    torch.manual_seed(0)
    net = build(CoordConvClassifier(widths=(512, 512), initialisation=rule))
    first, second = net.layers[0], net.layers[2]
    joined = torch.cat([first.weight, first.coord_weight], dim=1)
    for weight, inputs, outputs in ((joined, 4, 512), (second.weight, 512, 512)):
        variance = 2 / (inputs + outputs) if rule == "glorot" else 2 / inputs
        torch.testing.assert_close(weight.var().item(), variance, rtol=0.12, atol=0)
    assert not first.bias.any()


@pytest.mark.parametrize("padding", get_args(get_args(Padding)[0]))
def test_every_padding_of_a_regressor_is_built(padding):
    net = build(CoordConvRegressor(padding=padding), (40, 56))
    assert net(one_hot_images(POINTS, (40, 56))).shape == (3, 2)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("layers", "places"),
    [("first", [0]), ("middle", [4]), ("last", [-1]), ("all", None)],
)
def test_the_coordinates_of_a_strided_network_are_where_its_spec_puts_them(layers, places, padding):
    spec = ConvPooledRegressor(padding=padding, coordinates=True, coordinate_layers=layers)
    kinds = (nn.Conv2d, CoordConv2d)
    convolutions = [layer for layer in build(spec).layers if isinstance(layer, kinds)]
    expected = convolutions if places is None else [convolutions[place] for place in places]
    assert [layer for layer in convolutions if isinstance(layer, CoordConv2d)] == expected


def test_a_place_for_coordinates_is_refused_without_coordinates():
    with pytest.raises(ValidationError, match="needs coordinates=True"):
        ConvPooledRegressor(coordinate_layers="last")
