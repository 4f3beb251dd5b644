"""A placement runs the operations that a window runs, in no more calls; counted, not timed."""

import sys
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from coordconv import CoordConv2d, CoordConv3d, Placement, positions

LAYERS = {
    "stem": (lambda: CoordConv2d(3, 16, 7, 2, 3), (1, 3, 9, 11)),
    "block": (lambda: CoordConv2d(16, 16, 3, padding=1), (4, 16, 9, 11)),
    "pointwise": (lambda: CoordConv2d(16, 32, 1), (4, 16, 9, 11)),
    "narrow": (lambda: CoordConv2d(2, 32, 1), (4, 2, 9, 11)),
    "volume": (lambda: CoordConv3d(8, 8, 3, padding=1), (2, 8, 5, 6, 7)),
}


class Counted(TorchDispatchMode):
    """Count the operations of torch and the numbers that they return."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: Counter[str] = Counter()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        self.operations[str(func)] += 1
        self.numbers += output.numel() if isinstance(output, Tensor) else 0
        return output


def operations(call: Callable[[], object]) -> tuple[int, int]:
    """Return how many operations a call runs, and how many numbers they return."""
    with torch.no_grad(), Counted() as counted:
        call()
    return counted.operations.total(), counted.numbers


def python_calls(call: Callable[[], object]) -> int:
    counted: Counter[str] = Counter()
    call()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: counted.update([event]))
    try:
        call()
    finally:
        sys.setprofile(before)
    return counted["call"]


@pytest.mark.parametrize("name", LAYERS)
def test_a_placement_costs_what_a_window_costs(name):
    make, shape = LAYERS[name]
    layer, x, size = make(), torch.randn(shape), shape[2:]
    full, start = tuple(2 * n for n in size), (1,) * len(size)
    rows = torch.randint(4, (shape[0], len(size)))
    for where in (start, rows):
        place = Placement(full).crop(where, size)

        def windowed(where=where):
            return layer(x, window=(where, full))

        def placed(place=place):
            return layer(x, window=place)

        for one, other in zip(operations(placed), operations(windowed), strict=True):
            assert one <= other
        assert python_calls(placed) <= python_calls(windowed)

        def inside(place=place):
            with positions(layer, place):
                return layer(x)

        assert operations(inside) == operations(placed)


@pytest.mark.parametrize("name", LAYERS)
def test_coordinates_that_run_along_the_axes_cost_the_same_after_a_flip(name):
    make, shape = LAYERS[name]
    layer, x = make(), torch.randn(shape)
    place = Placement(shape[2:]).crop((1,) * (len(shape) - 2), shape[2:])
    counts = [operations(lambda w=w: layer(x, window=w)) for w in (place, place.flip(-1))]
    assert counts[0] == counts[1]
