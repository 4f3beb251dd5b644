"""The published report matches the committed records."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]


def test_the_page_matches_the_committed_records():
    assert is_current("make_page.py"), "run `make page`"


def test_the_page_is_at_most_six_megabytes():
    assert (ROOT / "docs" / "report.html").stat().st_size < 6_000_000


@pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-headless-shell")),
    reason="no Chromium here",
)
def test_the_page_is_measured_in_a_browser(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "page.py", "--out", tmp_path / "page.json"]
    subprocess.run([*command, "--times", "1", "--moves", "3"], check=True, capture_output=True)
    found = json.loads((tmp_path / "page.json").read_text())
    assert found["bytes"] == (ROOT / "docs" / "report.html").stat().st_size
    assert found["first_drawing_ms"][0] > 0
    assert found["move_ms"]["n"] == 3 * 3
