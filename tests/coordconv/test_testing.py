"""The public assertions pass for correct code and fail for wrong code with the part's name."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.testing import assert_close

import coordconv
from coordconv import AddCoords, CoordConv2d, CoordConvTranspose2d, coordinate_grid
from coordconv.testing import (
    assert_equals_concatenation,
    assert_function_preserved,
    assert_grid_convention,
)

LAYERS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_equals_its_concatenation(name, bias):
    layer = getattr(coordconv, name)(4, 6, 3, 2, groups=2, bias=bias, radius=True)
    assert_equals_concatenation(layer, torch.randn(2, 4, *(5, 6, 4)[: int(name[-2])]))


class Scaled(CoordConv2d):
    def forward(self, input, **where):
        return super().forward(input, **where) * 1.001


class Detached(CoordConv2d):
    def forward(self, input, **where):
        weight = self.coord_weight
        learnt, self.coord_weight = weight, nn.Parameter(weight.detach())
        output = super().forward(input, **where) + 0 * weight.sum()
        self.coord_weight = learnt
        return output


class Blind(CoordConv2d):
    def forward(self, input, **where):
        return torch.nn.functional.conv2d(input, self.weight, self.bias)


class Cut(CoordConv2d):
    def forward(self, input, **where):
        return super().forward(input, **where).detach()


class Forgetful(CoordConv2d):
    def forward(self, input, **where):
        return super().forward(input)


@pytest.mark.parametrize(
    ("layer", "where", "part"),
    [
        (Scaled(3, 4, 3), {}, "output"),
        (Detached(3, 4, 3), {}, "gradient of coord_weight"),
        (Blind(3, 4, 3), {}, "output"),
        (Cut(3, 4, 3), {}, "output: it is detached"),
        (Forgetful(3, 4, 3), {"window": ((1, 1), (9, 9))}, "output"),
        (Forgetful(3, 4, 3), {"coordinates": torch.ones(2, 5, 6)}, "output"),
    ],
)
def test_the_error_for_a_wrong_subclass_names_the_part_that_differs(layer, where, part):
    with pytest.raises(AssertionError, match=part):
        assert_equals_concatenation(layer, torch.randn(2, 3, 5, 6), **where)


def test_a_transposed_subclass_with_an_output_size_is_supported():
    class Twice(CoordConvTranspose2d):
        def forward(self, input, **where):
            return super().forward(input, [2 * n for n in input.shape[2:]], **where)

    assert_equals_concatenation(Twice(3, 4, 3, stride=2, padding=1), torch.randn(2, 3, 5, 6))


def test_frozen_parameters_are_supported():
    layer = CoordConv2d(3, 4, 3)
    layer.weight.requires_grad_(False)
    assert_equals_concatenation(layer, torch.randn(2, 3, 5, 6))


@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_an_output_of_another_shape_fails(kind):
    class Cut(kind):
        def forward(self, input, **where):
            return super().forward(input, **where)[..., 1:]

    with pytest.raises(AssertionError, match="output: it has shape"):
        assert_equals_concatenation(Cut(3, 4, 3), torch.randn(2, 3, 5, 6))


def test_an_output_in_lower_precision_fails():
    class Rounded(CoordConv2d):
        def forward(self, input):
            return super().forward(input).half()

    with pytest.raises(AssertionError, match=r"dtype torch.float16, expected torch.float32"):
        assert_equals_concatenation(Rounded(3, 4, 3), torch.randn(2, 3, 5, 6))


@pytest.mark.parametrize("name", ["weight", "coord_weight"])
@pytest.mark.parametrize(
    "change",
    [
        parametrizations.weight_norm,
        parametrizations.orthogonal,
        lambda layer, name: prune.l1_unstructured(layer, name, 0.5),
    ],
    ids=["weight_norm", "orthogonal", "prune"],
)
def test_parametrized_layers_are_supported_also_without_gradients(change, name):
    layer = change(CoordConv2d(3, 4, 3), name)
    with torch.no_grad():
        assert_equals_concatenation(layer, torch.randn(2, 3, 5, 6))


def test_an_assertion_that_checks_nothing_is_refused():
    with pytest.raises(ValueError, match="`sizes` must contain at least one size"):
        assert_grid_convention(coordinate_grid, sizes=[])
    with pytest.raises(TypeError, match=r"sizes such as \(3, 5\), got \(4, 3\)"):
        assert_grid_convention(coordinate_grid, sizes=(4, 3))
    with pytest.raises(TypeError, match="`make_grid` must return a tensor, got NoneType"):
        assert_grid_convention(lambda _: None)


@pytest.mark.parametrize("convention", ["paper", "mkocabas", "monai"])
@pytest.mark.parametrize("radius", [False, True])
def test_grids_with_an_empty_axis_pass(convention, radius):
    def grid(size):
        return coordinate_grid(size, convention=convention, radius=radius)

    assert_grid_convention(grid, convention, radius=radius, sizes=[(0, 3), (3, 0), (0,)])


def test_an_integer_grid_fails():
    with pytest.raises(AssertionError, match=r"torch.int64"):
        assert_grid_convention(lambda size: torch.zeros(2, *size, dtype=torch.int64))


def test_a_module_without_coordinate_weights_raises_an_error():
    with pytest.raises(TypeError, match="or a subclass, got AddCoords"):
        assert_equals_concatenation(AddCoords(), torch.zeros(1, 1, 2, 3))


def test_equal_outputs_pass_and_both_models_are_unchanged():
    before = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    after = nn.Sequential(CoordConv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    after.load_state_dict(before.state_dict(), strict=False)
    nn.init.zeros_(after[0].coord_weight)
    assert_function_preserved(before, after, torch.randn(2, 3, 5, 6))
    assert_close(before[1].running_mean, torch.zeros(4), rtol=0, atol=0)


@pytest.mark.parametrize("change", ["value", "dtype", "shape", "structure", "format"])
def test_any_change_of_an_output_fails(change):
    class Changed(nn.Module):
        def forward(self, x):
            return {
                "value": x + 1e-6,
                "dtype": x.double(),
                "shape": x[:1],
                "structure": (x,),
                "format": x.to(memory_format=torch.channels_last),
            }[change]

    with pytest.raises(AssertionError):
        assert_function_preserved(nn.Identity(), Changed(), torch.randn(2, 3, 5, 6))


def test_a_tolerance_can_be_given():
    class Nearly(nn.Module):
        def forward(self, x):
            return x + 1e-6

    assert_function_preserved(nn.Identity(), Nearly(), torch.randn(2, 3), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("radius", [False, True])
def test_grids_of_the_library_pass_in_every_dtype(dtype, radius):
    assert_grid_convention(
        lambda size: coordinate_grid(size, radius=radius, dtype=dtype), radius=radius
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"convention": "monai"},
        {"convention": "affine_grid"},
        {"convention": "mkocabas"},
        {"radius": True},
    ],
    ids=str,
)
def test_a_grid_of_another_convention_fails(wrong):
    with pytest.raises(AssertionError, match=r"grid of size \(2, 3\)"):
        assert_grid_convention(lambda size: coordinate_grid(size, **wrong))
