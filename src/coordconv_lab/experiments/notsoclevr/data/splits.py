"""Split positions into training and test positions, as the spec of the data says.

The uniform splits are drawn by NumPy's RandomState. NumPy guarantees that its random numbers do not
change, so splits are the same in every release.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.specs import DataSpec

Mask = NDArray[np.bool_]

PAPER_SEED = 20202


def center_range(side: int, square: int) -> range:
    """Return the centers along one axis for which the square is completely on the canvas."""
    return range(square // 2, side - (square - square // 2) + 1)


def _permuted(count: int, train: int, seed: int) -> Mask:
    mask = np.zeros(count, dtype=bool)
    mask[np.random.RandomState(seed).permutation(count)[:train]] = True
    return mask


def _uniform_default(spec: DataSpec, rows: int, columns: int) -> Mask:
    count = rows * columns
    return _permuted(count, round(0.8 * count), spec.split_seed)


def _uniform_tutorial(spec: DataSpec, rows: int, columns: int) -> Mask:
    # The text of the tutorial says 80/20, but its code trains on three quarters.
    count = rows * columns
    return _permuted(count, count * 3 // 4, spec.split_seed)


def _uniform_paper(spec: DataSpec, rows: int, columns: int) -> Mask:
    # The paper's code draws one number per point, with x in the outer loop. The code fixes the
    # seed, so split_seed is ignored.
    draws = np.random.RandomState(PAPER_SEED).uniform(size=(columns, rows))
    return (draws.T >= 0.25).ravel()


def _uniform_walsvid(spec: DataSpec, rows: int, columns: int) -> Mask:
    # Round up, as scikit-learn does for test_size=0.2.
    count = rows * columns
    return _permuted(count, count - -(-count // 5), spec.split_seed)


_UNIFORM: dict[str, Callable[[DataSpec, int, int], Mask]] = {
    "default": _uniform_default,
    "tutorial": _uniform_tutorial,
    "paper": _uniform_paper,
    "walsvid": _uniform_walsvid,
}

# The first row and column of the held-out quadrant, counted from the middle of the canvas. The
# tutorial's code holds out 32..59. The paper's code, with a strict inequality, and the code of
# walsvid (another reproduction) hold out 33..59.
_QUADRANT_OFFSET = {"default": 0, "tutorial": 0, "paper": 1, "walsvid": 1}


def split_mask(spec: DataSpec) -> Mask:
    """Return a mask of the training positions. All other positions are for test.

    Args:
        spec: The data set. Its `held_out` is ignored.

    Returns:
        A mask of shape (positions,), with positions counted row by row. There is at least one
        training and one test position.

    Raises:
        InputError: There would be no training or no test position.
    """
    height, width = spec.canvas
    if spec.split == "uniform":
        rows, columns = (len(center_range(side, spec.square)) for side in spec.canvas)
        train = _UNIFORM[spec.split_variant](spec, rows, columns)
    else:
        low, right = _halves(spec)
        train = ~np.logical_and.outer(low, right).ravel()
    if train.all() or not train.any():
        empty = "test" if train.all() else "training"
        raise InputError(
            f"the {spec.split} split of a {height} x {width} canvas with a square of "
            f"{spec.square} has no {empty} positions; use a larger canvas or a smaller square"
        )
    return train


def sides(spec: DataSpec) -> tuple[Mask, Mask]:
    """Return which positions are for training and which are held out. Others are omitted.

    Args:
        spec: The data set.

    Returns:
        A mask of training positions and a mask of held-out positions, of shape (positions,), with
        positions counted row by row. Each mask has at least one position.

    Raises:
        InputError: There would be no training or no held-out position, or fewer training positions
            than `train_share` requires.
    """
    train = split_mask(spec)
    held_out = ~train
    if spec.held_out == "validation":
        held_out = validation_mask(spec)
        train &= ~held_out
    if spec.train_share is not None:
        wanted, there = round(spec.train_share * len(train)), np.count_nonzero(train)
        if not 0 < wanted <= there:
            raise InputError(
                f"train_share {spec.train_share} means {wanted} of {len(train)} positions, but the "
                f"{spec.split} split has {there} for training; use a value from "
                f"{1 / len(train):.2g} to {there / len(train):.2g}"
            )
        drawn = np.random.RandomState(spec.split_seed).permutation(np.flatnonzero(train))
        train = np.zeros_like(train)
        train[drawn[:wanted]] = True
    return train, held_out


def validation_mask(spec: DataSpec) -> Mask:
    """Return a mask of the training positions that are held out for choosing settings.

    The training positions are split again. For the uniform split, as many validation positions as
    there are test positions are drawn, with the seed of the split. For the quadrant split, the
    validation positions are the lower left quadrant, next to the test quadrant.

    Args:
        spec: The data set. Its `held_out` is ignored.

    Returns:
        A mask of shape (positions,), with positions counted row by row. It is False at every test
        position.

    Raises:
        InputError: No training or no validation position would be left.
    """
    train = split_mask(spec)
    if spec.split == "uniform":
        validation = np.zeros_like(train)
        drawn = np.random.RandomState(spec.split_seed).permutation(np.flatnonzero(train))
        validation[drawn[: np.count_nonzero(~train)]] = True
    else:
        low, right = _halves(spec)
        validation = np.logical_and.outer(low, ~right).ravel()
    if not validation.any() or not (train & ~validation).any():
        raise InputError(
            f"the {spec.split} split of a {spec.canvas[0]} x {spec.canvas[1]} canvas with a square "
            f"of {spec.square} has too few training positions to hold some out for validation; "
            "use a larger canvas or a smaller square"
        )
    return validation


def _halves(spec: DataSpec) -> tuple[Mask, Mask]:
    """Return which rows are in the lower half, and which columns in the right half."""
    offset = _QUADRANT_OFFSET[spec.split_variant]
    height, width = spec.canvas
    rows = np.array(center_range(height, spec.square))
    columns = np.array(center_range(width, spec.square))
    return rows >= height // 2 + offset, columns >= width // 2 + offset
