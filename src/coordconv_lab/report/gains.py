"""The section on where coordinates help: gains with intervals, by experiment."""

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from coordconv_lab.claims.gains import GainRow, GainWords
from coordconv_lab.claims.usefulness import MARGIN, Difference, Usefulness


class Range(NamedTuple):
    """A mean and its interval on an axis with zero at the center, in percent of the axis.

    Attributes:
        low: Start of the interval, or of the mean if there is no interval.
        width: Width of the interval.
        mean: Position of the mean.
    """

    low: float
    width: float
    mean: float


class ShownGain(NamedTuple):
    """A row of the table: the cells, and the gain as a drawing."""

    words: GainWords
    range: Range


class GainGroup(NamedTuple):
    """The rows of one experiment."""

    experiment: str
    rows: Sequence[ShownGain]


class GainTable(NamedTuple):
    """The content of the section.

    Attributes:
        groups: The rows, by experiment; empty if there are no records.
        limit: The gain at the right end of the axis; the left end is minus this gain.
        margin: The margin of "no difference" on this axis.
        tally: The number of rows of each verdict, as in "helps: 2".
        replicated: Number of rows with a replication, and how many of them have the same verdict.
        explorer: Address of the page that shows predictions at a place; empty for no link.
    """

    groups: Sequence[GainGroup]
    limit: float
    margin: Range
    tally: Sequence[str]
    replicated: tuple[int, int]
    explorer: str


def gain_table(rows: Sequence[GainRow], explorer: str = "") -> GainTable:
    """Return the table of the rows that have an answer."""
    answered = [(row, row.found) for row in rows if isinstance(row.found, Usefulness)]
    ends = [abs(end) for _, found in answered for end in _ends(found.gain)]
    limit = ceil(10 * max(ends, default=MARGIN)) / 10
    groups = [
        GainGroup(
            name,
            [
                ShownGain(row.words, _range(_ends(found.gain), found.gain.effect, limit))
                for row, found in answered
                if row.experiment == name
            ],
        )
        for name in dict.fromkeys(row.experiment for row, _ in answered)
    ]
    verdicts = Counter(found.gain.direction for _, found in answered)
    again = [row.agrees for row, _ in answered if row.agrees is not None]
    return GainTable(
        groups,
        limit,
        _range((-MARGIN, MARGIN), 0.0, limit),
        [f"{verdict}: {count}" for verdict, count in verdicts.most_common()],
        (len(again), sum(again)),
        explorer,
    )


def _ends(found: Difference) -> tuple[float, float]:
    return found.interval or (found.effect, found.effect)


def _range(ends: tuple[float, float], mean: float, limit: float) -> Range:
    low, high, middle = (round(50 * (1 + value / limit), 2) for value in (*ends, mean))
    return Range(low, round(high - low, 2), middle)
