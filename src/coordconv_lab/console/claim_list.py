"""Print the list of claims with their verdicts."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from coordconv_lab.claims import Entry
from coordconv_lab.claims.tally import in_all, tallies

VERDICT_STYLES = {
    "reproduced": "green",
    "partly": "yellow",
    "not reproduced": "red",
    "undecided": "cyan",
    "not yet": "dim",
}


def print_claims(entries: Sequence[Entry]) -> None:
    """Print every claim with its verdict, effect and condition, then count verdicts by source."""
    console = Console()
    for entry in entries:
        claim, finding, _ = entry
        style = VERDICT_STYLES[finding.verdict]
        console.print(Text.assemble((f"{finding.verdict:<15} ", style), (claim.id, "bold")))
        for line in (claim.statement, claim.source, finding.summary, finding.condition):
            if line:
                console.print(Padding(Text(line), (0, 0, 0, 16)))
    for tally in tallies(entries):
        console.print(Text(tally.words))
    console.print(Text(in_all(entries)))
