"""The files, tests and names in the pages for contributors exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {name: (ROOT / name).read_text() for name in ("CONTRIBUTING.md", "SECURITY.md")}
TEXT = "\n".join(PAGES.values())
TO_COME = {"src/coordconv_lab/experiments/notsoclevr/tasks/mirroring.py"}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", TEXT))))
def test_every_link_points_to_a_file(target):
    assert (ROOT / target).exists()


def test_every_named_file_and_test_exists():
    named = set(re.findall(r"`((?:src|tests|docs)/[\w/]+\.\w+)(?:::(\w+))?`", TEXT))
    assert len(named) > 5
    for path, test in named - {(path, "") for path in TO_COME}:
        assert f"def {test}" in (ROOT / path).read_text()
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for test in re.findall(r"`(test_\w+)`", TEXT):
        assert f"def {test}(" in sources


def test_every_named_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    lines = re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", TEXT, flags=re.MULTILINE)
    named = {word for line in lines for word in line.split()}
    assert {"check", "release", "sbom", "audit"} <= named <= targets


EXTENDED = ("TASKS", "_KINDS", "Padding")


@pytest.mark.parametrize("name", EXTENDED)
def test_the_names_to_extend_exist(name):
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert re.search(rf"^(?:def )?{name}\b", sources, flags=re.MULTILINE)


@pytest.mark.slow("training")
def test_a_task_without_rows_is_trained_as_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"```python\n(.*?)```", PAGES["CONTRIBUTING.md"], flags=re.DOTALL)
    exec(code, {})
    assert "mean_iou" in capsys.readouterr().out
    assert len(list(tmp_path.glob("runs/reconstruction-*/record.json"))) == 1
