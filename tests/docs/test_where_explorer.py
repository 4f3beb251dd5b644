"""The explorer of held-out places is made from the committed predictions."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_current_and_light():
    program = ROOT / "tools" / "pages" / "make_where_explorer.py"
    assert subprocess.run([sys.executable, program, "--check"], check=False).returncode == 0
    assert (ROOT / "docs" / "where-explorer.html").stat().st_size < 1_000_000
