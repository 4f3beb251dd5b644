"""Crops and flips at a place of their own for every sample equal the concatenation."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.data import default_collate

from coordconv import (
    CoordConv1d,
    CoordConv2d,
    CoordConv3d,
    CoordConvTranspose2d,
    CoordConvTranspose3d,
    Placement,
)
from coordconv.computation import separate as computed

SAMPLES = 8
LAYERS = {
    "signal": (CoordConv1d, (9,), {"kernel_size": 3, "padding": 1}),
    "pointwise": (CoordConv2d, (7, 9), {"kernel_size": 1}),
    "strided": (CoordConv2d, (7, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "dilated": (CoordConv2d, (7, 9), {"kernel_size": 3, "dilation": 2, "groups": 2}),
    "mirrored margins": (
        CoordConv2d,
        (7, 9),
        {"kernel_size": 3, "padding": 1, "padding_mode": "reflect", "convention": "pixels"},
    ),
    "one pixel wide": (CoordConv2d, (7, 1), {"kernel_size": (3, 1), "coord_kernel_size": 1}),
    "volume": (CoordConv3d, (5, 4, 6), {"kernel_size": 3, "padding": 1}),
    "transposed": (CoordConvTranspose2d, (7, 9), {"kernel_size": 3, "stride": 2}),
    "transposed volume": (CoordConvTranspose3d, (3, 4, 5), {"kernel_size": 2, "stride": 2}),
}


def windows(size: tuple[int, ...]) -> dict[str, object]:
    rank = len(size)
    start, full = torch.randint(20, (SAMPLES, rank)), torch.randint(20, 40, (SAMPLES, rank))
    image = Placement((40,) * rank)
    crops = [image.crop(one, size) for one in start.tolist()]
    return {
        "windows": (start, full),
        "crops of one image": image.crop(start, size),
        "crops between pixels": Placement(size, full, start + 0.3),
        "flips": default_collate([*crops[:3], *[crop.flip(-1) for crop in crops[3:]]]),
        "one axis": image.crop([*[3] * (rank - 1), start[:, -1]], size),
    }


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_place_for_every_sample_equals_concatenation(name, last):
    torch.manual_seed(0)
    kind, size, options = LAYERS[name]
    layer = kind(4, 6, **options).double()
    x = torch.randn(SAMPLES, 4, *size).double()
    if last and len(size) > 1:
        formats = {2: torch.channels_last, 3: torch.channels_last_3d}
        x = x.to(memory_format=formats[len(size)])
    for window in windows(size).values():
        layer.method = "concatenate"
        expected = layer(x, window=window)
        upstream = torch.randn_like(expected)
        gradients = torch.autograd.grad(expected, [*layer.parameters()], upstream)
        layer.method = "separate"
        output = layer(x, window=window)
        assert_close(output, expected)
        assert_close(torch.autograd.grad(output, [*layer.parameters()], upstream), gradients)
        with torch.no_grad():
            assert_close(layer(x, window=window), expected)
        assert output.is_contiguous() == layer(x).is_contiguous()


def test_it_is_this_way_that_the_tests_take(monkeypatch):
    taken = []
    original = computed.per_sample_term
    monkeypatch.setattr(
        computed,
        "per_sample_term",
        lambda *args, **options: taken.append(original(*args, **options)) or taken[-1],
    )
    layer, x = CoordConv2d(3, 4, 3, method="separate"), torch.randn(SAMPLES, 3, 7, 9)
    for window in windows((7, 9)).values():
        layer(x, window=window)
    assert len(taken) == len(windows((7, 9)))
    assert all(one is not None for one in taken)
    layer(x)
    layer(x[:4], window=(torch.zeros(4, 2), (40, 40)))  # an image for each is less work
    CoordConv2d(3, 4, 3, radius=True, method="separate")(x, window=(torch.zeros(8, 2), (40, 40)))
    turned = Placement((7, 9)).affine_grid(torch.randn(SAMPLES, 2, 3))
    layer(x, window=turned)
    assert len(taken) == len(windows((7, 9))) + 3
    assert all(one is None for one in taken[-3:])


def test_the_gradient_of_a_place_is_that_of_concatenation():
    layer, x = CoordConv2d(3, 4, 3).double(), torch.randn(SAMPLES, 3, 7, 9).double()
    start = torch.rand(SAMPLES, 2, dtype=torch.float64, requires_grad=True)
    found = []
    for method in ("concatenate", "separate"):
        layer.method = method
        output = layer(x, window=Placement((20, 20)).crop(start, (7, 9))).tanh().sum()
        found.append(torch.autograd.grad(output, start)[0])
    assert_close(found[1], found[0])


def test_rows_for_another_number_of_samples_are_refused():
    layer = CoordConv2d(3, 4, 1, method="separate")
    with pytest.raises(ValueError, match="rows for 6 samples"):
        layer(torch.randn(8, 3, 5, 5), window=(torch.zeros(6, 2), (40, 40)))
    nn.init.zeros_(layer.coord_weight)
    plain = nn.functional.conv2d(x := torch.randn(8, 3, 5, 5), layer.weight, layer.bias)
    assert torch.equal(layer(x, window=(torch.zeros(8, 2), (40, 40))), plain)
