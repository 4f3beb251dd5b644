"""A published claim and its verdict, as shown in notebooks."""

from html import escape
from pathlib import Path

from coordconv_lab.claims import Entry
from coordconv_lab.errors import InputError, in_short

_COLORS = {
    "reproduced": "#00845f",
    "partly": "#9a6a00",
    "not reproduced": "#c2375f",
    "undecided": "#2076b4",
    "not yet": "#6b7280",
}
"""Colors of the verdicts, which are visible in light and in dark notebook themes."""


class ClaimCard:
    """A claim, its source, and the verdict that follows from the records of runs.

    Args:
        entry: The claim with its finding.

    Attributes:
        entry: The claim with its finding and the runs that it was tested on.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    @property
    def verdict(self) -> str:
        """The verdict: "reproduced", "partly", "not reproduced", "undecided" or "not yet"."""
        return self.entry.finding.verdict

    def __repr__(self) -> str:
        lines = [f"{self.entry.claim.id}: {self.verdict}", *self._lines()]
        return "\n    ".join(lines)

    def _lines(self) -> list[str]:
        claim, finding, _ = self.entry
        lines = (claim.statement, claim.source, finding.summary, finding.condition)
        return [line for line in lines if line]

    def _repr_html_(self) -> str:
        statement, source, *found = map(escape, self._lines())
        # Inherit the text color of the page, which is readable on any theme.
        bar = f"border-left: 4px solid {_COLORS[self.verdict]}"
        style = f"{bar}; padding-left: 1em; color: inherit"
        small = '<span style="font-size: .85em">'
        measured = "".join(f"<br>{small}{line}</span>" for line in found)
        return (
            f'<blockquote style="{style}">'
            f"<strong>{escape(self.verdict)}</strong> "
            f"<code>{escape(self.entry.claim.id)}</code><br>“{statement}”"
            f"<br>{small}<em>{source}</em></span>{measured}</blockquote>"
        )


def claim(id: str, results: str | Path | None = None) -> ClaimCard:
    """Test a published claim against the committed records.

    Args:
        id: Id of the claim, as printed by ``coordconv claims``.
        results: Directory of results. By default, the directory ``results`` of a checkout of the
            repository: the checkout that contains the working directory, or else the one from which
            the package is installed.

    Raises:
        InputError: There is no such claim, or no directory of results.

    Example:
        >>> card = claim("layer-subsumes-conv", results=".")  # a theorem, which needs no records
        >>> card.verdict
        'reproduced'
    """
    from coordconv_lab.claims.ledger import ledger

    if not isinstance(id, str):
        raise InputError(f"expected the id of a claim, got {in_short(id)}")
    directory = _results() if results is None else Path(results)
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory; pass the directory of results")
    (entry,) = ledger(directory, [], (id,))
    return ClaimCard(entry)


def _results() -> Path:
    here, installed = Path.cwd(), Path(__file__).resolve()
    for directory in (here, *here.parents, *installed.parents):
        if (directory / "results").is_dir() and (directory / "src" / "coordconv_lab").is_dir():
            return directory / "results"
    raise InputError(
        f"there is no checkout at or above {here}; pass the directory of results as results="
    )
