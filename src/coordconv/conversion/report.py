"""The report of a conversion, printed as a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar, overload

__all__ = ["Change", "Report", "Rows", "as_table"]


class Change(NamedTuple):
    """One convolution of a model.

    Attributes:
        names: Its names in the model. A shared convolution has several names.
        before: Its class and the shape of its weight before the conversion.
        after: Its class and the shapes of its weight and coordinate weights after the conversion;
            "" if it was skipped.
        parameters: Number of parameters before the conversion.
        added: Number of parameters added.
        reason: Why it was skipped; "" if it was converted.
        erased: Which module erases the position of a crop after this convolution, and what to do
            about it; "" if the position is kept, or if it is not known whether it is kept.
    """

    names: tuple[str, ...]
    before: str
    after: str
    parameters: int
    added: int
    reason: str
    erased: str = ""

    @property
    def name(self) -> str:
        """The names joined for display."""
        return " = ".join(name or "(the model itself)" for name in self.names)


T = TypeVar("T")


class Rows(Sequence[T]):
    """A sequence that prints as a table."""

    def __init__(self, rows: Sequence[T]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self._rows[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows)


class Report(Rows[Change]):
    """A sequence with the `Change` of every convolution of a model; prints as a table.

    Args:
        rows: The changes, in the order of the model.
        note: Text printed below the table.
    """

    def __init__(self, rows: Sequence[Change], note: str = "") -> None:
        super().__init__(rows)
        self.note = note

    @property
    def converted(self) -> list[Change]:
        """The convolutions that were converted."""
        return [change for change in self if not change.reason]

    @property
    def skipped(self) -> list[Change]:
        """The convolutions that were skipped."""
        return [change for change in self if change.reason]

    def __str__(self) -> str:
        header = ("name", "before", "after", "parameters", "added")
        rows = [
            (
                one.name,
                one.before,
                one.after or f"skipped: {one.reason}",
                f"{one.parameters:,}",
                f"{one.added:+,}",
            )
            for one in self
        ]
        total = sum(one.added for one in self)
        count = f"{len(self.converted)} of {len(self)} convolutions changed, {total:+,} parameters"
        notes = [*_lost(self), *([self.note] if self.note else [])]
        return "\n".join([*as_table(header, rows), count, *notes])


def _lost(changes: Sequence[Change]) -> list[str]:
    """Return lines about the layers after which the position of a crop is lost."""
    lost = [one for one in changes if one.erased]
    lines = [f"After {one.name!r}, {one.erased}." for one in lost[:1]]
    if len(lost) > 1:
        layers = "layer" if len(lost) == 2 else "layers"
        lines.append(f"The position of a crop is also lost after {len(lost) - 1} other {layers}.")
    return lines


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
