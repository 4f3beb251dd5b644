"""The rows of the table of docs/where-it-helps.md: gains, verdicts and replications."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.question_runs import replication_runs
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.claims.usefulness import Difference, Direction, Question, Usefulness, usefulness
from coordconv_lab.registry import registry, resolve
from coordconv_lab.studies import known_studies
from coordconv_lab.studies.replication import name_of_replication

_IS_USED: Mapping[Direction, str] = {
    "helps": "yes",
    "hurts": "yes, and it hurts",
    "no difference": "no",
}


class GainRow(NamedTuple):
    """A question with its answer.

    Attributes:
        experiment: The name of the experiment.
        question: The question.
        found: Its answer, or a message that names the missing runs.
        again: The answer of the replication, or a message that names the missing runs; None
            if the study has no replication.
    """

    experiment: str
    question: Question
    found: Usefulness | str
    again: Usefulness | str | None

    @property
    def agrees(self) -> bool | None:
        """Whether the replication has the same verdict; None if runs of either are missing."""
        if not isinstance(self.found, Usefulness) or not isinstance(self.again, Usefulness):
            return None
        return self.found.gain.direction == self.again.gain.direction


def gain_rows(results: Path, damaged: list[str] | None = None) -> list[GainRow]:
    """Answer the questions of all experiments from the records under a directory of results.

    Args:
        results: The directory.
        damaged: Collects messages about files that cannot be used; their runs count as missing.

    Raises:
        InputError: A record of a replication cannot be used, and ``damaged`` is None.
    """
    evidence, rows = Evidence(Recordings(results)), list[GainRow]()
    for name, experiment in registry().experiments.items():
        how = experiment.reproduction
        if how is None or how.questions is None:
            continue
        questions: list[Question] = list(resolve(how.questions)())
        found = [_answer(evidence, one) for one in questions]
        again = _answers_again(questions, results, damaged)
        rows += map(GainRow, [name] * len(questions), questions, found, again)
    if damaged is not None:
        damaged += evidence.damaged
    return rows


def _answer(evidence: Evidence, question: Question) -> Usefulness | str:
    try:
        return usefulness(evidence, question)
    except NotYet as missing:
        return str(missing)


def _answers_again(
    questions: list[Question], results: Path, damaged: list[str] | None
) -> list[Usefulness | str | None]:
    known = known_studies()
    if any(name_of_replication(one.study) not in known for one in questions):
        return [None] * len(questions)
    runs = replication_runs(questions)
    return [*runs.answers(runs.recorded(results, damaged))]


def with_interval(found: Difference) -> str:
    """Format a difference with its interval, as in "+0.349 (+0.334 to +0.365)"."""
    if found.interval is None:
        return f"{found.effect:+.3f}"
    return "{:+.3f} ({:+.3f} to {:+.3f})".format(found.effect, *found.interval)


def use_in_words(used: Difference) -> str:
    """Say whether a network uses its coordinates, from what it loses without them."""
    return _IS_USED.get(used.direction, "undecided")


def replication_in_words(row: GainRow) -> str:
    """Format the verdict and the gain of the replication of a row; empty if there is none."""
    if row.again is None:
        return ""
    if isinstance(row.again, str):
        return "not yet"
    return f"{row.again.gain.direction}: {with_interval(row.again.gain)}"
