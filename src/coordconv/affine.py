"""Small matrices whose entries are numbers, or tensors with one number per sample.

An entry that is the plain number 0 is known to be zero, so maps that do not mix the axes can be
recognized.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "LARGEST",
    "Matrix",
    "Number",
    "added",
    "applied",
    "as_matrix",
    "as_vector",
    "divided",
    "identity",
    "inverted",
    "is_a_number",
    "is_true",
    "is_whole",
    "is_zero",
    "product",
]

Number = Any  # An int, a float, one of torch's symbolic numbers, or a tensor of shape () or (N,).
Matrix = tuple[tuple[Number, ...], ...]

# Integers up to this are exact in float64.
LARGEST = 2**53


def is_a_number(value: object) -> bool:
    """Whether a value is a number that is exact as a float, or a symbolic one."""
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return isinstance(value, (float, torch.SymInt, torch.SymFloat))


def is_zero(entry: Number) -> bool:
    """Whether an entry is known to be zero."""
    return type(entry) in (int, float) and entry == 0


def is_whole(entry: Number) -> Any:
    """Whether an entry is an integer; for a tensor, one result per sample."""
    return entry == entry.round() if isinstance(entry, Tensor) else entry % 1 == 0


def is_true(condition: Any) -> bool:
    """Whether a condition holds for all samples; in a compiled graph, assert it at run time.

    Raises:
        RuntimeError: If the values cannot be read, as under ``torch.func.vmap``.
    """
    if not isinstance(condition, Tensor):
        return bool(condition)
    if torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            "whether placements fit the stride of a network cannot be checked under torch.func: "
            "pass strict=False"
        )
    if torch.compiler.is_compiling():
        check = torch._assert_async  # pyright: ignore[reportPrivateImportUsage]
        check(condition.all(), "placements do not fit the stride of the network")
        return True
    return bool(condition.all())


def as_vector(name: str, numbers: Any, length: int) -> tuple[Number, ...]:
    """Return one entry for each axis.

    Args:
        name: For the error.
        numbers: A sequence of numbers or of tensors of shape () or (N,), or a tensor of shape (d,)
            or (N, d).
        length: Number of axes.

    Raises:
        ValueError: If ``numbers`` does not have one entry for each axis.
    """
    if isinstance(numbers, Tensor) and numbers.dim() in (1, 2):
        entries = numbers.unbind(-1)
    elif isinstance(numbers, (tuple, list)) and all(map(_is_an_entry, numbers)):
        entries = tuple(numbers)
    else:
        entries = ()
    if len(entries) != length:
        raise ValueError(
            f"{name} must hold one number for each of the {length} axes, a sequence or a tensor of "
            f"shape ({length},) or (N, {length}), got {numbers!r}"
        )
    return tuple(map(_precise, entries))


def as_matrix(name: str, rows: Any, height: int, width: int) -> Matrix:
    """Return the entries of a matrix, row by row.

    Args:
        name: For the error.
        rows: A sequence of rows, see `as_vector`, or a tensor of shape (d, d) or (N, d, d).
        height: Number of rows.
        width: Number of columns.

    Raises:
        ValueError: If ``rows`` has another shape.
    """
    if isinstance(rows, Tensor) and rows.dim() in (2, 3):
        rows = rows.unbind(-2)
    if not isinstance(rows, (tuple, list)) or len(rows) != height:
        raise ValueError(f"{name} must have {height} rows of {width} numbers, got {rows!r}")
    return tuple(as_vector(f"each row of {name}", row, width) for row in rows)


def identity(rank: int) -> Matrix:
    """Return the identity matrix."""
    return tuple(tuple(int(a == b) for b in range(rank)) for a in range(rank))


def added(one: Sequence[Number], other: Sequence[Number]) -> tuple[Number, ...]:
    """Return the sum of two vectors."""
    return tuple(_tidy(a + b) for a, b in zip(one, other, strict=True))


def applied(matrix: Matrix, vector: Sequence[Number]) -> list[Number]:
    """Return a matrix times a vector."""
    return [_dot(row, vector) for row in matrix]


def product(one: Matrix, other: Matrix) -> Matrix:
    """Return the product of two matrices."""
    columns = [*zip(*other, strict=True)]
    return tuple(tuple(_dot(row, column) for column in columns) for row in one)


def inverted(matrix: Matrix) -> Matrix:
    """Return the inverse of a matrix, by its cofactors.

    Raises:
        ValueError: If the matrix is known to be singular.
    """
    whole = _determinant(matrix)
    if is_zero(whole):
        raise ValueError(f"the matrix has no inverse: {matrix!r}")
    rank = range(len(matrix))

    def entry(a: int, b: int) -> Number:
        return divided((-1) ** (a + b) * _determinant(_without(matrix, b, a)), whole)

    return tuple(tuple(entry(a, b) for b in rank) for a in rank)


def divided(number: Number, divisor: Number) -> Number:
    """Return a quotient, as an int if it is an integer."""
    if type(divisor) is int and divisor == 1:
        return number
    return number if is_zero(number) else _tidy(number / divisor)


def _determinant(matrix: Matrix) -> Number:
    if not matrix:
        return 1
    minors = [_determinant(_without(matrix, 0, b)) for b in range(len(matrix))]
    return _dot(matrix[0], [(-1) ** b * minor for b, minor in enumerate(minors)])


def _without(matrix: Matrix, row: int, column: int) -> Matrix:
    rows = (one for a, one in enumerate(matrix) if a != row)
    return tuple(tuple(entry for b, entry in enumerate(one) if b != column) for one in rows)


def _dot(row: Sequence[Number], column: Sequence[Number]) -> Number:
    total: Number = 0
    for one, other in zip(row, column, strict=True):
        if not (is_zero(one) or is_zero(other)):
            total = total + one * other
    return _tidy(total)


def _is_an_entry(value: object) -> bool:
    return is_a_number(value) or (isinstance(value, Tensor) and value.dim() < 2)


def _precise(number: Number) -> Number:
    """Return an entry in a type in which sums of pixel indices neither overflow nor round."""
    if isinstance(number, Tensor) and number.dtype.itemsize < 4:
        return number.float() if number.is_floating_point() else number.long()
    return _tidy(number)


def _tidy(number: Number) -> Number:
    """Return a float with an integer value as an int, whose arithmetic is exact."""
    return int(number) if type(number) is float and number.is_integer() else number
