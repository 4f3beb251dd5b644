"""The report as Markdown: the table and the claims, for a terminal, a notebook or a repository."""

import re
from collections.abc import Sequence

from coordconv_lab.claims import Entry
from coordconv_lab.errors import printable
from coordconv_lab.report.origin import facts
from coordconv_lab.report.runs import Run
from coordconv_lab.report.table import Pair, Spread, TableRow, pairs
from coordconv_lab.report.wording import named, seconds
from coordconv_lab.results.wording import published, score

HEADER = (
    "| task | split | net | seeds | parameters | seconds | training | held out "
    "| perfect | tutorial, training | tutorial, held out |\n"
    "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def as_markdown(
    runs: Sequence[Run], evidence: Sequence[Entry] = (), damaged: Sequence[str] = ()
) -> str:
    """Write the tables of some runs.

    Args:
        runs: What was run.
        evidence: Claims with their verdicts; none, no table of them.
        damaged: What could not be read, in words.
    """
    lines = ["# CoordConv on Not-so-Clevr", "", "## Scores", "", HEADER]
    lines += [line for pair in pairs(runs) for line in _pair(pair)]
    gaps = [f"- {_begin(run.name)}: {_cell(gap)}" for run in runs for gap in run.gaps.values()]
    gaps += [f"- {_begin(words)}" for words in damaged]
    if gaps:
        lines += ["", "## Gaps", "", *gaps]
    if evidence:
        lines += ["", "## Claims", "", "| verdict | claim | effect | when, and what differs |",
                  "|---|---|---|---|"]  # fmt: skip
        lines += map(_claim, evidence)
    lines += ["", "## Where the numbers come from", ""]
    lines += [f"- {_begin(fact.name)}: {_cell(fact.value)}" for fact in facts(runs)]
    return "\n".join(lines) + "\n"


def _pair(pair: Pair) -> list[str]:
    lines = [_row(pair, row) for row in pair.rows]
    places = f"| {named(pair.task)} | {pair.split}"
    return lines + [f"{places} | {named(model)} | 0 |{' not run |' + ' |' * 6}"
                    for model in pair.missing]  # fmt: skip


def _row(pair: Pair, row: TableRow) -> str:
    cells = (
        named(pair.task),
        pair.split,
        named(row.model) + (f" ({row.settings})" if row.settings else ""),
        str(row.seeds),
        f"{row.parameters:,}",
        seconds(row.seconds.mean),
        _spread(row.train, pair.task),
        _spread(row.test, pair.task),
        f"{row.perfect} of {row.seeds}",
        *map(published, pair.tutorial[row.model]),
    )
    return f"| {' | '.join(cells)} |"


def _spread(values: Spread, task: str) -> str:
    mean, low, high = (score(value, task) for value in values)
    return mean if low == high else f"{mean} ({low} to {high})"


def _claim(entry: Entry) -> str:
    finding = entry.finding
    cells = (finding.verdict, entry.claim.statement, finding.summary, finding.condition)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Text that neither ends its cell nor begins markup of its own."""
    for mark in "\\|<>*_`[]~&":
        text = text.replace(mark, f"\\{mark}")
    return printable(" ".join(text.split()))


def _begin(text: str) -> str:
    """The same at the start of a line, where a number or a dash may begin a list or a heading."""
    return re.sub(r"^(\d*)([-+=#.):])", r"\1\\\2", _cell(text))
