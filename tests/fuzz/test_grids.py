"""Any argument of grids, layers and conventions gives positions or a clear error."""

import math
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from coordconv import (
    AddCoords,
    Convention,
    CoordConv1d,
    CoordConv2d,
    CoordConv3d,
    CoordConvTranspose2d,
    Window,
    coordinate_grid,
)
from coordconv.conventions import CONVENTIONS
from coordconv.functional import append_coordinates
from tests.fuzz.conftest import FUZZED, outcome
from tests.fuzz.mutations import NUMBERS, OTHERS, TEXTS

DOCUMENTED = (TypeError, ValueError, RuntimeError)
odd = st.sampled_from((*NUMBERS, *TEXTS, *OTHERS, b"x", object, 1j, torch.ones(2), torch.ones(0)))


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Something usual, and now and then something odd."""
    return st.one_of(usual, usual, usual, usual, odd)


# Either small, or so large that nothing could hold it.
lengths = st.one_of(
    st.integers(0, 6), st.integers(0, 6), st.sampled_from([-1, 10**6, 10**9, 10**30])
)


def is_small_or_absurd(size: list[int]) -> bool:
    pixels = math.prod(map(abs, size))
    return pixels < 10**7 or pixels > 10**12


sizes = st.one_of(
    st.lists(mostly(st.integers(0, 6)), max_size=4).map(tuple),
    st.lists(lengths, min_size=2, max_size=3).filter(is_small_or_absurd),
    odd,
)
fractions = mostly(st.one_of(st.integers(-9, 99), st.floats(-99, 99, allow_subnormal=False)))
starts = st.one_of(
    st.lists(fractions, max_size=4),
    st.lists(fractions, min_size=2, max_size=2).map(tuple),
    st.sampled_from([torch.zeros(2), torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64),
                     torch.full((2,), math.nan), torch.zeros(1, 2, 2), torch.ones(2) * 1e38,
                     torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.bool)]),
)  # fmt: skip
wholes = st.one_of(
    st.lists(mostly(st.integers(1, 99)), max_size=4),
    st.lists(st.integers(-1, 99), min_size=2, max_size=2).map(tuple),
    st.sampled_from([torch.ones(2), torch.ones(3, 2) * 9, torch.zeros(2), torch.ones(0, 2)]),
)
windows = st.one_of(
    st.none(),
    st.tuples(starts, wholes),
    st.tuples(starts, wholes),
    st.builds(Window, starts, wholes),
    st.lists(starts, max_size=3),
    odd,
)
conventions = st.one_of(
    st.sampled_from(sorted(CONVENTIONS)),
    st.builds(
        lambda order, span, alignment, radius: Convention(
            order=order, span=span, alignment=alignment, radius=radius
        ),
        st.sampled_from(["xy", "ij"]),
        st.sampled_from([(-1, 1), (0.0, 1.0), (-1e300, 1e300), (0, 1e-300), "pixels"]),
        st.sampled_from(["corners", "edges", "half_open"]),
        st.sampled_from(["euclidean", "off_center", "normalized"]),
    ),
    odd,
)
kinds = mostly(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16, None]))
radii = mostly(st.booleans())


@FUZZED
@given(size=sizes, convention=conventions, radius=radii, window=windows, dtype=kinds,
       device=mostly(st.sampled_from([None, "cpu", "meta"])))  # fmt: skip
def test_a_grid_has_its_size_or_is_refused(size, convention, radius, window, dtype, device):
    def make() -> torch.Tensor:
        return coordinate_grid(
            size, convention=convention, radius=radius, window=window, dtype=dtype, device=device
        )

    found, said = outcome("grids", make, DOCUMENTED)
    if said is None:
        assert tuple(found.shape[-len(size) :]) == tuple(size)
        assert found.shape[-len(size) - 1] == len(size) + radius


@FUZZED
@given(order=odd, span=odd, ends=st.lists(odd, max_size=3), alignment=odd, radius=odd, side=odd,
       kept=st.sets(st.sampled_from(["order", "span", "alignment", "radius", "side"])))  # fmt: skip
def test_a_convention_is_one_or_is_refused(order, span, ends, alignment, radius, side, kept):
    options = {"order": order, "span": tuple(ends) if len(ends) > 1 else span,
               "alignment": alignment, "radius": radius, "side": side}  # fmt: skip
    options = {name: value for name, value in options.items() if name not in kept}
    found, said = outcome("conventions", lambda: Convention(**options), DOCUMENTED)
    if said is None:
        assert hash(found) == hash(Convention(**options))


SHAPES = (
    (1, 3, 4, 5), (2, 3, 4, 5), (3, 4, 5), (0, 3, 4, 5), (3, 3, 1), (1, 3, 0, 5), (2, 3, 2, 2, 2),
    (3,), (),
)  # fmt: skip
KINDS = (torch.int64, torch.float16, torch.complex64)
pictures = st.sampled_from(
    [
        *(torch.zeros(shape) for shape in SHAPES),
        *(torch.zeros(1, 3, 4, 5, dtype=kind) for kind in KINDS),
        torch.full((1, 3, 4, 5), math.nan),
        torch.zeros(1, 3, 4, 5, device="meta"),
    ]
)
written_out = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.lists(st.integers(0, 5), max_size=5).map(torch.zeros),
    st.sampled_from([torch.zeros(2, 4, 5), torch.zeros(2, 2, 4, 5), torch.zeros(3, 4, 5),
                     torch.zeros(2, 4, 5, dtype=torch.int64)]),
    odd,
)  # fmt: skip


@FUZZED
@given(x=pictures, convention=conventions, radius=radii, window=windows, coordinates=written_out)
def test_coordinates_are_appended_or_refused(x, convention, radius, window, coordinates):
    def make() -> torch.Tensor:
        return append_coordinates(
            x, convention=convention, radius=radius, window=window, coordinates=coordinates
        )

    found, said = outcome("appended coordinates", make, DOCUMENTED)
    if said is None:
        assert found.shape[0] == x.shape[0]
        assert found.shape[2:] == x.shape[2:]


numbers = mostly(st.one_of(st.integers(-1, 4), st.tuples(st.integers(0, 3), st.integers(0, 3))))
arguments = st.fixed_dictionaries(
    {},
    optional={
        "stride": numbers,
        "padding": mostly(st.sampled_from(["same", "valid", 0, 1, (1, 0), 10**9])),
        "dilation": numbers,
        "groups": mostly(st.sampled_from([1, 3, 2, 0, -1])),
        "bias": mostly(st.booleans()),
        "padding_mode": mostly(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "dtype": kinds,
        "radius": radii,
        "convention": conventions,
        "coord_kernel_size": mostly(st.sampled_from([None, 1, 2, (1, 3), (1, 1, 1)])),
        "method": mostly(st.sampled_from(["auto", "separate", "concatenate"])),
    },
)
LAYERS = (CoordConv1d, CoordConv2d, CoordConv2d, CoordConv3d, CoordConvTranspose2d)


@FUZZED
@given(kind=st.sampled_from(LAYERS), kernel=numbers, options=arguments, x=pictures, window=windows,
       coordinates=written_out, channels=mostly(st.sampled_from([3, 3, 3, 6, 0])))  # fmt: skip
def test_a_layer_gives_a_picture_or_is_refused(
    kind, kernel, options, x, window, coordinates, channels
):
    plain = getattr(nn, kind.__name__.removeprefix("Coord"))
    ours = ("radius", "convention", "coord_kernel_size", "method")

    def make() -> torch.Tensor:
        try:
            plain(channels, 6, kernel, **{k: v for k, v in options.items() if k not in ours})
        except OverflowError as error:  # torch's own of such numbers
            raise ValueError(str(error)) from error
        layer = kind(channels, 6, kernel, **options)
        with torch.no_grad():
            return layer(x, window=window, coordinates=coordinates)

    found, said = outcome("layers", make, DOCUMENTED)
    if said is None:
        assert found.dim() == x.dim()


@FUZZED
@given(convention=conventions, radius=radii, x=pictures, window=windows)
def test_add_coords_gives_a_picture_or_is_refused(convention, radius, x, window):
    outcome(
        "AddCoords",
        lambda: AddCoords(convention=convention, radius=radius)(x, window=window),
        DOCUMENTED,
    )
