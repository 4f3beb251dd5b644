"""Workflows call programs of the project, and each job has only the permissions that it needs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ZIZMOR = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
CHECK_TAG = [sys.executable, ROOT / "release" / "check_tag.py"]


def read(name: str) -> dict:
    return yaml.safe_load(WORKFLOWS[name].read_text())


def steps(name: str) -> list[dict]:
    return [step for job in read(name)["jobs"].values() for step in job["steps"]]


def test_there_is_a_workflow_for_each_purpose():
    assert set(WORKFLOWS) == {"ci", "documentation", "release"}


@pytest.mark.skipif(ZIZMOR is None, reason="zizmor is not installed")
def test_the_linter_for_workflows_finds_nothing():
    command = [
        str(ZIZMOR),
        "--offline",
        "--no-progress",
        "--strict-collection",
        *WORKFLOWS.values(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(name):
    lines = re.findall(r"uses: (.*)", WORKFLOWS[name].read_text())
    assert lines
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in lines)


def test_an_action_has_one_version_in_all_workflows():
    text = "".join(path.read_text() for path in WORKFLOWS.values())
    pins = set(re.findall(r"uses: (\S+@\S+ # \S+)", text))
    assert len({pin.split("@")[0] for pin in pins}) == len(pins)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_checkout_forgets_its_credentials(name):
    checkouts = [step for step in steps(name) if "checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_of_the_project_exists(name):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for words in (step["run"].split() for step in steps(name) if "run" in step):
        if words[0] == "make":
            assert set(words[1:]) <= targets
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file()
        else:
            assert words[0] in {".ci/run", "gh"}


def test_only_the_publishing_job_can_publish_and_it_runs_no_code_of_the_project():
    jobs = read("release")["jobs"]
    assert read("release")["permissions"] == {}
    assert jobs["build"]["permissions"] == {"contents": "read"}
    publish = jobs["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == {"name": "pypi"}
    assert not [step for step in publish["steps"] if "run" in step]
    assert not [step for step in publish["steps"] if "password" in step.get("with", {})]
    assert jobs["announce"]["needs"] == "publish"


def test_a_pull_request_builds_the_site_and_does_not_publish_it():
    jobs = read("documentation")["jobs"]
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert "github.event_name != 'pull_request'" in jobs["deploy"]["if"]


def test_a_tag_has_to_be_that_of_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert subprocess.run([*CHECK_TAG, f"v{version}"], check=False).returncode == 0
    for tag in ([version], ["v0.0.0"], [], [f"v{version}", "v2"]):
        done = subprocess.run([*CHECK_TAG, *tag], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"expected the tag v{version}" in done.stderr
