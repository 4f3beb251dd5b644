"""The numbers of a placement are exact, for every type in which they are given."""

import copy
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils import _pytree
from torch.utils.data import default_collate

from coordconv import Convention, Placement, coordinate_grid, predict_tiled
from coordconv.feature_maps import placement_of_feature_map
from coordconv.usage.changes import shifted
from coordconv.usage.layer_positions import LayerPositions


def indices(placement: Placement) -> Tensor:
    """The pixel of the full image at every pixel, shape (d, *size), or (N, d, *size)."""
    options = {"convention": "pixels", "dtype": torch.float64}
    return coordinate_grid(placement.size, window=placement, **options)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.bfloat16, torch.float16])
def test_small_types_do_not_overflow_or_round(dtype):
    starts = torch.tensor([[200, 100]]).to(dtype)  # Each of these types holds both exactly.
    crop = Placement((4096, 4096)).crop(starts, (64, 64)).crop((33, 2001), (3, 4))
    assert indices(crop)[0, :, 0, 0].tolist() == [233, 2101]


def test_positions_are_not_rounded_to_a_half_type():
    crops = [Placement((4096,)).crop((start,), (8,)) for start in (2049.5, 301.25)]
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        batch = default_collate(crops)
    finally:
        torch.set_default_dtype(default)
    assert batch.start[0].tolist() == [2049.5, 301.25]
    for arguments in ((torch.float16,), ("cpu", torch.float16)):
        with pytest.raises(TypeError, match="keeps the dtype"):
            batch.to(*arguments)


def _seen(crop):
    return LayerPositions(torch.zeros(2, 1, 4), 1, Convention(), False, crop, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda crop: crop.stride(2, 2),
        lambda crop: crop.resize((2,)),
        lambda crop: crop.affine([[1, 0.5]]),
        lambda crop: crop.affine_grid([[0.75, 0.5]]),
        lambda crop: placement_of_feature_map(crop, (2,), strict=False),
        lambda crop: shifted(0, 0.25)(_seen(crop))["window"],
    ],
)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rows_of_integers_are_not_rounded_to_a_half_type(change, dtype):
    starts, sizes = torch.tensor([[2001], [1]]), torch.tensor([[4001], [4003]])
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = indices(change(Placement((4,), sizes, starts)))
    finally:
        torch.set_default_dtype(default)
    each = zip(sizes.tolist(), starts.tolist(), strict=True)
    expected = torch.stack([indices(change(Placement((4,), *one))) for one in each])
    assert_close(found, expected)


def test_placements_are_equal_if_all_their_numbers_are():
    def crop(*starts):
        return Placement((9, 9)).crop(torch.tensor(starts), (3, 4))

    one = crop((1, 2), (3, 4))
    assert one == crop((1, 2), (3, 4)) == copy.deepcopy(one)
    assert hash(one) == hash(copy.deepcopy(one))
    assert one not in (crop((1, 2), (3, 5)), crop((1, 2)), crop(1, 2), one.flip(-1), one.start)
    assert crop(1, 2) != Placement((9, 9)).crop((1, 2), (3, 4))


@pytest.mark.parametrize("of", ["int64", "uint8", "float32", "float64", Fraction, bool])
def test_numbers_of_other_types_are_those_of_python(of):
    if isinstance(of, str):
        of = getattr(pytest.importorskip("numpy"), of)

    def made(start, full_size, matrix):
        return Placement((4, 5), full_size, start, matrix)

    given = ((1, 0), (1, 1), ((0, 1), (1, 0)))
    found = made(*_pytree.tree_map(of, given))
    assert found == made(*given)
    assert {type(one) for one in _pytree.tree_leaves([found.start, found.matrix])} == {int}
    assert found.axes == (1, 0)
    with pytest.raises(ValueError, match="row or column of zeros"):
        made(*_pytree.tree_map(of, (*given[:2], ((0, 0), (0, 1)))))


def test_integers_of_numpy_are_accepted_as_torch_does():
    np = pytest.importorskip("numpy")
    one, two, four = map(np.int64, (1, 2, 4))
    x, image = torch.arange(30.0).reshape(1, 1, 5, 6), Placement((5, 6))
    assert Placement((np.int64(5), np.int64(6))) == image
    assert torch.equal(coordinate_grid((two, four)), coordinate_grid((2, 4)))
    assert image.crop((one, two), (two, four)) == image.crop((1, 2), (2, 4))
    assert image.pad((one, two)) == image.pad((1, 2))
    assert image.flip(-one).rot90(one, (-two, -one)) == image.flip(-1).rot90(1)
    assert image.stride((two, one), two, one) == image.stride((2, 1), 2, 1)
    assert torch.equal(predict_tiled(nn.Identity(), x, four, (one, two)), x)


def test_sizes_are_integers():
    with pytest.raises(TypeError, match="sequence of integers"):
        Placement((4.0, 5))
