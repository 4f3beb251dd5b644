"""The table that ``coordconv reproduce`` prints for experiments that answer questions.

A question asks whether coordinates help. The table shows the gain from coordinates in the new runs
and in the records that are committed to the repository.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordconv_lab.claims.question_runs import QuestionRuns
from coordconv_lab.claims.usefulness import Difference, Question, Usefulness
from coordconv_lab.registry import registry
from coordconv_lab.results import Record
from coordconv_lab.results.score_format import any_score

_NULL = "uninformative coordinates"


def print_gains(
    asked: QuestionRuns, records: Sequence[Record], committed: Sequence[Record]
) -> None:
    """Print the gain of each question with its interval, and compare it with committed records.

    Args:
        asked: The questions.
        records: Records of their runs.
        committed: Committed records of the same runs; empty if they are not available.
    """
    here, there = asked.answers(records), asked.answers(committed)
    table = Table("question", "gain here", "committed", show_lines=True)
    nulls = set[tuple[object, ...]]()
    for question, found, wanted in zip(asked.questions, here, there, strict=True):
        if isinstance(found, str):
            table.add_row(Text(question.title), Text(f"not yet: {found}"), question.outcome or "")
            continue
        known = not isinstance(wanted, str)
        over = f"{question.score} over {len(found.gain.by_key)} {question.unit}"
        should_be = _written(wanted.gain) if known else question.outcome or ""
        table.add_row(_titled(question, over), _written(found.gain), should_be)
        of_null = (question.plain, question.null, question.score)
        if found.null is not None and of_null not in nulls:
            nulls.add(of_null)  # several questions can have the same null comparison
            should_be = _written(wanted.null) if known and wanted.null is not None else ""
            table.add_row(_titled(question, _NULL), _written(found.null), should_be)
    console = Console()
    console.print(table)
    for line in filter(None, (_verdicts(asked.questions, here), _run_by_run(records, committed))):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _titled(question: Question, words: str) -> Text:
    return Text.assemble(question.title, "\n", (words, "dim"))


def _written(found: Difference) -> str:
    interval = found.interval
    ends = "" if interval is None else "\n({:+.3f} to {:+.3f})".format(*interval)
    return f"{found.direction}: {found.effect:+.3f}{ends}"


def _verdicts(questions: Sequence[Question], here: Sequence[Usefulness | str]) -> str:
    """Say for how many questions the gain has the same direction as in the committed records.

    The result is "" if no question that is answered names this direction.
    """
    judged = [
        (question, found.gain.direction)
        for question, found in zip(questions, here, strict=True)
        if question.outcome is not None and not isinstance(found, str)
    ]
    if not judged:
        return ""
    other = [
        f"{question.title} ({direction} instead of {question.outcome})"
        for question, direction in judged
        if direction != question.outcome
    ]
    words = f"{len(judged) - len(other)} of {len(judged)} verdicts match the committed records"
    return f"{words}. Different: {'; '.join(other)}." if other else f"{words}."


def _run_by_run(records: Sequence[Record], committed: Sequence[Record]) -> str:
    """Say how many runs have exactly the committed scores, and what the largest difference is."""
    by_id = {record.spec.id: record for record in committed}
    pairs = [(record, by_id[record.spec.id]) for record in records if record.spec.id in by_id]
    if not pairs:
        return (
            "The committed records of these runs are not available here. In a checkout, each run "
            "is compared with its committed record."
        )
    odd = [(mine, theirs) for mine, theirs in pairs if mine.scores != theirs.scores]
    words = f"{len(pairs) - len(odd)} of {len(pairs)} runs have exactly the committed scores."
    if not odd:
        return words
    mine, theirs = max(odd, key=lambda pair: abs(pair[0].test_score - pair[1].test_score))
    wanted = theirs.provenance
    return (
        f"{words} The largest difference is in {mine.spec.run_name}: {_test(mine)} instead of "
        f"{_test(theirs)}. Runs are bitwise identical only with torch {wanted.versions['torch']}, "
        f"{wanted.threads} thread(s) (OMP_NUM_THREADS) and the same kind of processor "
        f"({wanted.processor})."
    )


def _test(record: Record) -> str:
    return any_score(record.test_score, registry().task(record.spec.task).main_score)
