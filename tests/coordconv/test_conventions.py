"""The choices of the convention object, checked with values derived by hand."""

import copy
import io
import math
import pickle
from dataclasses import FrozenInstanceError
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch.testing import assert_close

from coordconv import CONVENTIONS, Convention, CoordConv2d, append_coordinates, coordinate_grid
from coordconv.conventions import Alignment, Order, RadiusForm
from coordconv.testing import assert_grid_convention

SQUARE_ROOT_OF_TWO = math.sqrt(2.0)


def columns(convention: Convention | str) -> list[float]:
    """Return the coordinates of the three columns of a 2 x 3 image."""
    named = Convention.of(convention)
    channel = 0 if named.order == "xy" else 1
    return coordinate_grid((2, 3), convention=named, dtype=torch.float64)[channel, 0].tolist()


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        (Convention(), [-1.0, 0.0, 1.0]),
        (Convention(span=(0.0, 1.0)), [0.0, 0.5, 1.0]),
        (Convention(span=(-0.5, 0.5)), [-0.5, 0.0, 0.5]),
        # The edges of the outermost pixels are at -1 and 1; a pixel is 2/3 wide.
        (Convention(alignment="edges"), [-2 / 3, 0.0, 2 / 3]),
        # The pixel after the last would be at 1.
        (Convention(alignment="half_open"), [-1.0, -1 / 3, 1 / 3]),
        (Convention(span=(0.0, 1.0), alignment="half_open"), [0.0, 1 / 3, 2 / 3]),
        (Convention(span="pixels"), [0.0, 1.0, 2.0]),
        (Convention(span="pixels", alignment="edges"), [0.5, 1.5, 2.5]),
        (Convention(span="pixels", alignment="half_open"), [0.0, 1.0, 2.0]),
    ],
    ids=repr,
)
def test_span_and_alignment_place_three_pixels_as_derived_by_hand(convention, expected):
    assert_close(torch.tensor(columns(convention)), torch.tensor(expected))


@pytest.mark.parametrize(
    ("form", "row"),
    [
        # On 2 x 3, x is (-1, 0, 1) and y is -1 in the first row.
        ("euclidean", [SQUARE_ROOT_OF_TWO, 1.0, SQUARE_ROOT_OF_TWO]),
        # From (0.5, 0.5): (-1.5, -1.5), (-0.5, -1.5), (0.5, -1.5).
        ("off_center", [1.5 * SQUARE_ROOT_OF_TWO, math.sqrt(2.5), math.sqrt(2.5)]),
        # The largest values are at the corners.
        ("normalized", [1.0, 1 / SQUARE_ROOT_OF_TWO, 1.0]),
    ],
)
def test_the_radius_is_true_off_center_or_divided_by_its_maximum(form, row):
    radius = coordinate_grid((2, 3), convention=Convention(radius=form), radius=True)[2]
    assert_close(radius[0], torch.tensor(row))


def test_the_normalized_radius_of_a_crop_is_divided_by_the_maximum_of_the_full_image():
    options = {"convention": Convention(radius="normalized"), "radius": True}
    whole = coordinate_grid((5, 7), **options)
    crop = coordinate_grid((2, 3), window=((2, 3), (5, 7)), **options)
    assert_close(crop, whole[:, 2:4, 3:6])
    assert coordinate_grid((1, 1), **options)[2].item() == 0.0


def test_the_side_decides_whether_the_coordinates_come_before_or_after_the_data():
    data = torch.full((1, 1, 2, 3), 7.0)
    after = append_coordinates(data)
    before = append_coordinates(data, convention=Convention(side="before"))
    assert_close(after[0, 0], data[0, 0])
    assert_close(before[0, 2], data[0, 0])
    assert_close(before[0, :2], after[0, 1:])


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_preset_makes_the_grid_of_its_definition(name, radius):
    def make_grid(size):
        return coordinate_grid(size, convention=name, radius=radius, dtype=torch.float64)

    assert_grid_convention(make_grid, name, radius=radius)


@pytest.mark.parametrize(
    ("name", "order", "ends", "side", "radius"),
    [
        ("paper", "xy", (-1.0, 1.0), "after", "euclidean"),
        ("mkocabas", "ij", (-1.0, 1.0), "after", "off_center"),
        ("wizaron", "ij", (-1.0, 1.0), "before", "normalized"),
        ("sparseinst", "xy", (-1.0, 1.0), "before", "euclidean"),
        ("stargan", "ij", (-1.0, 1.0), "after", "normalized"),
        ("monai", "ij", (-0.5, 0.5), "after", "euclidean"),
        ("deepcell", "ij", (0.0, 1.0), "after", "euclidean"),
        ("affine_grid", "xy", (-2 / 3, 2 / 3), "after", "euclidean"),
        ("pixels", "ij", (0.0, 2.0), "after", "euclidean"),
    ],
)
def test_the_presets_are_the_published_conventions(name, order, ends, side, radius):
    convention = CONVENTIONS[name]
    assert (convention.order, convention.side, convention.radius) == (order, side, radius)
    x = columns(name)
    assert_close(torch.tensor([x[0], x[-1]]), torch.tensor(ends))


def test_all_presets_are_tested_and_the_first_is_the_default():
    assert list(CONVENTIONS) == [
        *("paper", "mkocabas", "wizaron", "sparseinst"),
        *("stargan", "monai", "deepcell", "affine_grid", "pixels"),
    ]
    assert CONVENTIONS["paper"] == Convention()
    assert_close(coordinate_grid((2, 3)), coordinate_grid((2, 3), convention="paper"))


@pytest.mark.parametrize("aligned", [False, True])
def test_both_alignments_of_torch_are_matched(aligned):
    convention = Convention() if aligned else Convention.of("affine_grid")
    theirs = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 3, 5], aligned)
    assert_close(coordinate_grid((3, 5), convention=convention), theirs[0].permute(2, 0, 1))


def test_a_convention_is_frozen_and_equal_by_content():
    convention = Convention(span=(0, 1))
    assert convention == Convention(span=(0.0, 1.0))
    assert hash(convention) == hash(Convention(span=(0.0, 1.0)))
    with pytest.raises(FrozenInstanceError):
        convention.order = "ij"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        CONVENTIONS["mine"] = convention  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("name", ["float32", "float64", "int64", "Fraction"])
def test_a_span_of_other_numbers_is_one_of_python(name):
    of = Fraction if name == "Fraction" else getattr(pytest.importorskip("numpy"), name)
    span = Convention(span=(of(0), of(1))).span
    assert span == (0, 1)
    assert {type(end) for end in span} == {int if name == "int64" else float}


@pytest.mark.parametrize(
    "span",
    [(1.0, 1.0), (1.0, -1.0), (0.0, math.inf), (math.nan, 1.0), (0.0, 0.5, 1.0), "pixel", 1, None],
)
def test_an_empty_reversed_or_infinite_span_raises_an_error(span):
    with pytest.raises(ValueError, match="low before high"):
        Convention(span=span)


@pytest.mark.parametrize("name", ["order", "alignment", "radius", "side"])
def test_an_unknown_choice_raises_an_error_that_lists_all_choices(name):
    with pytest.raises(ValueError, match=f"`{name}` must be one of '.*', '.*', got 'yx'"):
        Convention(**{name: "yx"})


def test_an_unknown_convention_raises_an_error_that_lists_the_presets():
    with pytest.raises(ValueError, match=r"'paper', .* got 'tutorail'"):
        coordinate_grid((2, 3), convention="tutorail")
    with pytest.raises(ValueError, match="presets"):
        CoordConv2d(1, 1, 1, convention="yx")
    with pytest.raises(TypeError, match="preset name"):
        coordinate_grid((2, 3), convention=3)  # pyright: ignore[reportArgumentType]


OLD_VALUES = [
    ("alignment", "centres", "edges"),
    ("radius", "off_centre", "off_center"),
    ("convention", "tutorial", "paper"),
]


@pytest.mark.parametrize(("field", "old", "new"), OLD_VALUES)
def test_a_value_from_before_the_renaming_raises_an_error_with_the_new_one(field, old, new):
    with pytest.raises(ValueError, match=f"got '{old}', which was renamed to '{new}'; use the"):
        Convention.of(old) if field == "convention" else Convention(**{field: old})


@pytest.mark.parametrize(("field", "old", "new"), OLD_VALUES[:2])
def test_a_pickled_layer_with_an_old_value_is_refused(field, old, new):
    """A frozen dataclass is unpickled without its constructor."""
    layer = CoordConv2d(1, 1, 1, radius=True, convention=Convention())
    object.__setattr__(layer.convention, field, old)
    stored = io.BytesIO()
    torch.save(layer, stored)
    stored.seek(0)
    with pytest.raises(ValueError, match=f"'{old}', which was renamed to '{new}'"):
        torch.load(stored, weights_only=False)


def test_a_convention_is_copied_and_pickled_unchanged():
    for convention in CONVENTIONS.values():
        assert copy.deepcopy(convention) == convention
        assert pickle.loads(pickle.dumps(convention)) == convention


@pytest.mark.parametrize(
    ("field", "kind"), [("order", Order), ("alignment", Alignment), ("radius", RadiusForm)]
)
def test_every_choice_has_a_grid_of_its_own_and_is_on_the_page(field, kind):
    """A choice that the grid does not handle would silently act as another one."""
    page = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text()
    grids = set()
    for choice in get_args(kind):
        options = {"convention": Convention(**{field: choice}), "radius": True}
        grids.add(tuple(coordinate_grid((2, 3), **options).flatten().tolist()))
        assert f'"{choice}"' in page
        make_grid = partial(coordinate_grid, dtype=torch.float64, **options)
        assert_grid_convention(make_grid, **options)
    assert len(grids) == len(get_args(kind))
