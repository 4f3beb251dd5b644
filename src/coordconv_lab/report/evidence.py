"""What stands behind a claim: every run that it was tested on, as a dot beside its fellows."""

from collections.abc import Sequence
from typing import NamedTuple

from coordconv_lab.claims import Entry
from coordconv_lab.report.wording import family
from coordconv_lab.results import Record
from coordconv_lab.results.wording import score


class Dot(NamedTuple):
    """One run: where its scores stand from 0 to 100, and what it says."""

    train: float
    test: float
    words: str


class Strip(NamedTuple):
    """An arm of a study, a dot for each run."""

    study: str
    arm: str
    style: str
    dots: Sequence[Dot]


class Behind(NamedTuple):
    """A claim with what it rests on.

    Attributes:
        entry: The claim and its verdict.
        strips: Its runs, by the arms of the studies.
        records: Where they lie, under the directory of results.
    """

    entry: Entry
    strips: Sequence[Strip]
    records: Sequence[str]


def behind(entries: Sequence[Entry]) -> list[Behind]:
    """Lay out the runs behind every claim."""
    return [
        Behind(
            entry,
            [
                Strip(used.study, used.arm, family(used.runs[0][1].spec.model_name), dots)
                for used in entry.used
                if (dots := [_dot(record) for _, record in used.runs])
            ],
            entry.records,
        )
        for entry in entries
    ]


def _dot(record: Record) -> Dot:
    task = record.spec.task
    words = (
        f"seed {record.spec.seed}: held out {score(record.test_score, task)}, "
        f"training {score(record.train_score, task)}"
    )
    return Dot(_percent(record.train_score), _percent(record.test_score), words)


def _percent(value: float) -> float:
    return round(100 * min(max(value, 0.0), 1.0), 1) if value == value else 0.0
