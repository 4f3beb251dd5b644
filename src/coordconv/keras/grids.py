"""Compute coordinate grids with Keras operations, equal to `coordconv.coordinate_grid`."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from keras import ops

from coordconv.conventions import Convention

__all__ = ["coordinate_channels"]


class _Axis(NamedTuple):
    """The coordinates of the n pixels along one axis, each of shape (n,)."""

    position: Any  # The coordinate in the span of the convention.
    offset: Any  # The position relative to the center of the span.


def coordinate_channels(size: Sequence[Any], convention: Convention, radius: bool) -> Any:
    """Return the coordinates of every pixel in float32, shape ``(*size, d)``.

    Args:
        size: Number of pixels along each axis: integers, or tensors if not known in advance.
        convention: What the coordinates mean.
        radius: Append the distance to the center, measured as the convention says.
    """
    axes = [_axis(length, convention) for length in size]
    channels = [_spread(axis.position, number, size) for number, axis in enumerate(axes)]
    if convention.order == "xy":
        channels.reverse()
    if radius:
        channels.append(_radius(axes, size, convention))
    return ops.stack(channels, axis=-1)


def _axis(length: Any, convention: Convention) -> _Axis:
    pixels, number = ops.arange(length, dtype="float32"), ops.cast(length, "float32")
    steps = number - 1 if convention.alignment == "corners" else number
    # Twice the distance from the middle is an integer. Computed from it, the coordinates of the two
    # ends of the axis are exact and symmetric.
    twice = 2 * pixels - (number if convention.alignment == "half_open" else number - 1)
    if convention.span == "pixels":
        return _Axis(twice / 2 + steps / 2, twice / 2)
    low, high = convention.span
    offset = (high - low) / 2 * (twice / ops.maximum(steps, 1.0))
    return _Axis(offset + (low + high) / 2, offset)


def _spread(values: Any, number: int, size: Sequence[Any]) -> Any:
    """Broadcast values along axis ``number``, shape (n,), to all axes."""
    shape = [-1 if axis == number else 1 for axis in range(len(size))]
    return ops.broadcast_to(ops.reshape(values, shape), tuple(size))


def _radius(axes: list[_Axis], size: Sequence[Any], convention: Convention) -> Any:
    if convention.radius == "off_center":
        return _norm([_spread(axis.position - 0.5, n, size) for n, axis in enumerate(axes)])
    radius = _norm([_spread(axis.offset, n, size) for n, axis in enumerate(axes)])
    if convention.radius == "euclidean":
        return radius
    corner = _norm([ops.max(ops.abs(axis.offset)) for axis in axes])
    # An image of one pixel has radius 0. Avoid 0 / 0.
    return radius / ops.where(corner > 0, corner, 1.0)


def _norm(parts: list[Any]) -> Any:
    return ops.sqrt(reduce(ops.add, [ops.square(part) for part in parts]))
