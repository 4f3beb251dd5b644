"""The runs behind every claim, as dots in one strip per arm."""

from collections.abc import Sequence
from typing import NamedTuple

from coordconv_lab.claims import Entry
from coordconv_lab.report.page_format import style
from coordconv_lab.results import Record
from coordconv_lab.results.score_format import score


class Dot(NamedTuple):
    """One run, with its scores from 0 to 100 and its hover text."""

    train: float
    test: float
    words: str


class Strip(NamedTuple):
    """An arm of a study, with a dot for each run."""

    study: str
    arm: str
    style: str
    dots: Sequence[Dot]


class Behind(NamedTuple):
    """A claim with the runs that it is based on.

    Attributes:
        entry: The claim and its verdict.
        strips: The runs, by the arms of the studies.
        records: The paths of the records, relative to the directory of results.
    """

    entry: Entry
    strips: Sequence[Strip]
    records: Sequence[str]


def behind(entries: Sequence[Entry]) -> list[Behind]:
    """Return the runs behind every claim, in strips."""
    return [
        Behind(
            entry,
            [
                Strip(used.study, used.arm, _style(used.runs[0][1]), dots)
                for used in entry.used
                if (dots := [_dot(record) for _, record in used.runs])
            ],
            entry.records,
        )
        for entry in entries
    ]


def _style(record: Record) -> str:
    return style(record.spec.task, record.spec.model_name)


def _dot(record: Record) -> Dot:
    task = record.spec.task
    words = (
        f"seed {record.spec.seed}: held out {score(record.test_score, task)}, "
        f"training {score(record.train_score, task)}"
    )
    return Dot(_percent(record.train_score), _percent(record.test_score), words)


def _percent(value: float) -> float:
    return round(100 * min(max(value, 0.0), 1.0), 1) if value == value else 0.0
