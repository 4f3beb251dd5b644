"""Transform an image together with a coordinate image, which holds the coordinates of its pixels.

The first channel of a coordinate image is 1 at every pixel. Its values are called marks. The other
channels are the coordinates, scaled to the range from 0 to 1. Suppose that a transform interpolates
linearly and fills pixels outside the image with one value. Then a pixel at the edge is a mixture of
the image and the fill value, in the same proportion in all channels. The mark of the pixel gives
this proportion, from which its coordinates are recovered.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coordconv.conventions import Convention, ConventionName
from coordconv.grids import AnyWindow, coordinate_grid
from coordconv.pixel_placements import PixelPlacement

__all__ = [
    "CarriedCoordinates",
    "coordinate_image",
    "coordinates_from_image",
    "floats_from_bytes",
    "placement_of_coordinates",
]

_LARGEST_CODE = 2**24 - 1  # The largest integer that fits into three bytes.


class CarriedCoordinates(NamedTuple):
    """Coordinates read from a transformed coordinate image.

    Attributes:
        coordinates: Shape (N, d, *size), or (N, d + 1, *size) with the radius. Pass them to a layer
            as the argument ``coordinates``. A pixel outside the full image gets the coordinates of
            the nearest inside pixel in its row. If no pixel of the row is inside, it gets those of
            the nearest pixel in its column. In signals and volumes, the axes are searched from the
            last to the first.
        inside: Mask of the pixels that show a part of the full image, shape (N, 1, *size).
    """

    coordinates: Tensor
    inside: Tensor


def coordinate_image(
    size: Sequence[int],
    *,
    convention: Convention | ConventionName = "paper",
    window: AnyWindow | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return the coordinates of an image as a second image, to be transformed together with it.

    Append the channels of this coordinate image to the image, or apply the same transforms to both
    images. The transforms must interpolate linearly, and fill pixels outside the image with the
    same value in all channels.

    Args:
        size: Size of the image, (height, width) for two axes.
        convention: The convention of the layers that will get the coordinates.
        window: The position of the image in its full image, if it is a crop.
        dtype: A floating-point type, or ``torch.uint8`` for tools that only support bytes. Such
            tools must move pixels without interpolation (crops, flips, mosaics). As bytes, each
            coordinate takes three channels and is exact to one part in 2 ** 24.
        device: Device of the coordinate image.

    Returns:
        The coordinate image, shape (1 + d, *size) for d axes. The first channel has marks of 1. The
        other channels are coordinates from 0 to 1, or pixel indices if the span of the convention
        is "pixels". For ``torch.uint8``, the shape is (1 + 3 d, *size), and the marks are 255.

    Raises:
        ValueError: If the convention is unknown, or if ``dtype`` is ``torch.uint8`` and the span is
            "pixels" or a pixel is outside the full image.

    Example:
        >>> coordinate_image((1, 3))
        tensor([[[1.0000, 1.0000, 1.0000]],
        <BLANKLINE>
                [[0.0000, 0.5000, 1.0000]],
        <BLANKLINE>
                [[0.5000, 0.5000, 0.5000]]])
    """
    convention = Convention.of(convention)
    options = {"convention": convention, "window": window, "device": device}
    if dtype != torch.uint8:
        grid = _unit(coordinate_grid(size, dtype=dtype, **options), convention)
        return torch.cat([torch.ones_like(grid[:1]), grid])
    if convention.span == "pixels":
        raise ValueError(
            "a coordinate image of bytes cannot hold the pixel indices of span='pixels'; use a "
            "floating-point dtype"
        )
    grid = _unit(coordinate_grid(size, dtype=torch.float64, **options), convention)
    codes = (grid * _LARGEST_CODE).round().long()
    if codes.numel() and (codes.min() < 0 or codes.max() > _LARGEST_CODE):
        raise ValueError(
            "a coordinate image of bytes holds only positions inside the full image, but window="
            f"{window!r} has pixels outside of it; use a floating-point dtype"
        )
    digits = torch.stack([codes >> 16, codes >> 8 & 255, codes & 255], dim=1).flatten(0, 1)
    return torch.cat([torch.full_like(digits[:1], 255), digits]).to(torch.uint8)


def coordinates_from_image(
    image: Tensor,
    *,
    convention: Convention | ConventionName = "paper",
    radius: bool = False,
    fill: float = 0.0,
    dtype: torch.dtype | None = None,
) -> CarriedCoordinates:
    """Read coordinates back from a coordinate image that went through transforms.

    Args:
        image: Shape (N, C, *size), with the channels that `coordinate_image` returned.
        convention: The convention that was passed to `coordinate_image`.
        radius: Append the distance to the center.
        fill: Value with which the transforms filled pixels outside the image, in all channels. It
            is not needed if the value is NaN, or if the transforms repeat or reflect the image
            instead. In the second case, pixels outside have the coordinates of the content that
            they show.
        dtype: Type of the coordinates. The default is the type of the image, or float32 for bytes.

    Returns:
        The coordinates, and which pixels are inside the full image.

    Raises:
        ValueError: If ``image`` does not have the channels or the type of a coordinate image, or if
            ``fill`` is not finite or equals the value of the marks. Also if ``radius`` is True and
            the convention defines the radius by the size of the full image, which is not known
            here.

    Example:
        >>> moved = coordinate_image((2, 3))[None].roll(1, -1)
        >>> moved[..., 0] = 0
        >>> carried = coordinates_from_image(moved)
        >>> carried.coordinates[0, 0]
        tensor([[-1., -1.,  0.],
                [-1., -1.,  0.]])
        >>> carried.inside[0, 0, 0]
        tensor([False,  True,  True])
    """
    convention = Convention.of(convention)
    rank = image.dim() - 2
    expected = 1 + (3 if image.dtype == torch.uint8 else 1) * rank
    if rank < 1 or image.shape[1] != expected:
        raise ValueError(
            f"`image` must be a coordinate image of shape (N, {expected}, *size), for "
            f"{max(rank, 1)} spatial axes and the type {image.dtype}; got {tuple(image.shape)}"
        )
    are_whole = convention.span == "pixels" and convention.alignment != "edges"
    if not (image.is_floating_point() or image.dtype == torch.uint8 or are_whole):
        raise ValueError(
            f"`image` must be of a floating-point type or torch.uint8, got {image.dtype}, which "
            "cannot hold coordinates between 0 and 1"
        )
    inside, unit = _of_bytes(image, fill) if image.dtype == torch.uint8 else _of_floats(image, fill)
    coordinates = _from_unit(_from_nearest(unit, inside), convention)
    if radius:
        coordinates = torch.cat([coordinates, _radius(coordinates, convention)], dim=1)
    kept = torch.float32 if image.dtype == torch.uint8 else image.dtype
    return CarriedCoordinates(coordinates.to(dtype or kept), inside)


def floats_from_bytes(image: Tensor, *, fill: float = 0.0) -> Tensor:
    """Convert a coordinate image from bytes to floats, for transforms that interpolate.

    Args:
        image: A coordinate image of bytes, shape (N, 1 + 3 d, *size), to which transforms without
            interpolation may have been applied.
        fill: The value that ``image`` has in all channels of a pixel outside the full image. The
            result has the same value there.

    Returns:
        Shape (N, 1 + d, *size), in float32.

    Raises:
        ValueError: If ``image`` is not a coordinate image of bytes, or if ``fill`` equals the value
            of the marks.

    Example:
        >>> image = coordinate_image((4, 5), dtype=torch.uint8)[None]
        >>> torch.testing.assert_close(floats_from_bytes(image)[0], coordinate_image((4, 5)))
    """
    if image.dtype != torch.uint8 or image.shape[1] != 1 + 3 * (image.dim() - 2) or fill == 1:
        raise ValueError(
            "`image` must be bytes of shape (N, 1 + 3 d, *size), as returned by coordinate_image, "
            f"and `fill` must not be 1, got {image.dtype}, {tuple(image.shape)} and fill={fill}"
        )
    inside, unit = _of_bytes(image, fill)
    return torch.where(inside, torch.cat([torch.ones_like(unit[:, :1]), unit], 1), fill).float()


def placement_of_coordinates(
    coordinates: Tensor,
    full_size: Sequence[int],
    *,
    convention: Convention | ConventionName = "paper",
) -> PixelPlacement:
    """Convert coordinates to a placement with one position per pixel, to be passed to `positions`.

    Each layer of a model then gets coordinates in its own convention. A layer after a strided layer
    gets the coordinates of the pixels of its feature map.

    Args:
        coordinates: Shape (d, *size) or (N, d, *size), without a radius.
        full_size: Size of the full image. For a mosaic, the size of each image in it.
        convention: The convention of the coordinates.

    Returns:
        A placement for inputs of the same size as ``coordinates``.

    Raises:
        ValueError: If the convention is unknown, or if ``coordinates`` does not have exactly one
            channel for each axis.

    Example:
        >>> from coordconv import CoordConv2d, coordinate_grid, positions
        >>> model = torch.nn.Sequential(CoordConv2d(1, 1, 1), CoordConv2d(1, 1, 1, radius=True))
        >>> image = torch.randn(1, 1, 4, 6)
        >>> backwards = placement_of_coordinates(coordinate_grid((4, 6)).flip(-1), (4, 6))
        >>> with positions(model, backwards):
        ...     output = model(image.flip(-1)).flip(-1)
        >>> torch.testing.assert_close(output, model(image))
    """
    convention = Convention.of(convention)
    given = PixelPlacement(coordinates, tuple(full_size))  # This checks the shape.
    rank = len(full_size)
    unit = _unit(given.indices, convention)
    unit = unit.flip(-1 - rank) if convention.order == "xy" else unit
    sizes = torch.tensor(full_size).to(unit).reshape(-1, *[1] * rank)
    if convention.span != "pixels":
        unit = unit * (sizes - 1 if convention.alignment == "corners" else sizes)
    first = 0.5 if convention.alignment == "edges" else 0
    return PixelPlacement(unit - first, tuple(full_size))


def _unit(grid: Tensor, convention: Convention) -> Tensor:
    if convention.span == "pixels":
        return grid
    low, high = convention.span
    return (grid - low) / (high - low)


def _from_unit(unit: Tensor, convention: Convention) -> Tensor:
    if convention.span == "pixels":
        return unit
    low, high = convention.span
    return low + (high - low) * unit


def _of_floats(image: Tensor, fill: float) -> tuple[Tensor, Tensor]:
    if not math.isfinite(fill):
        raise ValueError(f"`fill` must be finite, got {fill}; if the fill value is NaN, omit it")
    if fill == 1:
        raise ValueError("`fill` must not be 1, which marks the pixels of the image")
    # In all channels, a pixel is w * image + (1 - w) * fill, where w is computed from the marks.
    image = image.to(torch.promote_types(image.dtype, torch.float32))
    share = (image[:, :1] - fill) / (1 - fill)
    inside = share > 0.5
    safe = torch.where(inside, share, 1)
    return inside, (image[:, 1:] - (1 - safe) * fill) / safe


def _of_bytes(image: Tensor, fill: float) -> tuple[Tensor, Tensor]:
    if fill == 255:
        raise ValueError("`fill` must not be 255, which marks the pixels of an image of bytes")
    digits = image[:, 1:].double().unflatten(1, (-1, 3))
    codes = digits[:, :, 0] * 2**16 + digits[:, :, 1] * 2**8 + digits[:, :, 2]
    return image[:, :1] == 255, codes / _LARGEST_CODE


def _from_nearest(values: Tensor, inside: Tensor) -> Tensor:
    """Give pixels outside the image the value of the nearest pixel inside, axis by axis."""
    values = torch.where(inside, values, 0.5)
    for dim in range(-1, 1 - values.dim(), -1):
        length = values.shape[dim]
        index = torch.arange(length, device=values.device)
        index = index.reshape(-1, *[1] * (-1 - dim)).expand(inside.shape)
        before = torch.where(inside, index, -length).cummax(dim).values
        after = torch.where(inside, index, 2 * length).flip(dim).cummin(dim).values.flip(dim)
        nearest = torch.where(index - before <= after - index, before, after)
        inside = (nearest >= 0) & (nearest < length)
        nearest = torch.where(inside, nearest, index)
        values = values.gather(dim, nearest.expand(values.shape))
    return values


def _radius(coordinates: Tensor, convention: Convention) -> Tensor:
    if convention.span == "pixels" or (
        convention.radius == "normalized" and convention.alignment != "corners"
    ):
        raise ValueError(
            "the radius of this convention depends on the size of the full image, which is not "
            f"stored in a coordinate image: {convention!r}"
        )
    low, high = convention.span
    center = 0.5 if convention.radius == "off_center" else (low + high) / 2
    radius = torch.linalg.vector_norm(coordinates - center, dim=1, keepdim=True)
    if convention.radius == "normalized":
        radius = radius / ((high - low) / 2 * coordinates.shape[1] ** 0.5)
    return radius
