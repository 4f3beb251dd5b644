"""The published page is that of the committed records."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_committed_records():
    check = [sys.executable, ROOT / "docs" / "make_page.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run `make page`"


def test_the_page_is_at_most_six_megabytes():
    assert (ROOT / "docs" / "report.html").stat().st_size < 6_000_000
