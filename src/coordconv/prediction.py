"""Prediction in parts, with true positions: in overlapping tiles, and over flipped images."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.model_positions import positions
from coordconv.placements import Placement

__all__ = ["predict_flipped", "predict_tiled"]

Output = Callable[[Any], Tensor]


def predict_tiled(
    model: nn.Module,
    image: Tensor,
    tile: int | Sequence[int],
    overlap: int | Sequence[int] = 0,
    *,
    output: Output | None = None,
    strict: bool = True,
) -> Tensor:
    """Call a model on overlapping tiles of an image, at their true positions, and join the outputs.

    Each output pixel is taken from the tile in which it is farthest from a cut, in the middle of
    an overlap. If half the overlap, in whole pixels of the output, is at least what the model sees
    around a pixel, the result is that of the model on the full image, up to rounding.

    Args:
        model: Called with one tile of all samples at a time; it returns maps of the size of a tile,
            or of a fraction of it.
        image: Shape (N, C, *size), with one to three spatial axes.
        tile: Size of a tile in pixels, a number or one for each axis; at most that of the image.
            Behind strides, all sizes must be multiples of the stride of the network.
        overlap: Pixels that neighboring tiles share at least, in the same form.
        output: What to take from what the model returns, such as ``lambda out: out.logits``, a
            tensor of shape (N, K, *size of the map).
        strict: As for `positions`.

    Returns:
        Shape (N, K, *size), or the fraction of the size that the model returns.

    Raises:
        TypeError: If the model, or ``output``, does not return a tensor.
        ValueError: If the overlap is not smaller than the tile, the maps do not fit the tiles, or
            a layer's input cannot be placed.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = CoordConv2d(3, 2, 3, padding=1)
        >>> image = torch.randn(1, 3, 20, 30)
        >>> tiled = predict_tiled(model, image, tile=8, overlap=2)
        >>> torch.testing.assert_close(tiled, model(image))
    """
    full = Placement(_size_of(image))
    tiles = _each_axis("tile", tile, len(full.size))
    overlaps = _each_axis("overlap", overlap, len(full.size))
    if any(not 0 <= o < t for o, t in zip(overlaps, tiles, strict=True)):
        raise ValueError(f"overlap must be smaller than tile={tile!r} and not negative: {overlap}")
    tiles = [min(t, n) for t, n in zip(tiles, full.size, strict=True)]
    each = zip(full.size, tiles, overlaps, strict=True)
    axes = [[*_pieces(n, t, min(o, t - 1))] for n, t, o in each]
    joined = None
    for pieces in itertools.product(*axes):
        starts = [start for start, _, _ in pieces]
        crop = image[(..., *(slice(s, s + t) for s, t in zip(starts, tiles, strict=True)))]
        with positions(model, full.crop(starts, tiles), strict=strict):
            part = _tensor(model(crop), output)
        to, of = _places(pieces, tiles, part)
        if joined is None:
            scales = zip(full.size, tiles, part.shape[2:], strict=True)
            joined = part.new_zeros(*part.shape[:2], *(n * m // t for n, t, m in scales))
        joined[(..., *to)] = part[(..., *of)]
    assert joined is not None
    return joined


def predict_flipped(
    model: nn.Module,
    image: Tensor,
    dims: Sequence[int] = (-1,),
    *,
    average: bool = True,
    output: Output | None = None,
    strict: bool = True,
) -> Tensor:
    """Call a model on an image and its flips, with the true positions of the flipped pixels.

    The coordinates of a flipped image run backwards, and its output is flipped back.

    Args:
        model: Called 2 to the number of ``dims`` times; it returns maps of any size.
        image: Shape (N, C, *size), with one to three spatial axes.
        dims: Axes to flip, counted from the last: -1 is the width of an image, -2 the height. Each
            subset of them is flipped once.
        average: Return the mean of the outputs, and not all of them.
        output: What to take from what the model returns, such as ``lambda out: out.logits``, a
            tensor of shape (N, K, *size of the map).
        strict: As for `positions`.

    Returns:
        Shape (N, K, *size of the map); without ``average``, (2 ** len(dims), N, K, *size of the
        map), of which the first is the output for the image as it is.

    Raises:
        TypeError: If the model, or ``output``, does not return a tensor.
        ValueError: If there is no such axis, or a layer's input cannot be placed.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model, image = CoordConv2d(3, 2, 1), torch.randn(1, 3, 6, 9)
        >>> plain, flipped = predict_flipped(model, image, average=False)
        >>> torch.testing.assert_close(flipped, plain)
    """
    full, parts = Placement(_size_of(image)), []
    for chosen in itertools.product((False, True), repeat=len(dims)):
        flipped = [dim for dim, flips in zip(dims, chosen, strict=True) if flips]
        with positions(model, full.flip(*flipped), strict=strict):
            parts.append(_tensor(model(image.flip(flipped)), output).flip(flipped))
    return torch.stack(parts).mean(0) if average else torch.stack(parts)


def _size_of(image: Tensor) -> torch.Size:
    if not isinstance(image, Tensor) or not 3 <= image.dim() <= 5:
        given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"image must have shape (N, C, *size) with 1 to 3 axes, got {given}")
    return image.shape[2:]


def _each_axis(name: str, numbers: int | Sequence[int], rank: int) -> list[int]:
    each = [numbers] * rank if isinstance(numbers, int) else list(numbers)
    if len(each) != rank:
        raise ValueError(f"{name} must be a number or one for each of {rank} axes, got {numbers!r}")
    return each


def _pieces(length: int, tile: int, overlap: int) -> Iterator[tuple[int, int, int]]:
    """Return (start of a tile, start and end of what is taken from it), along one axis."""
    starts = [*range(0, length - tile, tile - overlap), length - tile]
    cuts = [0, *((one + tile + other) // 2 for one, other in itertools.pairwise(starts)), length]
    for start, (low, high) in zip(starts, itertools.pairwise(cuts), strict=True):
        yield start, low, high


def _places(
    pieces: Sequence[tuple[int, int, int]], tiles: Sequence[int], part: Tensor
) -> tuple[list[slice], list[slice]]:
    """Return where a part goes in the joined output, and which of its pixels."""
    to, of = [], []
    for (start, low, high), tile, mapped in zip(pieces, tiles, part.shape[2:], strict=True):
        first, from_, until = (n * mapped // tile for n in (start, low, high))
        if start * mapped % tile:
            raise ValueError(
                f"the model returns maps of size {tuple(part.shape[2:])} for tiles of size "
                f"{tuple(tiles)}, of which one starts at {start}: let the sizes of image, tile and "
                "overlap be multiples of the stride of the network"
            )
        to.append(slice(from_, until))
        of.append(slice(from_ - first, until - first))
    return to, of


def _tensor(returned: Any, output: Output | None) -> Tensor:
    part = returned if output is None else output(returned)
    if not isinstance(part, Tensor):
        raise TypeError(
            f"expected a tensor, got {type(part).__name__}: pass what to take from it, such as "
            "output=lambda out: out.logits"
        )
    return part
