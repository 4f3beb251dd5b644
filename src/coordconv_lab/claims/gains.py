"""The table of where coordinates help: gains, verdicts and replications, from the records."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.question_runs import QuestionRuns, replication_runs
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.claims.usefulness import (
    Difference,
    Direction,
    Question,
    Usefulness,
    signed,
    usefulness,
)
from coordconv_lab.errors import DamagedError
from coordconv_lab.registry import registry, resolve
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.studies import known_studies
from coordconv_lab.studies.replication import name_of_replication

_IS_USED: Mapping[Direction, str] = {
    "helps": "yes",
    "hurts": "yes, and it hurts",
    "no difference": "no",
}


class GainWords(NamedTuple):
    """The cells of a row of the table, as text; cells without a number are empty."""

    task: str
    over: str
    gain: str
    used: str
    uninformative: str
    time: str
    verdict: str
    replication: str


class GainRow(NamedTuple):
    """A question with its answer.

    Attributes:
        experiment: The title of the experiment.
        question: The question.
        found: The answer, or a message that names the missing runs.
        again: The answer from the replication, or a message that names the missing runs; None if
            the study has no replication.
    """

    experiment: str
    question: Question
    found: Usefulness | str
    again: Usefulness | str | None

    @property
    def agrees(self) -> bool | None:
        """Whether the replication has the same verdict; None if runs are missing."""
        if not isinstance(self.found, Usefulness) or not isinstance(self.again, Usefulness):
            return None
        return self.found.gain.direction == self.again.gain.direction

    @property
    def words(self) -> GainWords:
        """The row as text."""
        title, unit, found = self.question.title, self.question.unit, self.found
        again = _replication(self.again)
        if isinstance(found, str):
            return GainWords(title, unit, "", "", "", "", f"not yet: {found}", again)
        return GainWords(
            title,
            f"{len(found.gain.by_key)} {unit}",
            signed(found.gain),
            "" if found.used is None else _used(found.used),
            "" if found.null is None else signed(found.null),
            f"{found.cost:.2f}",
            found.gain.direction,
            again,
        )


def _used(found: Difference) -> str:
    return f"{_IS_USED.get(found.direction, 'undecided')}: {signed(found)}"


def _replication(again: Usefulness | str | None) -> str:
    if isinstance(again, Usefulness):
        return f"{again.gain.direction}: {signed(again.gain)}"
    return "" if again is None else "not yet"


def gain_rows(results: Path, damaged: list[str] | None = None) -> list[GainRow]:
    """Answer the questions of all experiments from the records under a directory of results.

    Args:
        results: The directory.
        damaged: Collects messages about files that cannot be used; their runs count as missing.

    Raises:
        DamagedError: A file cannot be used, and ``damaged`` is None.
    """
    evidence, rows = Evidence(Recordings(results)), list[GainRow]()
    for experiment in registry().experiments.values():
        how = experiment.reproduction
        if how is None or how.questions is None:
            continue
        questions: list[Question] = list(resolve(how.questions)())
        found = [_answer(evidence, one) for one in questions]
        again = _answers_again(questions, results, damaged)
        rows += map(GainRow, [experiment.title] * len(questions), questions, found, again)
    unread = list(dict.fromkeys(evidence.damaged))
    if damaged is None and unread:
        raise DamagedError(" | ".join(unread))
    if damaged is not None:
        damaged += unread
    return rows


def gain_rows_if_any(results: Path, damaged: list[str] | None = None) -> list[GainRow]:
    """Return the rows that have an answer; see `gain_rows`."""
    return [row for row in gain_rows(results, damaged) if isinstance(row.found, Usefulness)]


def _answer(evidence: Evidence, question: Question) -> Usefulness | str:
    try:
        return usefulness(evidence, question)
    except NotYet as missing:
        return str(missing)


def _answers_again(
    questions: Sequence[Question], results: Path, damaged: list[str] | None
) -> list[Usefulness | str | None]:
    known = known_studies()
    if any(name_of_replication(one.study) not in known for one in questions):
        return [None] * len(questions)
    runs = replication_runs(questions)
    return [*runs.answers(_records(runs, results, damaged))]


def _records(runs: QuestionRuns, results: Path, damaged: list[str] | None) -> list[Record]:
    """Read the records of the replications, each only from the directory of its study."""
    places = [
        (RunStore(results / study), spec)
        for (study, _), specs in runs.arms.items()
        for spec in specs
    ]
    found = usable(places, lambda place: place[0].record(place[1]), damaged)
    return [record for record in found if record is not None]
