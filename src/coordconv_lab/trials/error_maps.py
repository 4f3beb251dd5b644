"""Maps of errors by position, from the user's ``errors``, and maps of the gain of an arm."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from coordconv_lab.errors import InputError
from coordconv_lab.trials.store import Finished

__all__ = ["GainMap", "gain_of", "map_of"]

MOST_CELLS = 24  # along an axis


class GainMap(NamedTuple):
    """A map of where an arm has smaller errors than the model without coordinates.

    Attributes:
        arm: Name of the arm.
        gain: Error without coordinates minus error of the arm, averaged over seeds, of shape (rows,
            columns); NaN where there are no data.
        seeds: Number of seeds.
        size: Size of the image in pixels; None if positions were given as fractions of the image.
    """

    arm: str
    gain: np.ndarray
    seeds: int
    size: tuple[int, int] | None

    @property
    def words(self) -> str:
        """A sentence with the mean gain of the image and of its halves."""
        halves = {
            "left": self.gain[:, : self.gain.shape[1] // 2],
            "right": self.gain[:, -(self.gain.shape[1] // 2) :],
            "upper": self.gain[: self.gain.shape[0] // 2],
            "lower": self.gain[-(self.gain.shape[0] // 2) :],
        }
        shown = [
            f"{name} half {np.nanmean(part):+.3g}"
            for name, part in halves.items()
            if part.size and np.isfinite(part).any() and self._has_two(name)
        ]
        whole = f"{np.nanmean(self.gain):+.3g}" if np.isfinite(self.gain).any() else "unknown"
        parts = f" ({', '.join(shown)})" if shown else ""
        return f"Mean reduction of the error by coordinates: {whole}{parts}."

    def _has_two(self, half: str) -> bool:
        return self.gain.shape[half in ("left", "right")] > 1


def map_of(errors: Any) -> dict[str, Any]:
    """Turn the result of ``errors`` into a small map, which is stored with the run.

    Args:
        errors: An error for each pixel, as an array of shape (H, W), (N, H, W) or, for signals,
            (L,). Errors of shape (N, H, W) are averaged over the N samples. NaN and infinity mark
            pixels without data, for example without a label. Alternatively, a pair of arrays:
            points (x, y) of shape (N, 2), as fractions of the image from 0 to 1, and the error at
            each point, of shape (N,).

    Returns:
        A dict with two keys. "values" has the rows of the map, in which None marks a cell without
        data. "size" is the height and width of the image in pixels, or None if points were given.

    Raises:
        InputError: ``errors`` has another type or shape.

    Example:
        >>> map_of(np.ones((2, 3)))
        {'values': [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], 'size': [2, 3]}
    """
    if isinstance(errors, (tuple, list)) and len(errors) == 2:
        points, values = (_array(one) for one in errors)
        if points.ndim == 2 and points.shape[1] == 2 and values.shape == points.shape[:1]:
            return {"values": _rounded(_binned(points, values)), "size": None}
    else:
        array = _array(errors)
        array = _mean(array, 0) if array.ndim == 3 else array
        array = array[None] if array.ndim == 1 else array
        if array.ndim == 2 and array.size:
            return {"values": _rounded(_pooled(array)), "size": list(array.shape)}
    raise InputError(
        "errors(model) must return an error for each pixel, shape (H, W) or (N, H, W), or a pair "
        "(points, errors) of shapes (N, 2) and (N,), with points (x, y) as fractions of the image "
        f"from 0 to 1; got {_described(errors)}"
    )


def gain_of(
    arm: str, runs: Mapping[int, Finished], plain: Mapping[int, Finished]
) -> GainMap | None:
    """Return the gain of an arm by position, averaged over the seeds.

    Only seeds with an error map of both the arm and the model without coordinates are used. Return
    None if there is no such seed, or if maps of different seeds have different shapes.
    """
    pairs = [
        (plain[seed].errors, run.errors)
        for seed, run in runs.items()
        if run.errors and seed in plain and plain[seed].errors
    ]
    gains = [
        np.array(before["values"], float) - np.array(after["values"], float)
        for before, after in pairs
        if before and after and np.shape(before["values"]) == np.shape(after["values"])
    ]
    if not gains or len({one.shape for one in gains}) > 1:
        return None
    size = pairs[0][0]["size"] if pairs[0][0] else None
    stack = np.stack(gains)
    count = np.isfinite(stack).sum(0)
    mean = np.where(count > 0, np.nansum(stack, 0) / np.maximum(count, 1), np.nan)
    return GainMap(arm, mean, len(gains), None if size is None else (size[0], size[1]))


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().double().numpy()
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return np.empty((0, 0, 0, 0))  # a shape that callers reject


def _described(value: Any) -> str:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return f"a pair of shapes {np.shape(value[0])} and {np.shape(value[1])}"
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"shape {tuple(shape)}"


def _pooled(array: np.ndarray) -> np.ndarray:
    """Average over blocks, so that no axis has more than `MOST_CELLS` cells."""
    for axis in (0, 1):
        cells = min(array.shape[axis], MOST_CELLS)
        blocks = np.array_split(array, cells, axis)
        array = np.stack([_mean(block, axis) for block in blocks], axis)
    return array


def _mean(block: np.ndarray, axis: int) -> np.ndarray:
    """Average the finite values; NaN if there are none."""
    is_known = np.isfinite(block)
    count = is_known.sum(axis)
    total = np.where(is_known, block, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _binned(points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Average the errors of all points in each cell; there are 12 cells along each axis."""
    cells = MOST_CELLS // 2
    known = np.isfinite(values) & np.isfinite(points).all(1)
    points, values = points[known], values[known]
    if ((points < 0) | (points > 1)).any():
        raise InputError(
            "errors(model) must return points as fractions of the image from 0 to 1; got "
            f"{points.min():g} to {points.max():g}: divide x by the width and y by the height"
        )
    column, row = np.minimum((points * cells).astype(int), cells - 1).T
    total, count = np.zeros((cells, cells)), np.zeros((cells, cells))
    np.add.at(total, (row, column), values)
    np.add.at(count, (row, column), 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _rounded(array: np.ndarray) -> list[list[float | None]]:
    """Round to four digits, and replace NaN by None, because JSON has no NaN."""
    return [[float(f"{x:.4g}") if math.isfinite(x) else None for x in row] for row in array]
