"""Coordinates as an extra image that goes through any transform, such as a mosaic.

The first channel of a coordinate image, the marks, is 1 at every pixel of the image. The other
channels are coordinates from 0 to 1. A transform that interpolates linearly, and fills pixels
outside the image with one value, mixes all channels in the same way. At the edges, dividing by the
marks recovers the coordinates.
"""

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

_LARGEST_CODE = 2**24 - 1  # of three bytes


class CarriedCoordinates(NamedTuple):
    """Coordinates read from a transformed coordinate image.

    Attributes:
        coordinates: Shape (N, d, *size), or (N, d + 1, *size) with the radius; for the argument
            ``coordinates`` of a layer. A pixel outside the full image has the coordinates of the
            nearest pixel inside along the last axis, or else along the other axes.
        inside: Whether a pixel shows a part of the full image, shape (N, 1, *size).
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

    Use it as extra channels, or as a second image with the same transforms. The transforms must
    interpolate linearly and fill the outside of all channels with the same value.

    Args:
        size: Size of the image, (height, width) for two axes.
        convention: The convention of the layers that will get the coordinates.
        window: The position of the image in a larger one, if it is a crop.
        dtype: A floating-point type, or ``torch.uint8`` for tools that only support bytes and only
            move pixels without interpolation (crops, flips, mosaics). In bytes, each coordinate
            takes three channels and is exact to one part in 2 ** 24.
        device: Device of the image.

    Returns:
        Shape (1 + d, *size) for d axes: marks of 1, and coordinates from 0 to 1 (indices, with the
        span "pixels"). For ``torch.uint8``, (1 + 3 d, *size), with marks of 255.

    Raises:
        ValueError: If the convention is unknown, or if ``dtype`` is ``torch.uint8`` and the span is
            "pixels".

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
        raise ValueError("bytes hold coordinates of a finite span, not the indices of pixels")
    grid = _unit(coordinate_grid(size, dtype=torch.float64, **options), convention)
    codes = (grid.clamp(0, 1) * _LARGEST_CODE).round().long()
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
        image: Shape (N, C, *size), with the channels that `coordinate_image` made.
        convention: As given to `coordinate_image`.
        radius: Append the distance to the center.
        fill: Value that the transforms filled the pixels outside with, in all channels. If they
            repeat or reflect the image instead, these pixels have the coordinates of the content
            that they show.
        dtype: Type of the coordinates, by default the type of the image, or float32 for bytes.

    Returns:
        The coordinates, and which pixels are inside the image.

    Raises:
        ValueError: If the image has another number of channels, or the fill value equals the value
            of the marks.

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
            f"`image` must have shape (N, {expected}, *size) for {max(rank, 1)} axes and the type "
            f"{image.dtype}, as coordinate_image made it, got {tuple(image.shape)}"
        )
    inside, unit = _of_bytes(image, fill) if image.dtype == torch.uint8 else _of_floats(image, fill)
    coordinates = _from_unit(_from_nearest(unit, inside), convention)
    if radius:
        coordinates = torch.cat([coordinates, _radius(coordinates, convention)], dim=1)
    kept = torch.float32 if image.dtype == torch.uint8 else image.dtype
    return CarriedCoordinates(coordinates.to(dtype or kept), inside)


def floats_from_bytes(image: Tensor, *, fill: float = 0.0) -> Tensor:
    """Return a coordinate image of bytes as one of floats, for transforms that interpolate.

    Args:
        image: Shape (N, 1 + 3 d, *size), made by `coordinate_image` and moved.
        fill: Value of the pixels outside, in all channels, before and after.

    Returns:
        Shape (N, 1 + d, *size), in float32.

    Raises:
        ValueError: If it is not a coordinate image of bytes, or the fill value equals the value of
            the marks.

    Example:
        >>> image = coordinate_image((4, 5), dtype=torch.uint8)[None]
        >>> torch.testing.assert_close(floats_from_bytes(image)[0], coordinate_image((4, 5)))
    """
    if image.dtype != torch.uint8 or image.shape[1] != 1 + 3 * (image.dim() - 2) or fill == 1:
        raise ValueError(
            "`image` must be bytes of shape (N, 1 + 3 d, *size), as coordinate_image made it, and "
            f"fill not 1, got {image.dtype}, {tuple(image.shape)} and fill={fill}"
        )
    inside, unit = _of_bytes(image, fill)
    return torch.where(inside, torch.cat([torch.ones_like(unit[:, :1]), unit], 1), fill).float()


def placement_of_coordinates(
    coordinates: Tensor,
    full_size: Sequence[int],
    *,
    convention: Convention | ConventionName = "paper",
) -> PixelPlacement:
    """Return coordinates as a placement, pixel by pixel, for `positions`.

    Each layer of a model then gets coordinates in its own convention; layers after a strided layer
    get the coordinates of their feature map.

    Args:
        coordinates: Shape (d, *size) or (N, d, *size), without a radius.
        full_size: Size of the full image; for a mosaic, of each of its images.
        convention: The convention of the coordinates.

    Returns:
        A placement for a tensor of that size.

    Raises:
        ValueError: If the convention is unknown, or there is not one coordinate for each axis.

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
    given = PixelPlacement(coordinates, tuple(full_size))  # raises for a wrong shape
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
    if fill == 1:
        raise ValueError("`fill` must differ from 1, the value of the marks")
    # A pixel is w times the image plus 1 - w times the fill value, in all channels.
    image = image.to(torch.promote_types(image.dtype, torch.float32))
    share = (image[:, :1] - fill) / (1 - fill)
    inside = share > 0.5
    safe = torch.where(inside, share, 1)
    return inside, (image[:, 1:] - (1 - safe) * fill) / safe


def _of_bytes(image: Tensor, fill: float) -> tuple[Tensor, Tensor]:
    if fill == 255:
        raise ValueError("`fill` must differ from 255, the value of the marks in bytes")
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
            "the radius of this convention depends on the size of the full image, which a "
            f"coordinate image does not hold: {convention!r}"
        )
    low, high = convention.span
    center = 0.5 if convention.radius == "off_center" else (low + high) / 2
    radius = torch.linalg.vector_norm(coordinates - center, dim=1, keepdim=True)
    if convention.radius == "normalized":
        radius = radius / ((high - low) / 2 * coordinates.shape[1] ** 0.5)
    return radius
