"""Every fault that published CoordConv code has, as a law: ours keep it, the faulty code breaks it.

Each test below is one law. It is applied to this library, which must pass, and to a small model of
the published fault, which must fail: so the law is seen to catch what it is there for.
"""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional
from torch.testing import assert_close

from coordconv import AddCoords, CoordConv2d, append_coordinates, coordinate_grid
from coordconv.testing import (
    assert_equals_concatenation,
    assert_function_preserved,
    assert_grid_convention,
)


def expect_failure(law, *arguments) -> None:
    """Run a law on faulty code: it must fail, by an assertion or with the fault's own error."""
    with pytest.raises(Exception):  # noqa: B017, PT011
        law(*arguments)


def published(height: int, width: int, radius_from: float | None = 0.0) -> Tensor:
    """Return the published computation, i / (n - 1) * 2 - 1, without guards."""
    x = (torch.arange(width) / (width - 1) * 2 - 1).expand(height, width)
    y = (torch.arange(height) / (height - 1) * 2 - 1)[:, None].expand(height, width)
    if radius_from is None:
        return torch.stack([x, y])
    return torch.stack([x, y, ((x - radius_from) ** 2 + (y - radius_from) ** 2).sqrt()])


def test_x_is_divided_by_its_own_length_on_a_grid_that_is_not_square():
    def swapped(size):
        height, width = size
        x = (torch.arange(width) / (height - 1) * 2 - 1).expand(height, width)
        y = (torch.arange(height) / (width - 1) * 2 - 1)[:, None].expand(height, width)
        return torch.stack([x, y])

    def law(make_grid):
        assert_grid_convention(make_grid, sizes=[(3, 5), (4, 2)])

    law(coordinate_grid)
    law(lambda size: published(*size, radius_from=None))
    expect_failure(law, swapped)


def test_the_radius_is_measured_from_the_center_and_not_from_one_half():
    def law(make_grid):
        assert_grid_convention(make_grid, radius=True, sizes=[(3, 5)])

    law(lambda size: coordinate_grid(size, radius=True))
    law(lambda size: published(*size, radius_from=0.0))
    expect_failure(law, lambda size: published(*size, radius_from=0.5))


def test_an_axis_of_length_one_is_at_the_center_and_neither_nan_nor_at_the_edge():
    def by_linspace(size):
        y, x = (torch.linspace(-1, 1, n) for n in size)
        return torch.stack([x.expand(*size), y[:, None].expand(*size)])

    def law(make_grid):
        assert_grid_convention(make_grid, sizes=[(1, 4), (4, 1), (1, 1)])

    law(coordinate_grid)
    expect_failure(law, lambda size: published(*size, radius_from=None))
    expect_failure(law, by_linspace)


class ByLinspace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        column = torch.linspace(-1, 1, width).expand(len(x), 1, height, width)
        row = torch.linspace(-1, 1, height)[:, None].expand(len(x), 1, height, width)
        return torch.cat([x, column, row], dim=1)


def test_sizes_stay_dynamic_in_an_exported_graph():
    def law(module):
        axes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
        example = torch.randn(2, 3, 6, 8)
        exported = torch.export.export(module, (example,), dynamic_shapes=(axes,)).module()
        x = torch.randn(3, 3, 5, 9)
        assert_close(exported(x), module(x))

    law(AddCoords())
    law(CoordConv2d(3, 4, 3))
    expect_failure(law, ByLinspace())


def test_coordinates_in_half_precision_are_rounded_once():
    def in_half_precision(size):
        (length,) = size
        steps = torch.arange(length, dtype=torch.bfloat16)
        return (steps / (length - 1) * 2 - 1)[None]

    def law(make_grid):
        # 385 distinct values are left of 1024 where everything is computed in bfloat16.
        assert make_grid((1024,)).unique().numel() == 768

    law(lambda size: coordinate_grid(size, dtype=torch.bfloat16))
    expect_failure(law, in_half_precision)


class InFloat32(CoordConv2d):
    """Adds or joins float32 coordinates for every dtype of the features."""

    def forward(self, input: Tensor, **where) -> Tensor:
        grid = coordinate_grid(input.shape[-2:], dtype=torch.float32)
        features = super().forward(input)
        return features + 0 * grid.sum() * torch.ones(1)


class JoinedInFloat32(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        grid = coordinate_grid(input.shape[-2:], dtype=torch.float32)
        return super().forward(torch.cat([input, grid.expand(len(input), -1, -1, -1)], dim=1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_output_of_a_model_that_was_cast_has_its_dtype(dtype):
    def law(layer):
        assert layer.to(dtype)(torch.randn(2, 3, 5, 6).to(dtype)).dtype == dtype

    law(CoordConv2d(3, 4, 3, padding=1))
    law(nn.Sequential(AddCoords(), nn.Conv2d(5, 4, 3)))
    expect_failure(law, JoinedInFloat32(5, 4, 3))


def test_autocast_features_are_not_promoted_to_float32():
    def law(layer):
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(torch.randn(2, 3, 5, 6)).dtype == torch.bfloat16

    law(CoordConv2d(3, 4, 3, padding=1))
    law(CoordConv2d(3, 4, 1))
    expect_failure(law, InFloat32(3, 4, 3, padding=1))


def test_channels_last_is_kept():
    def joined_contiguous(x):
        grid = coordinate_grid(x.shape[-2:]).expand(len(x), -1, -1, -1)
        return torch.cat([x, grid], dim=1)

    def law(function):
        x = torch.randn(2, 3, 5, 6).to(memory_format=torch.channels_last)
        assert function(x).is_contiguous(memory_format=torch.channels_last)

    law(append_coordinates)
    law(CoordConv2d(3, 4, 3).to(memory_format=torch.channels_last))
    expect_failure(law, joined_contiguous)


def test_integer_images_give_an_error_or_the_right_numbers_and_not_zeros():
    def cast_to_the_image(x):
        grid = coordinate_grid(x.shape[-2:], convention="monai").to(x.dtype)
        return torch.cat([x, grid.expand(len(x), -1, -1, -1)], dim=1)

    def law(function, convention="paper"):
        images = torch.randint(0, 255, (1, 1, 3, 5), dtype=torch.uint8)
        try:
            coordinates = function(images)[:, 1:]
        except TypeError as error:
            assert "float" in str(error)  # noqa: PT017
        else:
            expected = coordinate_grid((3, 5), convention=convention)
            assert_close(coordinates[0].float(), expected)

    law(append_coordinates)
    expect_failure(law, cast_to_the_image, "monai")
    expect_failure(law, lambda x: torch.cat([x, coordinate_grid((3, 5))[None].to(x.dtype)], 1))


class OnlyTheLastGroups(CoordConv2d):
    """Appends the coordinates to the end of all channels, where only the last groups see them."""

    def forward(self, input: Tensor, **where) -> Tensor:
        output = super().forward(input, **where)
        blind = functional.conv2d(input, self.weight, self.bias, groups=self.groups)
        half = self.out_channels // 2
        return torch.cat([blind[:, :half], output[:, half:]], dim=1)


def test_with_groups_every_output_channel_sees_the_coordinates():
    def law(layer_type):
        assert_equals_concatenation(layer_type(4, 6, 3, groups=2), torch.randn(2, 4, 5, 6))

    law(CoordConv2d)
    expect_failure(law, OnlyTheLastGroups)


class TwiceTheWeights(CoordConv2d):
    """Is a convolution and holds another one, which does the work."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.inner = CoordConv2d(*arguments, **options)

    def forward(self, input: Tensor, **where) -> Tensor:
        return self.inner(input)


def test_there_is_one_set_of_parameters_and_all_of_them_learn():
    def law(layer_type):
        layer = layer_type(3, 4, 3)
        layer(torch.randn(2, 3, 5, 6)).square().sum().backward()
        for parameter in layer.parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0

    law(CoordConv2d)
    expect_failure(law, TwiceTheWeights)


class OnItsOwnDevice(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        grid = coordinate_grid(input.shape[-2:], device="cpu").expand(len(input), -1, -1, -1)
        return super().forward(torch.cat([input, grid], dim=1))


def test_the_coordinates_are_made_on_the_device_of_the_input():
    def law(layer):
        assert layer(torch.empty(2, 3, 5, 6, device="meta")).device.type == "meta"

    law(CoordConv2d(3, 4, 3, device="meta"))
    expect_failure(law, OnItsOwnDevice(5, 4, 3, device="meta"))


class FrozenAtTheFirstSize(CoordConv2d):
    grid: Tensor | None = None

    def forward(self, input: Tensor, **where) -> Tensor:
        if self.grid is None:
            self.grid = coordinate_grid(input.shape[-2:])
        return super().forward(input, coordinates=self.grid)


def test_the_coordinate_map_belongs_to_the_size_at_hand_and_not_to_that_of_training():
    def law(layer_type):
        layer = layer_type(3, 4, 3)
        for size in [(5, 6), (8, 4), (5, 6)]:
            assert_equals_concatenation(layer, torch.randn(1, 3, *size))

    law(CoordConv2d)
    expect_failure(law, FrozenAtTheFirstSize)


class CachedBySize(CoordConv2d):
    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.maps = {}

    def forward(self, input: Tensor, **where) -> Tensor:
        size = input.shape[-2:]
        if size not in self.maps:
            dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
            self.maps[size] = coordinate_grid(size, dtype=dtype)
        return super().forward(input, coordinates=self.maps[size])


def test_a_call_in_half_precision_does_not_change_the_next_in_full():
    def law(layer_type):
        layer, x = layer_type(3, 4, 3), torch.randn(1, 3, 9, 13)
        with torch.autocast("cpu", torch.bfloat16):
            layer(x)
        assert_equals_concatenation(layer, x)

    law(CoordConv2d)
    expect_failure(law, CachedBySize)


def by_state_dict(plain: nn.Conv2d) -> CoordConv2d:
    """Give a trained convolution coordinates, so that it computes the same at first."""
    layer = CoordConv2d(plain.in_channels, plain.out_channels, plain.kernel_size)
    layer.load_state_dict(plain.state_dict(), strict=False)
    nn.init.zeros_(layer.coord_weight)
    return layer


def converted(model: nn.Module, convert_one, shared: bool = True) -> nn.Module:
    done = {}
    for name, child in model.named_children():
        if shared and child not in done:
            done[child] = convert_one(child)
        setattr(model, name, done[child] if shared else convert_one(child))
    return model


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.second = self.first  # One layer under two names.

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())

    def named_children(self):
        return iter([("first", self.first), ("second", self.second)])


def test_surgery_preserves_the_function_and_keeps_shared_layers_shared():
    def law(convert):
        before, after = Shared(), Shared()
        after.load_state_dict(before.state_dict())
        after = convert(after)
        assert isinstance(after.first, CoordConv2d)
        assert_function_preserved(before, after, torch.randn(2, 3, 5, 6))
        assert after.first is after.second

    def anew(plain):
        return CoordConv2d(plain.in_channels, plain.out_channels, plain.kernel_size)

    law(lambda model: converted(model, by_state_dict))
    expect_failure(law, lambda model: converted(model, anew))  # Weights drawn again.
    expect_failure(law, lambda model: converted(model, by_state_dict, shared=False))
    expect_failure(law, lambda model: model)  # Nothing happens, in silence.


def test_the_laws_can_tell_right_from_wrong_by_more_than_rounding():
    assert math.isnan(published(1, 3)[1, 0, 0])
    assert published(3, 5, radius_from=0.5)[2].min() == 0.5
