"""What the guides show runs as it stands there, block after block."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("page", ["real-models.md", "keras.md"])
def test_the_blocks_of_a_guide_run_in_their_order(page, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.S)
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": page}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert len(blocks) >= 3


def test_the_table_of_networks_is_that_of_the_committed_record():
    check = [sys.executable, ROOT / "docs" / "make_models.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run `make speed`"
