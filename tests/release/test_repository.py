"""Commits, CI and `make check` run the same checks; the forms for issues are valid."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
CI = (ROOT / ".ci" / "run").read_text()
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
FORMS = [path for path in TEMPLATES if path.stem != "config"]
OTHERS = {"clean", "install", "test"}
"""What CI does besides checking: it makes the environment, and runs the tests."""


def read(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())


def checks_of_ci(text: str) -> list[str]:
    lines = re.findall(r"^make ([^&>\n]*)", text, flags=re.M)
    words = [word for line in lines for word in re.findall(r"^[a-z ]+", line)[0].split()]
    return [word for word in words if word not in OTHERS]


def test_the_hooks_run_what_ci_runs_in_its_order():
    [local] = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    checks = checks_of_ci(CI)
    assert [hook["entry"] for hook in local["hooks"]] == [f"make {name}" for name in checks]
    assert [hook["id"] for hook in local["hooks"]] == checks
    assert len(checks) >= 3


def test_no_hook_fetches_anything_or_looks_at_single_files():
    """A rule about imports, or a type, can break in a file that was not touched."""
    for hook in read(".pre-commit-config.yaml")["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False


def test_make_check_is_what_ci_checks_and_the_tests():
    [line] = re.findall(r"^check:([^#]*)", MAKEFILE, flags=re.M)
    assert line.split() == [*checks_of_ci(CI), "test-all"]


def test_the_workflow_only_calls_the_script():
    workflow = read(".github/workflows/ci.yml")
    [job] = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_it_needs_to_be_shown(path):
    form = yaml.safe_load(path.read_text())
    assert set(form) == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"input", "textarea"}
    names = [field["id"] for field in fields]
    labels = [field["attributes"]["label"] for field in fields]
    assert len(set(names)) == len(names) == len(set(labels))
    assert any(field.get("validations", {}).get("required") for field in fields)
