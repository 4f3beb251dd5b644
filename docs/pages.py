"""Pages with a part that is written from measurements: between two marks, by a program."""

import sys
from pathlib import Path


def with_part(page: str, part: str, name: str) -> str:
    """Put a measured part between its two marks on a page."""
    begin, end = f"<!-- {name}: written by make -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{part}\n{end}{rest.split(end)[1]}"


def write_or_check(path: Path, wanted: str) -> int | None:
    """Write a page; with --check, tell instead, as an exit code, whether it is up to date."""
    if "--check" in sys.argv:
        return int(wanted != path.read_text())
    path.write_text(wanted)
    return None
