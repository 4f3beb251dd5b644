"""A feature map follows a shift of the image, unless coordinates or padding tell where it is."""

import pytest
import torch
from torch import nn

from coordconv import CoordConv2d
from coordconv.usage import position_sensitivity


def images(size=(24, 32)):
    return torch.randn(2, 1, *size, generator=torch.Generator().manual_seed(0))


def of(sensitivity):
    return {row.layer: row for row in sensitivity}


def test_convolutions_without_padding_follow_a_shift():
    model = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.Conv2d(4, 2, 3, 2), nn.Conv2d(2, 2, 3))
    for row in position_sensitivity(model, images(), 4):
        assert (row.interior, row.border) == pytest.approx((0, 0), abs=1e-6)
        assert row.interior_without is None


def test_padding_only_tells_the_border():
    row = of(position_sensitivity(nn.Conv2d(1, 4, 3, padding=1), images(), 4))[""]
    assert row.interior == pytest.approx(0, abs=1e-6)
    assert row.border > 0.01


def test_coordinates_tell_the_interior_and_zero_coordinates_do_not():
    row = of(position_sensitivity(CoordConv2d(1, 4, 3, padding=1), images(), (4, 8)))[""]
    assert row.interior > 0.05
    assert row.interior_without == pytest.approx(0, abs=1e-6)
    assert (row.border_without or 0) > 0.01


def test_the_error_of_known_coordinates():
    model = CoordConv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
        model.coord_weight.copy_(torch.tensor([0.5, 0.0]).view(1, 2, 1, 1))
    x = images((20, 36))
    row = of(position_sensitivity(model, x, (4, 8)))[""]
    with torch.no_grad():
        crop = model(x[..., :16, :28])
    # 28 columns from -1 to 1: eight columns further, x is 16 / 27 larger.
    wanted = 0.5 * 16 / 27 / (crop - crop.mean()).abs().mean().item()
    assert (row.interior, row.border) == pytest.approx((wanted, wanted), rel=1e-5)


def test_a_stride_must_divide_the_shift():
    model = nn.Sequential(nn.Conv2d(1, 2, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert set(of(position_sensitivity(model, images(), 4))) == {"0"}
    found = position_sensitivity(model, images((27, 35)), 3)
    assert set(found.skipped) == {"", "0", "1", "2"}
    assert "could not be compared: 0, 1, 2, the model itself" in str(found)


@pytest.mark.parametrize("shift", [0, 7, (1, 2, 3), -1, 4.0, (4.0, 4.0)])
def test_a_shift_that_does_not_fit_is_refused(shift):
    with pytest.raises(ValueError, match=r"a quarter of the size|`shift` must be"):
        position_sensitivity(nn.Conv2d(1, 1, 1), images(), shift)


@pytest.mark.parametrize("place", [0, 1])
def test_a_model_that_works_in_place_has_the_errors_of_one_that_does_not(place):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)]
    plain = nn.Sequential(*layers[:place], nn.LeakyReLU(0.5), *layers[place:])
    in_place = nn.Sequential(*layers[:place], nn.LeakyReLU(0.5, inplace=True), *layers[place:])
    x = images()
    assert list(position_sensitivity(in_place, x, 4)) == list(position_sensitivity(plain, x, 4))
    assert torch.equal(x, images())


@pytest.mark.parametrize("shift", [2, 3, 4, 6])
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("kernel", [1, 7])
def test_exactly_the_layers_whose_stride_divides_the_shift_are_compared(kernel, stride, shift):
    """By the definition of a convolution, its map moves by shift / stride pixels."""
    for length in range(25, 25 + stride):
        layer = nn.Conv1d(1, 2, kernel, stride)
        x = torch.randn(1, 1, length)
        found = of(position_sensitivity(layer, x, shift))
        pixels = (length - shift - kernel) // stride + 1
        assert ("" in found) == (shift % stride == 0 and shift // stride <= pixels - 4)
        for row in found.values():
            assert (row.interior, row.border) == pytest.approx((0, 0), abs=1e-5)


@pytest.mark.parametrize("decoder", [nn.ConvTranspose1d(2, 1, 4, 4), nn.Upsample(scale_factor=2)])
def test_maps_that_are_made_larger_again_are_compared_if_the_stride_before_divides_the_shift(
    decoder,
):
    model = nn.Sequential(nn.Conv1d(1, 2, 4, 4), decoder)
    for length in range(40, 44):
        x = torch.randn(1, 1, length)
        assert [row.interior for row in position_sensitivity(model, x, 8)] == pytest.approx(
            [0, 0, 0], abs=1e-6
        )
        assert set(position_sensitivity(model, x, 6).skipped) == {"", "0", "1"}


def test_a_model_that_only_accepts_some_sizes_is_compared_from_those():
    class OnlyMultiplesOf4(nn.Module):
        def forward(self, x):
            assert x.shape[-1] % 4 == 0
            return x

    model = nn.Sequential(OnlyMultiplesOf4(), nn.Conv1d(1, 2, 2, 2))
    assert len(position_sensitivity(model, torch.randn(1, 1, 32), 4)) == 3
    # Of the three sizes that are needed, only that of the two crops is accepted.
    with pytest.raises(AssertionError):
        position_sensitivity(model, torch.randn(1, 1, 32), 3)
    found = position_sensitivity(model, torch.randn(1, 1, 30), 2)
    assert set(found.skipped) == {"", "0", "1"}


@pytest.mark.parametrize("given", [torch.zeros(0, 1, 16, 16), torch.zeros(2, 1), [1.0]])
def test_what_is_not_a_batch_of_images_is_refused(given):
    with pytest.raises(ValueError, match="`images` must be a tensor of shape"):
        position_sensitivity(nn.Identity(), given, 2)


def test_a_compiled_model_is_measured_like_the_original():
    torch.manual_seed(0)
    model, x = nn.Sequential(CoordConv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 1)), images()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(x)
    found, expected = position_sensitivity(compiled, x, 4), position_sensitivity(model, x, 4)
    assert [row[1:] for row in found] == [row[1:] for row in expected]
    torch._dynamo.reset()
