"""Prediction on overlapping tiles and on flipped images, with their true positions."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.model_positions import positions
from coordconv.placement_arguments import checked_each_axis
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
    """Call a model on overlapping tiles, with their true positions, and join the outputs.

    The outputs of two tiles are joined in the middle of their overlap, so each output pixel comes
    from the tile in which it is farthest from the border. The result equals the output for the full
    image, up to rounding, if half the overlap is at least the radius of the model's receptive
    field. (Half the overlap is rounded down to a whole number of output pixels.)

    Args:
        model: The model. Each call gets one tile of every sample, as a batch. The output must have
            the size of the tile, a multiple of it, or a fraction 1 / n of it. A network without
            padding, whose output lacks a margin, cannot be tiled in this way.
        image: Shape (N, C, *size), with one to three spatial axes.
        tile: Size of a tile in pixels: one number, or one per axis. A tile that is larger than the
            image is reduced to the size of the image. The sizes of image, tile and overlap must be
            multiples of the stride of the network.
        overlap: Minimum number of pixels that neighboring tiles share: one number, or one per axis.
        output: Function that selects the prediction from the model's return value, such as
            ``lambda out: out.logits``. The prediction is a tensor of shape (N, K, *output size).
        strict: Passed to `positions`.

    Returns:
        A tensor of shape (N, K, *size). If the output for a tile is smaller than the tile, the
        result is smaller than the image by the same factor.

    Raises:
        TypeError: If the model, or ``output``, does not return a tensor.
        ValueError: If the overlap is not smaller than the tile, if the prediction does not have as
            many axes as the image, if its size is not a multiple or a fraction 1 / n of the tile,
            if a tile starts between two pixels of the output, or if the placement of a layer's
            input cannot be inferred.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = CoordConv2d(3, 2, 3, padding=1)
        >>> image = torch.randn(1, 3, 20, 30)
        >>> tiled = predict_tiled(model, image, tile=8, overlap=2)
        >>> torch.testing.assert_close(tiled, model(image))
    """
    full = Placement(_size_of(image))
    tiles = checked_each_axis("tile", tile, len(full.size), least=1)
    overlaps = checked_each_axis("overlap", overlap, len(full.size), least=0)
    if any(o >= t for o, t in zip(overlaps, tiles, strict=True)):
        raise ValueError(f"`overlap` must be smaller than tile={tile!r}, got {overlap!r}")
    tiles = [min(t, n) for t, n in zip(tiles, full.size, strict=True)]
    each = zip(full.size, tiles, overlaps, strict=True)
    axes = [[*_pieces(n, t, min(o, t - 1))] for n, t, o in each]
    joined = None
    for pieces in itertools.product(*axes):
        starts = [start for start, _, _ in pieces]
        crop = image[(..., *(slice(s, s + t) for s, t in zip(starts, tiles, strict=True)))]
        with positions(model, full.crop(starts, tiles), strict=strict):
            # The model may change its input in place, and tiles overlap.
            part = _prediction(model(crop.clone()), output, image)
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
    placement: Placement | None = None,
    average: bool = True,
    output: Output | None = None,
    strict: bool = True,
) -> Tensor:
    """Call a model on an image and its flips, with the true positions of the flipped pixels.

    For a flipped image, the coordinates run backward, and the output of the model is flipped back.

    Args:
        model: The model, called ``2 ** len(dims)`` times. Its output may have any size.
        image: Shape (N, C, *size), with one to three spatial axes.
        dims: Axes to flip, counted from the last: -1 is the width of an image, -2 the height. Each
            subset of these axes is flipped once.
        placement: The placement of ``image`` in its full image, if ``image`` is a crop or a tile.
        average: Return the mean of the outputs instead of all outputs.
        output: Function that selects the prediction from the model's return value, such as
            ``lambda out: out.logits``. The prediction is a tensor of shape (N, K, *output size).
        strict: Passed to `positions`.

    Returns:
        A tensor of shape (N, K, *output size). If ``average`` is False, the shape is
        (2 ** len(dims), N, K, *output size), and the first output is that of the unflipped image.

    Raises:
        TypeError: If the model, or ``output``, does not return a tensor, if integers would be
            averaged, or if ``placement`` is not a `Placement`.
        ValueError: If ``dims`` contains an axis twice or one that the image does not have, if the
            prediction does not have as many axes as the image, if the placement has another size
            than the image, or if the placement of a layer's input cannot be inferred.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model, image = CoordConv2d(3, 2, 1), torch.randn(1, 3, 6, 9)
        >>> plain, flipped = predict_flipped(model, image, average=False)
        >>> torch.testing.assert_close(flipped, plain)
    """
    if not isinstance(dims, Sequence) or len(set(dims)) != len(dims):
        raise ValueError(f"`dims` must be different axes such as (-2, -1), got {dims!r}")
    if not (placement is None or isinstance(placement, Placement)):
        raise TypeError(
            f"`placement` must be a Placement, got {type(placement).__name__}; for a window, pass "
            "Placement.from_window(window, size)"
        )
    place, parts = placement or Placement(_size_of(image)), []
    for chosen in itertools.product((False, True), repeat=len(dims)):
        flipped = [dim for dim, flips in zip(dims, chosen, strict=True) if flips]
        with positions(model, place.flip(*flipped), strict=strict):
            part = _prediction(model(image.flip(flipped)), output, image).flip(flipped)
        if average and not (part.is_floating_point() or part.is_complex()):
            raise TypeError(
                f"cannot average outputs of type {part.dtype}, such as class labels; average "
                "logits or probabilities instead, for example with output=, or pass average=False"
            )
        if average:
            part = part / 2 ** len(dims)  # The sum could overflow a half type.
        # A running sum needs the memory of one output instead of up to eight.
        parts = [parts[0] + part] if average and parts else [*parts, part]
    return parts[0] if average else torch.stack(parts)


def _size_of(image: Tensor) -> torch.Size:
    if not isinstance(image, Tensor) or not 3 <= image.dim() <= 5:
        given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(
            f"`image` must have shape (N, C, *size) with 1 to 3 spatial axes, got {given}"
        )
    return image.shape[2:]


def _pieces(length: int, tile: int, overlap: int) -> Iterator[tuple[int, int, int]]:
    """Yield the start of each tile, and the start and end of its used part, along one axis."""
    starts = [*range(0, length - tile, tile - overlap), length - tile]
    cuts = [0, *((one + tile + other) // 2 for one, other in itertools.pairwise(starts)), length]
    for start, (low, high) in zip(starts, itertools.pairwise(cuts), strict=True):
        yield start, low, high


def _places(
    pieces: Sequence[tuple[int, int, int]], tiles: Sequence[int], part: Tensor
) -> tuple[list[slice], list[slice]]:
    """Return where the output of a tile goes in the result, and which of its pixels are used."""
    to, of = [], []
    for (start, low, high), tile, mapped in zip(pieces, tiles, part.shape[2:], strict=True):
        if mapped == 0 or (mapped % tile and tile % mapped):
            raise ValueError(
                f"the model returns outputs of size {tuple(part.shape[2:])} for tiles of size "
                f"{tuple(tiles)}, which is not a multiple or a fraction 1 / n of it; a network "
                "without padding cannot be tiled in this way"
            )
        first, from_, until = (n * mapped // tile for n in (start, low, high))
        if start * mapped % tile:
            raise ValueError(
                f"the model returns outputs of size {tuple(part.shape[2:])} for tiles of size "
                f"{tuple(tiles)}, but the tile at {start} starts between two pixels of the output; "
                "make the sizes of image, tile and overlap multiples of the stride of the network"
            )
        to.append(slice(from_, until))
        of.append(slice(from_ - first, until - first))
    return to, of


def _prediction(returned: Any, output: Output | None, image: Tensor) -> Tensor:
    part = returned if output is None else output(returned)
    if not isinstance(part, Tensor):
        raise TypeError(
            f"the prediction must be a tensor, got {type(part).__name__}; select one with "
            "`output`, such as output=lambda out: out.logits"
        )
    if part.dim() != image.dim():
        raise ValueError(
            f"the model must return a tensor of shape (N, K, *size), with {image.dim()} axes as "
            f"the image has, got shape {tuple(part.shape)}; add axes with `output`, such as "
            "output=lambda out: out[..., None, None] for the classes of an image"
        )
    return part
