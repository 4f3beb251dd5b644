"""Prediction in tiles and over flips is what the model gives for the full image."""

from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coordconv import (
    CoordConv2d,
    CoordConv3d,
    Placement,
    convert,
    positions,
    predict_flipped,
    predict_tiled,
)


class Output(NamedTuple):
    logits: torch.Tensor


class Named(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x):
        return Output(self.model(x))


def double(model: nn.Module) -> nn.Module:
    return model.to(torch.float64)


def blind(channels: int = 4) -> nn.Module:
    """A model that sees 3 pixels around each, at strides 1 and 2, and its position."""
    return double(
        nn.Sequential(
            CoordConv2d(3, channels, 3, padding=1),
            nn.Tanh(),
            nn.MaxPool2d(2),
            CoordConv2d(channels, 2, 3, padding=1, radius=True),
        )
    )


@pytest.mark.parametrize(
    ("tile", "overlap"), [(16, 8), ((16, 24), (8, 12)), (48, 6), (100, 0), ((12, 100), (8, 0))]
)
def test_overlapping_tiles_give_what_the_full_image_gives(tile, overlap):
    torch.manual_seed(0)
    model, image = blind(), torch.randn(2, 3, 40, 64).double()
    tiled = predict_tiled(model, image, tile, overlap)
    assert_close(tiled, model(image))


def test_volumes_are_tiled():
    model, volume = double(CoordConv3d(1, 2, 3, padding=1)), torch.randn(1, 1, 9, 10, 11).double()
    assert_close(predict_tiled(model, volume, (4, 5, 6), 2), model(volume))


def test_every_pixel_is_taken_from_the_tile_in_which_it_is_farthest_from_a_cut():
    class Distance(nn.Module):
        def forward(self, x):
            n = x.shape[-1]
            ramp = torch.arange(n)
            return torch.minimum(ramp, n - 1 - ramp).expand(1, 1, n).float()

    # Tiles start at 0, 6 and 10; overlaps of 4 and 8 are cut in their middle.
    found = predict_tiled(Distance(), torch.zeros(1, 1, 20), 10, 4)
    assert found[0, 0].tolist() == [0, 1, 2, 3, 4, 4, 3, 2, 2, 3, 4, 4, 3, 3, 4, 4, 3, 2, 1, 0]


def test_what_a_model_returns_may_be_named():
    model, image = Named(CoordConv2d(3, 2, 1)), torch.randn(1, 3, 8, 10)
    expected = model(image).logits
    assert_close(predict_tiled(model, image, 4, output=lambda out: out.logits), expected)
    assert_close(predict_flipped(model, image, output=lambda out: out.logits), expected)
    with pytest.raises(TypeError, match="got Output; select one with `output`"):
        predict_tiled(model, image, 4)


@pytest.mark.parametrize("dims", [(-1,), (-2, -1)])
def test_flipped_images_keep_their_positions(dims):
    # Pointwise layers and pooling know no direction, so that only the coordinates do.
    model = double(nn.Sequential(CoordConv2d(3, 4, 1), nn.Tanh(), CoordConv2d(4, 2, 1)))
    image = torch.randn(2, 3, 8, 10).double()
    each = predict_flipped(model, image, dims, average=False)
    assert_close(each, model(image).expand(2 ** len(dims), -1, -1, -1, -1))
    assert_close(predict_flipped(model, image, dims), model(image))
    naive = model(image.flip(-1)).flip(-1)
    assert (naive - model(image)).abs().max() > 0.01


def test_a_tile_is_flipped_at_its_place():
    model = double(nn.Sequential(CoordConv2d(3, 4, 1), nn.Tanh(), CoordConv2d(4, 2, 1)))
    image = torch.randn(2, 3, 8, 10).double()
    place = Placement((8, 10)).crop((2, 4), (4, 6))
    each = predict_flipped(model, image[..., 2:6, 4:], (-2, -1), placement=place, average=False)
    assert_close(each, model(image)[..., 2:6, 4:].expand(4, -1, -1, -1, -1))
    with pytest.raises(ValueError, match="but no input of Sequential has this size"):
        predict_flipped(model, image, placement=place)


def test_the_mean_of_large_numbers_does_not_overflow():
    x = torch.tensor([[[[60_000.0, -60_000.0, 3.0]]]], dtype=torch.float16)
    assert torch.equal(predict_flipped(nn.Identity(), x, (-2, -1)), x)


class Labels(nn.Module):
    """Return the label of each pixel."""

    def __init__(self, keepdim):
        super().__init__()
        self.layer, self.keepdim = CoordConv2d(1, 3, 3, padding=1), keepdim

    def forward(self, x):
        return self.layer(x).argmax(1, keepdim=self.keepdim)


def test_labels_are_tiled_and_flipped_but_not_averaged():
    torch.manual_seed(0)
    model, x = Labels(True), torch.randn(1, 1, 8, 12)
    assert predict_tiled(model, x, 4, 2).shape == (1, 1, 8, 12)
    assert predict_flipped(model, x, average=False).dtype == torch.int64
    with pytest.raises(TypeError, match=r"cannot average outputs of type torch\.int64"):
        predict_flipped(model, x)
    with pytest.raises(ValueError, match=r"shape \(N, K, \*size\), with 4 axes"):
        predict_tiled(Labels(False), x, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, x: predict_tiled(model, x, 8, 8), "`overlap` must be smaller"),
        (lambda model, x: predict_tiled(model, x, (8, 8, 8)), "for each of the 2 axes"),
        (lambda model, x: predict_tiled(model, x[0, 0], 8), r"shape \(N, C, \*size\)"),
        (lambda model, x: predict_tiled(model, x, 10, 5), "multiples of the stride"),
        (lambda model, x: predict_tiled(model, x, 8.0), "`tile` must be an integer"),
        (lambda model, x: predict_tiled(model, x, 0), "`tile` must be at least 1"),
        (lambda model, x: predict_tiled(model, x, 8, (2, 0.5)), "`overlap` must be an integer"),
        (lambda model, x: predict_flipped(model, x, (1,)), "counted from the last"),
        (lambda model, x: predict_flipped(model, x, -1), "must be different axes"),
        (lambda model, x: predict_flipped(model, x, (-1, -1)), "must be different axes"),
    ],
)
def test_what_cannot_be_joined_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(blind(), torch.randn(1, 3, 20, 24).double())


def test_class_scores_of_an_image_are_not_flipped():
    torch.manual_seed(0)
    model = nn.Sequential(CoordConv2d(3, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    image = torch.randn(2, 3, 8, 10)
    with pytest.raises(ValueError, match=r"with 4 axes as the image has, got shape \(2, 5\)"):
        predict_flipped(model, image)
    scores = predict_flipped(model, image, output=lambda out: out[..., None, None])
    assert_close(scores.flatten(1), model(image))
    with pytest.raises(TypeError, match="must be a Placement, got tuple; for a window"):
        predict_flipped(model, image, placement=((0, 0), (8, 10)))


def test_a_model_that_changes_its_input_gets_each_tile_unchanged():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = CoordConv2d(3, 2, 1)

        def forward(self, x):
            return self.layer(x.sub_(1))

    model, image = Shifted(), torch.randn(1, 3, 8, 12)
    kept = image.clone()
    assert_close(predict_tiled(model, image, 4, 2), model(image.clone()))
    assert torch.equal(image, kept)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_sliding_windows_of_monai_have_their_places():
    inferers = pytest.importorskip("monai.inferers")
    networks = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    net = networks.UNet(2, 1, 3, (8, 16), (2,), num_res_units=0, norm=None)
    convert(net, where="all")
    for layer in net.modules():
        if hasattr(layer, "coord_weight"):
            nn.init.normal_(layer.coord_weight)
    image = torch.randn(2, 1, 96, 160)

    def predict(windows, places):
        starts = torch.tensor([[axis.start for axis in place[2:]] for place in places])
        with positions(net, Placement(image.shape[2:]).crop(starts, windows.shape[2:])):
            return net(windows)

    with torch.no_grad():
        options = {"roi_size": (48, 48), "sw_batch_size": 4, "overlap": 0.5, "mode": "gaussian"}
        lost = inferers.sliding_window_inference(image, predictor=net, **options)
        found = inferers.sliding_window_inference(
            image, predictor=predict, with_coord=True, **options
        )
        expected = net(image)
        tiled = predict_tiled(net, image, 48, 24)
    inner = (..., slice(12, -12), slice(12, -12))
    assert_close(tiled, expected, rtol=0, atol=1e-5)
    error = (found - expected)[inner].abs().mean()
    assert error < 0.05 * (lost - expected)[inner].abs().mean()


@pytest.mark.parametrize("model", [nn.Conv2d(3, 2, 3), CoordConv2d(3, 2, 3)])
def test_a_model_without_padding_is_refused(model):
    """Its output for a tile has no fixed place in the output for the image."""
    with pytest.raises(ValueError, match="a network without padding cannot be tiled"):
        predict_tiled(model, torch.randn(1, 3, 12, 12), tile=8, overlap=4)
