"""What a conversion did, as a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Change", "Report", "Rows", "as_table"]


class Change(NamedTuple):
    """One convolution of a model.

    Attributes:
        names: Where the model holds it: one name, or several where it is shared.
        before: Its class and the shape of its weights.
        after: The same afterwards, the coordinate weights included; "" where it was left alone.
        parameters: How many numbers it had.
        added: How many were added.
        reason: Why it was left alone; "" where it was not.
    """

    names: tuple[str, ...]
    before: str
    after: str
    parameters: int
    added: int
    reason: str

    @property
    def name(self) -> str:
        """Its names in one word; the model itself has none."""
        return " = ".join(name or "(the model itself)" for name in self.names)


T = TypeVar("T")


class Rows(Sequence[T]):
    """A sequence whose subclasses print it as a table."""

    def __init__(self, rows: Sequence[T]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index):
        return self._rows[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows)


class Report(Rows[Change]):
    """Every convolution of a model and what became of it; prints as a table.

    Args:
        rows: The changes in the order in which the model holds them.
        note: Printed below the table.
    """

    def __init__(self, rows: Sequence[Change], note: str = "") -> None:
        super().__init__(rows)
        self.note = note

    @property
    def converted(self) -> list[Change]:
        """Those that were changed."""
        return [change for change in self if not change.reason]

    @property
    def skipped(self) -> list[Change]:
        """Those that were left alone, with the reason."""
        return [change for change in self if change.reason]

    def __str__(self) -> str:
        header = ("name", "before", "after", "parameters", "added")
        rows = [
            (
                one.name,
                one.before,
                one.after or f"left: {one.reason}",
                f"{one.parameters:,}",
                f"{one.added:+,}",
            )
            for one in self
        ]
        total = sum(one.added for one in self)
        count = f"{len(self.converted)} of {len(self)} convolutions changed, {total:+,} parameters"
        return "\n".join([*as_table(header, rows), count, *([self.note] if self.note else [])])


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with one column under each word of the header."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
