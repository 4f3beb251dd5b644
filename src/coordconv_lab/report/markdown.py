"""The report as Markdown: the table and the claims, for terminals, notebooks and repositories."""

import re
from collections.abc import Sequence
from typing import Literal

from coordconv_lab.claims import Entry
from coordconv_lab.claims.gains import GainRow, GainWords
from coordconv_lab.claims.usefulness import Usefulness
from coordconv_lab.errors import printable
from coordconv_lab.report.experiments import publication, titles
from coordconv_lab.report.origin import facts
from coordconv_lab.report.page_format import named, seconds
from coordconv_lab.report.runs import Cell, Run, cells_of
from coordconv_lab.report.table import Spread, TableCell, TableRow, table
from coordconv_lab.results.score_format import any_score, published, score

COLUMNS = ("task", "split", "network", "seeds", "parameters", "seconds", "training", "held out",
           "95% interval", "perfect")  # fmt: skip


def as_markdown(
    runs: Sequence[Run],
    evidence: Sequence[Entry] = (),
    damaged: Sequence[str] = (),
    gains: Sequence[GainRow] = (),
) -> str:
    """Write the tables of some runs.

    Args:
        runs: Finished runs.
        evidence: Claims with their verdicts; their table is omitted if empty.
        damaged: Messages about unusable files.
        gains: Rows of the table of where coordinates help; omitted if no row has an answer.
    """
    experiments = " and ".join(map(_cell, titles(runs)))
    lines = [f"# CoordConv on {experiments}", "", "## Scores", "", *_table(cells_of(runs))]
    gaps = [f"- {_begin(run.name)}: {_cell(gap)}" for run in runs for gap in run.gaps.values()]
    gaps += [f"- {_begin(words)}" for words in damaged]
    if gaps:
        lines += ["", "## Gaps", "", *gaps]
    if answered := [row.words for row in gains if isinstance(row.found, Usefulness)]:
        lines += ["", "## Where coordinates help", "",
                  "| task | interval over | verdict | gain | used by the network | replication |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
        lines += map(_gain, answered)
    if evidence:
        lines += ["", "## Claims", "", "| verdict | claim | effect | when, and what differs |",
                  "|---|---|---|---|"]  # fmt: skip
        lines += map(_claim, evidence)
    lines += ["", "## Where the numbers come from", ""]
    lines += [f"- {_begin(fact.name)}: {_cell(fact.value)}" for fact in facts(runs)]
    return "\n".join(lines) + "\n"


def _table(cells: Sequence[Cell]) -> list[str]:
    rows = table(cells)
    source = publication(cells)
    columns = [*COLUMNS, *(f"{source}, {side}" for side in ("training", "held out") if source)]
    rule = "|".join(["---"] * 3 + ["--:"] * (len(columns) - 3))
    lines = [f"| {' | '.join(columns)} |", f"|{rule}|"]
    return lines + [line for one in rows for line in _lines(one, bool(source))]


def _lines(one: TableCell, has_published: bool) -> list[str]:
    lines = [_row(one.cell, row, has_published) for row in one.rows]
    width = len(COLUMNS) + 2 * has_published
    places = f"| {_cell(named(one.cell.task))} | {_cell(one.cell.data)}"
    empty = " |" * (width - 5)
    return lines + [f"{places} | {_cell(named(name))} | 0 | not run |{empty}"
                    for name in one.missing]  # fmt: skip


def _row(cell: Cell, row: TableRow, has_published: bool) -> str:
    cells = [
        _cell(named(cell.task)),
        _cell(cell.data),
        _cell(row.name),
        str(row.seeds),
        f"{row.parameters:,}",
        seconds(row.seconds.mean),
        _spread(row.train, cell.task) + _further(row, "train"),
        _spread(row.test, cell.task) + _further(row, "test"),
        " to ".join(score(end, cell.task) for end in row.interval or ()),
        f"{row.perfect} of {row.seeds}",
    ]
    if has_published:
        cells += map(published, row.published) if row.published else ("", "")
    return f"| {' | '.join(cells)} |"


def _spread(values: Spread, task: str) -> str:
    mean, low, high = (score(value, task) for value in values)
    return mean if low == high else f"{mean} ({low} to {high})"


def _further(row: TableRow, side: Literal["train", "test"]) -> str:
    """Format the additional scores of one side, after the main score."""
    words = [
        f"{one.score.label} {any_score(getattr(one, side).mean, one.score)}" for one in row.further
    ]
    return f"; {', '.join(words)}" if words else ""


def _gain(row: GainWords) -> str:
    cells = (row.task, row.over, row.verdict, row.gain, row.used, row.replication)
    return f"| {' | '.join(map(_cell, cells))} |"


def _claim(entry: Entry) -> str:
    finding = entry.finding
    cells = (finding.verdict, entry.claim.statement, finding.summary, finding.condition)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Escape text, so that it does not end the cell or start markup."""
    for mark in "\\|<>*_`[]~&":
        text = text.replace(mark, f"\\{mark}")
    return printable(" ".join(text.split()))


def _begin(text: str) -> str:
    """Escape text at the start of a line, where a number or a dash may start a list."""
    return re.sub(r"^(\d*)([-+=#.):])", r"\1\\\2", _cell(text))
