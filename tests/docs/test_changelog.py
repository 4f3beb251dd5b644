"""The changelog has its form, and adding or removing a public name requires an entry.

The rule is about names, in both directions: every name that users can import, every command and
every extra for users is in it in backticks, and every single name that an "Added" list has in
backticks still exists, unless a "Removed" list has it too. A forgotten entry for something new, and
for something renamed or gone, then fails here. A rule about commits ("src changed, so the changelog
must") would fail on every comment that is corrected, and would be silenced with empty words; what
changes behind an old name is left to the review.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from coordconv_lab.cli import app
from coordconv_lab.experiments.notsoclevr.recipes import RECIPES

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
MODULES = [
    "coordconv/__init__.py",
    "coordconv/conversion/__init__.py",
    "coordconv/costs.py",
    "coordconv/export/__init__.py",
    "coordconv/integrations/albumentations.py",
    "coordconv/integrations/coordinate_images.py",
    "coordconv/integrations/frames.py",
    "coordconv/integrations/kornia.py",
    "coordconv/integrations/monai.py",
    "coordconv/integrations/torchio.py",
    "coordconv/integrations/torchvision.py",
    "coordconv/integrations/transformers.py",
    "coordconv/keras/__init__.py",
    "coordconv/layers/__init__.py",
    "coordconv/testing.py",
    "coordconv/usage/__init__.py",
    "coordconv_lab/__init__.py",
    "coordconv_lab/hub.py",
]
FOR_DEVELOPERS = {"dev", "docs", "release", "test"}


def sections(text: str) -> list[tuple[str, str]]:
    """Return the heading of each version with the text below it."""
    parts = re.split(r"^## (.*)\n", text, flags=re.M)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def faults_of_form(text: str, version: str) -> Iterator[str]:
    """Say where a text departs from Keep a Changelog, or lacks this version."""
    if not text.startswith("# Changelog\n"):
        yield "the first line is not '# Changelog'"
    found = sections(text)
    if found and found[0][0] == "[Unreleased]":
        found = found[1:]
    headings = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", name) for name, _ in found]
    if not all(headings) or not headings:
        yield "a heading is not '[version] - YYYY-MM-DD', or there is no version"
        return
    versions = [Version(heading[1]) for heading in headings if heading]
    dates = [date.fromisoformat(heading[2]) for heading in headings if heading]
    if str(versions[0]) != version:
        yield f"the newest version is {versions[0]}, the project's is {version}"
    if sorted(set(versions), reverse=True) != versions or sorted(dates, reverse=True) != dates:
        yield "versions or dates do not go down"
    for name, body in sections(text):
        kinds = re.findall(r"^### (.*)$", body, flags=re.M)
        if not set(kinds) <= set(KINDS) or len(set(kinds)) < len(kinds):
            yield f"{name}: has {kinds}; each may be there once, out of {KINDS}"
        if name != "[Unreleased]" and "\n- " not in body:
            yield f"{name}: says nothing"


def public_names() -> set[str]:
    """Return what is in `__all__`; read, since importing some modules takes seconds."""
    names: set[str] = set()
    for module in MODULES:
        for node in ast.parse((ROOT / "src" / module).read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names.update(ast.literal_eval(node.value))
    return names


def parameters() -> set[str]:
    """Return the names of all arguments of the library."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src" / "coordconv").rglob("*.py")]
    return {node.arg for tree in trees for node in ast.walk(tree) if isinstance(node, ast.arg)}


def commands(of=app, before: str = "") -> set[str]:
    names = {name for name in of if not name.startswith("-")}
    below = [commands(of[name], f"{before}{name} ") for name in names]
    return set().union(*below) or {before.strip()}


def extras() -> set[str]:
    return set(PROJECT["optional-dependencies"]) - FOR_DEVELOPERS


def listed(text: str, kind: str) -> set[str]:
    """Return the names in backticks in all lists of one kind."""
    lists = re.findall(rf"^### {kind}\n(.*?)(?=^##|\Z)", text, flags=re.M | re.S)
    return {name for one in lists for name in re.findall(r"`([^`]+)`", one)}


def test_it_has_the_form_and_the_current_version():
    assert list(faults_of_form(CHANGELOG, PROJECT["version"])) == []


@pytest.mark.parametrize("name", sorted(public_names() | commands() | extras()))
def test_every_name_that_users_meet_is_in_it(name):
    assert name in set(re.findall(r"`([^`]+)`", CHANGELOG)), f"CHANGELOG.md lacks `{name}`"


def test_the_names_are_found():
    assert {
        "CoordConv2d",
        "precompute",
        "to_onnx",
        "coordinate_costs",
        "SharedNet",
    } <= public_names()
    assert {"train", "sweep show", "data export"} <= commands()
    assert {"lab", "sweep"} <= extras()


def test_every_name_that_was_added_is_still_there_or_was_removed():
    known = public_names() | commands() | extras() | parameters() | set(RECIPES)
    known |= {path.name for path in (ROOT / "src").iterdir()}
    added = {name for name in listed(CHANGELOG, "Added") if re.fullmatch(r"\w+", name)}
    assert added - listed(CHANGELOG, "Removed") <= known


ENTRY = "# Changelog\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- This.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY.replace("# Changelog\n", "# News\n", 1), "first line"),
        (ENTRY.replace("2026-12-01", "1 December 2026"), "heading"),
        (ENTRY.replace("0.2.0", "0.1.9"), "newest version"),
        (ENTRY.replace("Added", "New"), "each may be there once"),
        (ENTRY.replace("- This.", ""), "says nothing"),
        (ENTRY + ENTRY[ENTRY.index("##") :].replace("0.2.0", "0.3.0"), "do not go down"),
        ("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n", "there is no version"),
    ],
)
def test_a_breach_of_the_form_is_found(text, said):
    assert list(faults_of_form(ENTRY, "0.2.0")) == []
    assert any(said in fault for fault in faults_of_form(text, "0.2.0"))
