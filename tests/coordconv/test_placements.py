"""A placement is what a coordinate image becomes that is carried through the same transforms."""

import copy
import io
import math
import pickle
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close
from torch.utils import _pytree
from torch.utils.data import DataLoader, default_collate

from coordconv import CONVENTIONS, AddCoords, CoordConv2d, Placement, Window, coordinate_grid
from coordconv.feature_maps import placement_of_feature_map
from coordconv.testing import assert_equals_concatenation

INTEGER = ("crop", "pad", "flip", "rot90")
REAL = ("resize", "resize corners", "affine", "affine_grid", "affine_grid corners")
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def indices(placement: Placement) -> Tensor:
    """The pixel of the full image at every pixel, shape (d, *size), or (N, d, *size)."""
    options = {"convention": "pixels", "dtype": torch.float64}
    return coordinate_grid(placement.size, window=placement, **options)


class Carried:
    """Pixel indices as an image, and a mask of where interpolation did not meet an edge."""

    def __init__(self, size: tuple[int, ...]) -> None:
        axes = torch.meshgrid(*(torch.arange(n).double() for n in size), indexing="ij")
        self.image = torch.stack(axes)[None]
        self.mask = torch.ones(1, 1, *size, dtype=torch.float64)

    def apply(self, function, *, interpolates: bool) -> None:
        if interpolates:
            inner = functional.pad(
                self.mask[(..., *[slice(1, -1)] * self.rank)], [1, 1] * self.rank
            )
            self.mask = inner if min(self.size) > 2 else torch.zeros_like(self.mask)
        self.image, self.mask = function(self.image), function(self.mask)

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(self.image.shape[2:])

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def inside(self) -> Tensor:
        return (self.mask > 1 - 1e-9).expand_as(self.image)[0]


def step(name: str, carried: Carried, placement: Placement, rng: random.Random) -> Placement:
    """One random transform, applied to both."""
    size, rank = carried.size, carried.rank
    new = tuple(rng.randint(3, 12) for _ in size)
    corners = name.endswith("corners")
    if name == "crop":
        start = tuple(rng.randint(0, n - 1) for n in size)
        new = tuple(rng.randint(1, n - s) for n, s in zip(size, start, strict=True))
        place = (..., *(slice(s, s + n) for s, n in zip(start, new, strict=True)))
        carried.apply(lambda x: x[place], interpolates=False)
        return placement.crop(start, new)
    if name == "pad":
        margins = [rng.randint(0, 3) for _ in range(2 * rng.randint(1, rank))]
        carried.apply(lambda x: functional.pad(x, margins), interpolates=False)
        return placement.pad(margins)
    if name == "flip":
        dims = rng.sample(range(-rank, 0), rng.randint(1, rank))
        carried.apply(lambda x: x.flip(dims), interpolates=False)
        return placement.flip(*dims)
    if name == "rot90":
        turns, dims = rng.randint(-3, 5), rng.sample(range(-rank, 0), 2)
        carried.apply(lambda x: torch.rot90(x, turns, dims), interpolates=False)
        return placement.rot90(turns, dims)
    if name.startswith("resize"):
        options = {"mode": LINEAR[rank], "align_corners": corners}
        carried.apply(lambda x: functional.interpolate(x, new, **options), interpolates=True)
        return placement.resize(new, align_corners=corners)
    matrix = torch.eye(rank, rank + 1, dtype=torch.float64)
    noise = [[rng.gauss(0, 0.3) for _ in range(rank + 1)] for _ in range(rank)]
    matrix += torch.tensor(noise)
    if name == "affine":
        pixels = torch.stack(torch.meshgrid(*map(torch.arange, new), indexing="ij"), -1).double()
        old = pixels @ matrix[:, :-1].T + matrix[:, -1]
        spans = torch.tensor([max(n - 1, 1) for n in size])
        grid = (2 * old / spans - 1).flip(-1)[None]
        options = {"align_corners": True}
        result = placement.affine(matrix.tolist(), new)
    else:
        options = {"align_corners": corners}
        grid = functional.affine_grid(matrix[None], [1, 1, *new], align_corners=corners)
        result = placement.affine_grid(matrix.tolist(), new, align_corners=corners)
    carried.apply(lambda x: functional.grid_sample(x, grid, **options), interpolates=True)
    return result


def names_of_steps(data, rank: int, *, exact: bool) -> list[str]:
    names = [*INTEGER, *(() if exact else REAL)]
    if rank == 1:  # torch samples grids of two and three axes only
        names = [name for name in names if name != "rot90" and not name.startswith("affine")]
    return data.draw(st.lists(st.sampled_from(names), max_size=6))


@given(st.data(), st.integers(1, 3), st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_integer_transforms_are_exact(data, rank, seed):
    size, rng = (9, 5, 7)[:rank], random.Random(seed)
    carried, placement = Carried(size), Placement(size)
    for name in names_of_steps(data, rank, exact=True):
        placement = step(name, carried, placement, rng)
    assert placement.size == carried.size
    assert torch.equal(indices(placement)[carried.inside], carried.image[0][carried.inside])


@given(st.data(), st.integers(1, 3), st.integers(0, 10**6))
@settings(max_examples=120, deadline=None)
def test_any_chain_of_transforms_carries_a_coordinate_image(data, rank, seed):
    size, rng = (14, 11, 12)[:rank], random.Random(seed)
    carried, placement = Carried(size), Placement(size)
    for name in names_of_steps(data, rank, exact=False):
        placement = step(name, carried, placement, rng)
    assert placement.size == carried.size
    inside = carried.inside
    assert_close(indices(placement)[inside], carried.image[0][inside], rtol=0, atol=1e-9)


@given(st.integers(1, 3), st.lists(st.sampled_from([*INTEGER, *REAL]), max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_inverse_takes_a_placement_back(rank, names):
    size, rng = (8, 9, 7)[:rank], random.Random(len(names))
    carried, placement = Carried(size), Placement(size)
    for name in names:
        if rank > 1 or not name.startswith(("affine", "rot90")):
            placement = step(name, carried, placement, rng)
    back = placement.inverse()
    assert (back.size, back.full_size) == (placement.full_size, placement.size)
    columns = indices(placement).flatten(1).T
    matrix = torch.tensor(back.matrix, dtype=torch.float64)
    found = columns @ matrix.T + torch.tensor(back.start, dtype=torch.float64)
    expected = indices(Placement(placement.size)).flatten(1).T
    assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_window_is_a_placement_bit_for_bit(convention, radius):
    options = {"convention": convention, "radius": radius}
    for window in [
        ((1, 2), (9, 8)),
        ((-3, 0.25), (7, 1)),
        (torch.tensor([[1, 2], [0, 5]]), (9, 8)),
    ]:
        grid = coordinate_grid((3, 4), window=window, **options)
        placement = Placement.from_window(window, (3, 4))
        assert torch.equal(coordinate_grid((3, 4), window=placement, **options), grid)
    crop = Placement((9, 8)).crop((1, 2), (3, 4))
    full = coordinate_grid((9, 8), **options)
    assert torch.equal(coordinate_grid((3, 4), window=crop, **options), full[:, 1:4, 2:6])
    turned = crop.flip(-1).rot90(3)
    expected = torch.rot90(full[:, 1:4, 2:6].flip(-1), 3, (-2, -1))
    assert_close(coordinate_grid((4, 3), window=turned, **options), expected, rtol=0, atol=1e-7)


def turned_by(angle: float) -> Placement:
    c, s = torch.tensor(angle).cos().item(), torch.tensor(angle).sin().item()
    return Placement((9, 8)).affine([[c, -s, 2.0], [s, c, 1.0]], (4, 5))


PLACEMENTS = {
    "crop": Placement((9, 8)).crop((1, 2), (4, 5)),
    "flipped": Placement((9, 8)).crop((1, 2), (4, 5)).flip(-1),
    "turned": Placement((9, 8)).crop((1, 2), (5, 4)).rot90(),
    "resized": Placement((9, 8)).resize((4, 5)),
    "rotated": turned_by(0.4),
    "per sample": default_collate([turned_by(0.4), turned_by(-0.2)]),
    "flipped per sample": default_collate(
        [Placement((9, 8)).crop((1, 2), (4, 5)), Placement((9, 8)).crop((0, 2), (4, 5)).flip(-2)]
    ),
}
LAYERS = {
    "pointwise": CoordConv2d(3, 4, 1, dtype=torch.float64),
    "strided": CoordConv2d(3, 4, 3, stride=2, padding=1, dtype=torch.float64),
    "radius": CoordConv2d(3, 4, 3, padding=1, radius=True, dtype=torch.float64),
    "rows first": CoordConv2d(3, 4, (3, 2), convention="monai", dtype=torch.float64),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=list(PLACEMENTS))
def test_a_layer_with_a_placement_equals_concatenation(layer, placement):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    assert_equals_concatenation(layer, x, window=placement)
    grid = coordinate_grid((4, 5), window=placement, dtype=torch.float64)
    appended = AddCoords()(x, window=placement)[:, 3:]
    assert_close(appended, grid.expand_as(appended))


@pytest.mark.parametrize("batch", [1, 3])
def test_the_default_collate_function_batches_placements(batch):
    image = Placement((9, 8))
    crops = [image.crop((n, 2), (3, 4)) for n in range(batch)]
    crops[-1] = crops[-1].flip(-1)
    (together,) = DataLoader(crops, batch_size=batch)
    alone = torch.stack([indices(crop) for crop in crops])
    assert torch.equal(indices(together).expand_as(alone), alone)
    inner = alone[..., 1:3, 1:4]
    assert torch.equal(indices(together.crop((1, 1), (2, 3))).expand_as(inner), inner)


def test_numbers_that_all_samples_share_stay_numbers():
    image = Placement((9, 8))
    together = default_collate([image.crop((1, n), (3, 4)) for n in range(3)])
    assert together.start[0] == 1
    assert together.start[1].tolist() == [0, 1, 2]
    assert together.matrix == image.matrix
    with pytest.raises(ValueError, match="same size"):
        default_collate([image, image.crop((0, 0), (3, 4))])


def test_a_batch_of_one_row_is_collated_like_a_number():
    image, x = Placement((9, 8)), torch.randn(3, 1, 3, 4)
    rows = [image.crop(torch.tensor([[1, n]]), (3, 4)) for n in range(3)]
    numbers = [image.crop((1, n), (3, 4)) for n in range(3)]
    layer = AddCoords()
    one, other = (layer(x, window=default_collate(batch)) for batch in (rows, numbers))
    assert_close(one, other)
    with pytest.raises(ValueError, match=r"the placement of one sample .* of 2 samples"):
        default_collate([image.crop(torch.tensor([[1, 1], [2, 2]]), (3, 4))] * 2)


@pytest.mark.parametrize(
    "window", [((1, 2), (30, 40)), Window((1, 2), (30, 40)), (torch.tensor([1, 2]), (30, 40))]
)
def test_windows_from_a_default_collate_function_are_understood(window):
    layer, x = CoordConv2d(1, 2, 3), torch.randn(2, 1, 8, 8)
    together = default_collate([window, window])
    assert_close(layer(x, window=together), layer(x, window=((1, 2), (30, 40))))


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=list(PLACEMENTS))
def test_a_placement_survives_copies_pickles_and_pytrees(placement):
    file = io.BytesIO()
    torch.save(placement, file)
    file.seek(0)
    leaves, structure = _pytree.tree_flatten(placement)
    copies = [
        copy.deepcopy(placement),
        pickle.loads(pickle.dumps(placement)),
        torch.load(file, weights_only=True),
        _pytree.tree_unflatten(leaves, structure),
        placement.to("cpu"),
    ]
    assert all(torch.equal(indices(one), indices(placement)) for one in copies)
    assert all(isinstance(leaf, Tensor) for leaf in leaves)
    assert {leaf.device.type for leaf in _pytree.tree_leaves(placement.to("meta"))} <= {"meta"}


def test_a_placement_is_mapped_over_by_vmap():
    layer, x = CoordConv2d(3, 4, 3), torch.randn(2, 3, 4, 5)
    placement = PLACEMENTS["per sample"]
    mapped = torch.func.vmap(lambda x, p: layer(x, window=p))(x, placement)
    assert_close(mapped, layer(x, window=placement))


CONVOLUTIONS = [(1, 1, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 2, 0, 1), (4, 4, 0, 1), (3, 2, 2, 2)]


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_the_output_of_a_strided_layer_is_placed_in_that_of_the_full_image(options):
    convolve = torch.nn.Conv2d(2, 2, *options[:3], dilation=options[3]).double()
    image = torch.randn(1, 2, 24, 32).double()
    whole, step = convolve(image), options[1]
    crop = Placement((24, 32)).crop((2 * step, step), (12, 16))
    part = convolve(image[..., 2 * step :, step:][..., :12, :16])
    placed = crop.stride(*options)
    assert placed.size == part.shape[2:]
    assert placed.full_size == whole.shape[2:]
    assert placed.start == (2, 1)
    assert_close(part[..., 2:-2, 2:-2], whole[..., 4 : part.shape[2], 3 : 1 + part.shape[3] - 2])


@pytest.mark.parametrize(("kernel", "step"), [(1, 1), (2, 2), (3, 2), (4, 4), (3, 3)])
def test_a_pooled_coordinate_is_that_of_the_placement_behind_the_pooling(kernel, step):
    image = Placement((24, 32))
    for placement in (image.crop((3, 5), (12, 16)), image.crop((3, 5), (12, 16)).flip(-1)):
        placed = placement.stride(kernel, step)
        # Pixel J of the full image's map is centered at step * J + (kernel - 1) / 2.
        centers = indices(placed) * step + (kernel - 1) / 2
        pooled = functional.avg_pool2d(indices(placement), kernel, step)
        assert_close(centers, pooled, rtol=0, atol=1e-9)


def test_a_feature_map_is_placed_by_its_size():
    crop = Placement((64, 48)).crop((16, 32), (32, 16))
    assert placement_of_feature_map(crop, (8, 4)) == Placement((16, 12)).crop((4, 8), (8, 4))
    assert placement_of_feature_map(crop, (64, 32)) == Placement((128, 96)).crop((32, 64), (64, 32))
    assert placement_of_feature_map(crop, (32, 16)) is crop
    flipped = placement_of_feature_map(crop.flip(-1), (8, 4))
    assert flipped == Placement((16, 12)).crop((4, 8), (8, 4)).flip(-1)
    turned = placement_of_feature_map(crop.rot90(), (4, 8))
    assert turned == Placement((16, 12)).crop((4, 8), (8, 4)).rot90()


@pytest.mark.parametrize("size", [(33, 25), (17, 13), (1, 1), (7, 7)])
def test_a_full_image_has_full_feature_maps_of_any_size(size):
    image = Placement((65, 49))
    assert placement_of_feature_map(image, size) == Placement(size)
    assert placement_of_feature_map(image.flip(-1, -2), size) == Placement(size).flip(-1, -2)


@pytest.mark.parametrize(
    ("crop", "size", "message"),
    [
        (Placement((64, 64)).crop((1, 0), (32, 32)), (16, 16), "starts at 1 along axis 0"),
        (Placement((64, 66)).crop((0, 4), (32, 32)), (8, 8), "the full image along axis 1"),
        (Placement((66, 66)).crop((0, 33), (33, 33)), (17, 17), "evenly"),
        (Placement((64, 64)).crop((0, 0), (32, 32)), (30, 30), "evenly"),
        (
            default_collate([Placement((64, 64)).crop((n, 0), (32, 32)) for n in (2, 3)]),
            (16, 16),
            "starts at tensor",
        ),
    ],
)
def test_a_feature_map_with_other_pixels_is_refused_or_placed_between_them(crop, size, message):
    with pytest.raises(ValueError, match=message):
        placement_of_feature_map(crop, size)
    loose = placement_of_feature_map(crop, size, strict=False)
    # Its corners are those of the input, as parts of the full image.
    edges = {"convention": "affine_grid", "dtype": torch.float64}
    small = coordinate_grid(size, window=loose, **edges)
    large = coordinate_grid(crop.size, window=crop, **edges)
    assert_close(small.mean((-2, -1)), large.mean((-2, -1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Placement(()), "one to three numbers"),
        (lambda: Placement((2, 2, 2, 2)), "one to three numbers"),
        (lambda: Placement((4, 5), full_size=(0, 5)), "at least 1"),
        (lambda: Placement((4, 5), start=(1,)), "one number for each of the 2 axes"),
        (lambda: Placement((4, 5), matrix=((1, 0), (0, 0))), "row or column of zeros"),
        (lambda: Placement((4, 5)).affine([[0, 0, 2], [0, 0, 1]]), "row or column of zeros"),
        (lambda: Placement((4, 5)).affine([[1, 0, 2], [2, 0, 1]]), "row or column of zeros"),
        (lambda: Placement((4, 5)).affine_grid([[1, 0, 0], [0, 0, 0]]), "row or column of zeros"),
        (lambda: Placement((4,), torch.zeros(2, 1)).affine([[0, 1]]), "row or column of zeros"),
        (lambda: Placement((4, 5), matrix=((1, 2),)), "2 rows of 2 numbers"),
        (lambda: Placement((4, 5)).flip(1), "counted from the last axis"),
        (lambda: Placement((4, 5)).flip(-3), "counted from the last axis"),
        (lambda: Placement((4, 5)).rot90(1, (-1, -1)), "two different axes"),
        (lambda: Placement((4, 5)).rot90(1, -1), "two different axes"),
        (lambda: Placement((4, 5)).rot90(0.5), "`k` must be an integer, got 0.5"),
        (lambda: Placement((4, 5)).pad((1, 2, 3)), "two integers for each"),
        (lambda: Placement((4, 5)).resize((4,)), "one number for each of the 2 axes"),
        (lambda: Placement((4, 5)).stride((2, 2, 2)), "one for each of the 2 axes"),
        (lambda: Placement((4, 5)).stride(3.0), "`kernel_size` must be an integer"),
        (lambda: Placement((4, 5)).stride(3, 1, "same"), "`padding` must be an integer"),
        (lambda: Placement((4, 5)).stride(3, 0), "`stride` must be at least 1"),
        (lambda: Placement((4, 5)).stride(3, 1, -1), "`padding` must be at least 0"),
        (lambda: Placement((9, 9)).crop((0, 0), (4, 9)).stride(5), "covers 5 pixels.* only 4"),
        (lambda: Placement((9, 9), (4, 9)).stride(5), "covers 5 pixels.* only 4"),
        (lambda: Placement((4, 5)).pad(1), "two integers for each"),
        (lambda: Placement((4, 5)).pad((1.5, 1)), "two integers for each"),
        (lambda: Placement((4, 5, 6)).rot90(1, (-3, -2, -1)), "two different axes"),
        (lambda: Placement((4, 5)).crop((math.nan, 0), (2, 2)), "start must have finite numbers"),
        (lambda: Placement((4, 5), (math.inf, 5)), "full_size must have finite numbers"),
        (lambda: Placement((4, 5), (1e30, 5)), "full_size must have finite numbers between"),
        (lambda: Placement((4, 5), start=(0, -(2**60))), "start must have finite numbers between"),
        (lambda: Placement((4, 5), (0.5, 5)), "at least 1"),
        (lambda: coordinate_grid((4,), window=((math.nan,), (4,))), "must have finite numbers"),
        (lambda: Placement((4, 5), matrix=((1, 1), (1, 1))).inverse(), "no inverse"),
        (
            lambda: coordinate_grid((4, 6), window=Placement((4, 5))),
            r"size \(4, 5\), but the tensor has size",
        ),
    ],
)
def test_invalid_placements_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("factor", [2, 3, 7, 14, 49])
@pytest.mark.parametrize("turns", range(4))
def test_an_enlarged_crop_is_a_crop_of_the_enlarged_image(factor, turns):
    def crop(scale, start):
        start, size = [scale * n for n in start], [scale * n for n in (6, 3)]
        return Placement((300 * scale, 200 * scale)).crop(start, size).rot90(turns)

    starts = [(31, 17), (8, 57)]
    small, large = ([crop(scale, start) for start in starts] for scale in (1, factor))
    for one, other in zip(
        [*small, default_collate(small)], [*large, default_collate(large)], strict=True
    ):
        found = placement_of_feature_map(one, other.size)
        assert_close(indices(found), indices(other), rtol=0, atol=0)
