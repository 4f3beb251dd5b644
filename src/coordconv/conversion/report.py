"""What a conversion did, as a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Change", "Report", "as_table"]


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


class Report(Sequence[Change]):
    """Every convolution of a model and what became of it; prints as a table.

    Args:
        changes: In the order in which the model holds them.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = tuple(changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __getitem__(self, index):
        return self._changes[index]

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

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
        return "\n".join([*as_table(header, rows), count])


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with one column under each word of the header."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
