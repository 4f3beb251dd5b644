"""Arithmetic with small matrices. An entry is a number, or a tensor with one number per sample.

The Python number 0 marks an entry that is zero for all samples. This shows which
axes a matrix mixes, without reading a tensor.
"""

import numbers
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
    "is_true",
    "is_whole",
    "is_zero",
    "plain",
    "product",
]

Number = Any  # An int, a float, one of torch's symbolic numbers, or a tensor of shape () or (N,).
Matrix = tuple[tuple[Number, ...], ...]

# Integers up to this number are exact in float64.
LARGEST = 2**53


def plain(value: Any) -> Any:
    """Convert a real number of any type, such as one of NumPy, to an int or a float.

    Tensors, symbolic numbers, and values that are not real numbers are returned unchanged.
    """
    if type(value) in (int, float) or isinstance(value, (Tensor, torch.SymInt, torch.SymFloat)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def is_zero(entry: Number) -> bool:
    """Whether an entry is known to be zero."""
    return type(entry) in (int, float) and entry == 0


def is_whole(entry: Number) -> Any:
    """Whether an entry is an integer; for a tensor, one result per sample."""
    return entry == entry.round() if isinstance(entry, Tensor) else entry % 1 == 0


def is_true(condition: Any) -> bool:
    """Whether a condition holds for all samples.

    While a graph is compiled, the values are not known. This function then returns True, and the
    graph asserts the condition at run time.

    Raises:
        RuntimeError: If the condition is a tensor inside ``torch.func.vmap`` or another function
            transform, where its values cannot be read.
    """
    if not isinstance(condition, Tensor):
        return bool(condition)
    if torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            "cannot check under torch.func whether placements fit the stride of the network; "
            "pass strict=False"
        )
    if torch.compiler.is_compiling():
        check = torch._assert_async  # pyright: ignore[reportPrivateImportUsage]
        check(condition.all(), "placements do not fit the stride of the network")
        return True
    return bool(condition.all())


def as_vector(name: str, values: Any, length: int) -> tuple[Number, ...]:
    """Return one entry for each axis.

    Args:
        name: Name of the argument, for the error message.
        values: A sequence with one entry for each axis, where an entry is a number or a tensor of
            shape () or (N,). Alternatively, one tensor of shape (d,) or (N, d).
        length: Number of axes, d.

    Raises:
        ValueError: If ``values`` does not have one finite entry for each axis.
    """
    if isinstance(values, Tensor) and values.dim() in (1, 2):
        entries = values.unbind(-1)
    elif isinstance(values, (tuple, list)):
        entries = tuple(map(plain, values))
    else:
        entries = ()
    if len(entries) != length or not all(map(_is_an_entry, entries)):
        raise ValueError(
            f"{name} must have one number for each of the {length} axes, as a sequence or as a "
            f"tensor of shape ({length},) or (N, {length}), got {values!r}"
        )
    if any(type(one) in (int, float) and not abs(one) <= LARGEST for one in entries):
        raise ValueError(
            f"{name} must have finite numbers between -{LARGEST} and {LARGEST}, got {values!r}"
        )
    return tuple(map(_precise, entries))


def as_matrix(name: str, rows: Any, height: int, width: int) -> Matrix:
    """Return the entries of a matrix, row by row.

    Args:
        name: Name of the argument, for the error message.
        rows: A sequence of rows, each as in `as_vector`, or a tensor of shape (height, width) or
            (N, height, width).
        height: Number of rows.
        width: Number of columns.

    Raises:
        ValueError: If ``rows`` does not have this height and width.
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
    return tuple(_tidy(_sum(a, b)) for a, b in zip(one, other, strict=True))


def applied(matrix: Matrix, vector: Sequence[Number]) -> list[Number]:
    """Return a matrix times a vector."""
    return [_dot(row, vector) for row in matrix]


def product(one: Matrix, other: Matrix) -> Matrix:
    """Return the product of two matrices."""
    columns = [*zip(*other, strict=True)]
    return tuple(tuple(_dot(row, column) for column in columns) for row in one)


def inverted(matrix: Matrix) -> Matrix:
    """Return the inverse of a matrix, computed from its cofactors.

    Raises:
        ValueError: If the determinant is known to be zero without reading a tensor.
    """
    whole = _determinant(matrix)
    if is_zero(whole):
        raise ValueError(f"the matrix has no inverse: {matrix!r}")
    rank = range(len(matrix))

    def entry(a: int, b: int) -> Number:
        return divided((-1) ** (a + b) * _determinant(_without(matrix, b, a)), whole)

    return tuple(tuple(entry(a, b) for b in rank) for a in rank)


def divided(number: Number, divisor: Number) -> Number:
    """Return ``number / divisor``; a float with an integer value becomes an int."""
    if is_zero(number) or (type(divisor) is int and divisor == 1):
        return number
    if type(divisor) is float and 0 < divisor < 1 and _is_integral(number):
        factor = round(1 / divisor)
        if 1 / factor == divisor:  # The product is exact, and stays an integer.
            return number * factor
    return _tidy(_promoted(number, 1.0)[0] / _promoted(divisor, 1.0)[0])


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
            one, other = _promoted(one, other)
            total = _sum(total, one * other)
    return _tidy(total)


def _sum(one: Number, other: Number) -> Number:
    one, other = _promoted(one, other)
    return one + other


def _promoted(one: Number, other: Number) -> tuple[Number, Number]:
    """Convert an integer tensor that is combined with a float to at least float32.

    torch would convert it to the default dtype, which may be a half type.
    """
    pair = (one, other)
    if not any(isinstance(number, (float, torch.SymFloat)) for number in pair):
        return pair
    precise = torch.promote_types(torch.get_default_dtype(), torch.float32)
    one, other = (
        number.to(precise) if isinstance(number, Tensor) and _is_integral(number) else number
        for number in pair
    )
    return one, other


def _is_integral(number: Number) -> bool:
    return type(number) is int or (isinstance(number, Tensor) and not number.is_floating_point())


def _is_an_entry(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.dim() < 2
    return isinstance(value, (int, float, torch.SymInt, torch.SymFloat))


def _precise(number: Number) -> Number:
    """Convert an entry to a type in which adding pixel indices does not overflow or round."""
    if isinstance(number, Tensor) and number.dtype.itemsize < 4:
        return number.float() if number.is_floating_point() else number.long()
    return _tidy(number)


def _tidy(number: Number) -> Number:
    """Convert a float with an integer value to an int, because int arithmetic is exact."""
    return int(number) if type(number) is float and number.is_integer() else number
