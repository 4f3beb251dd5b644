"""Write parts of pages from measurements, each between two markers."""

import sys
from pathlib import Path


def with_part(page: str, part: str, name: str) -> str:
    """Return a page with a measured part between its two markers."""
    begin, end = f"<!-- {name}: written by make -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{part}\n{end}{rest.split(end)[1]}"


def write_or_check(path: Path, wanted: str) -> int | None:
    """Write a page; with --check, return an exit code that says whether it is current."""
    if "--check" in sys.argv:
        return int(wanted != path.read_text())
    path.write_text(wanted)
    return None
