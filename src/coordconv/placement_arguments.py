"""Validate the arguments of placements."""

from collections.abc import Sequence
from typing import Any

import torch

from coordconv.affine import Matrix, is_zero, plain

__all__ = [
    "check_full_size",
    "checked_each_axis",
    "checked_padding",
    "checked_size",
    "is_an_integer",
    "is_omitted",
    "refuse_zeros",
]


def checked_size(size: Sequence[int]) -> tuple[int, ...]:
    """Return a size as a tuple of integers.

    Raises:
        TypeError: If ``size`` is not a sequence of integers.
        ValueError: If ``size`` does not have one to three numbers, or if a number is negative.
    """
    if not isinstance(size, Sequence) or not all(map(is_an_integer, size)):
        raise TypeError(f"`size` must be a sequence of integers such as (480, 640), got {size!r}")
    if not 1 <= len(size) <= 3 or any(n < 0 for n in size):
        raise ValueError(
            f"`size` must have one to three numbers, which must not be negative, got {tuple(size)}"
        )
    return tuple(map(plain, size))


def check_full_size(name: str, full_size: tuple[Any, ...]) -> None:
    """Raise a ValueError if a full image has an axis of less than one pixel."""
    if any(isinstance(n, (int, float)) and n < 1 for n in full_size):
        raise ValueError(f"{name} must have sizes of at least 1, got {full_size!r}")


def checked_padding(padding: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """Return the pixels before and after each axis, first axis first.

    Raises:
        ValueError: If ``padding`` does not consist of pairs of integers, or has too many pairs.
    """
    given = [*map(plain, padding)] if isinstance(padding, Sequence) else [padding]
    if len(given) % 2 or len(given) > 2 * rank or not all(map(is_an_integer, given)):
        raise ValueError(
            f"`padding` must have two integers for each of at most {rank} axes, last axis first, "
            f"got {padding!r}"
        )
    pairs = [*zip(given[::2], given[1::2], strict=True)]
    return [*pairs, *[(0, 0)] * (rank - len(pairs))][::-1]


def checked_each_axis(
    name: str, numbers: int | Sequence[int], rank: int, *, least: int
) -> tuple[int, ...]:
    """Return one integer for each axis, repeating a single integer.

    Raises:
        ValueError: If there is not one integer for each axis, or if one is less than ``least``.
    """
    each = (numbers,) * rank if is_an_integer(numbers) else numbers
    if not isinstance(each, Sequence) or len(each) != rank or not all(map(is_an_integer, each)):
        raise ValueError(
            f"`{name}` must be an integer, or one for each of the {rank} axes, got {numbers!r}"
        )
    each = tuple(map(plain, each))
    if any(isinstance(n, int) and n < least for n in each):
        raise ValueError(f"`{name}` must be at least {least}, got {numbers!r}")
    return each


def is_omitted(part: object) -> bool:
    """Whether an attribute is to have its default value."""
    return part is None or (isinstance(part, tuple) and part == ())


def refuse_zeros(matrix: Matrix) -> None:
    """Raise a ValueError if all pixels along an axis would be at the same position."""
    if any(all(map(is_zero, row)) for row in (*matrix, *zip(*matrix, strict=True))):
        raise ValueError(f"`matrix` must have no row or column of zeros, got {matrix!r}")


def is_an_integer(number: object) -> bool:
    """Whether a value is an integer, possibly of NumPy, or a symbolic integer."""
    return isinstance(plain(number), (int, torch.SymInt))
