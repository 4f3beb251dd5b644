"""`make install` only installs pinned versions, and no range allows a version known to be bad."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(TEXT)["project"]
DIRECT = [
    Requirement(line)
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
    if not line.startswith(PROJECT["name"])  # an extra that another one brings along
]
LINES = re.sub(r"^#.*\n", "", (ROOT / "constraints.txt").read_text(), flags=re.M).splitlines()
PINS = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}

WITH_PYTHON = {"pip"}  # A new environment has it already: it is what reads the file.
BAD = {
    "lightning-fabric": ["2.6.2", "2.6.3"],  # malicious releases of Lightning
    "torch": ["2.5.1"],  # CVE-2025-32434
}


def below(requirement: Requirement) -> Iterator[Requirement]:
    """Yield what a requirement needs here, if it is installed."""
    try:
        lines = requires(requirement.name) or []
    except PackageNotFoundError:
        return
    for needed in map(Requirement, lines):
        extras = requirement.extras or {""}
        if not needed.marker or any(needed.marker.evaluate({"extra": one}) for one in extras):
            yield needed


def everything() -> Iterator[Requirement]:
    """Walk from the extras through what is installed, each requirement once."""
    left, seen = list(DIRECT), set()
    while left:
        requirement = left.pop()
        if str(requirement) not in seen:
            seen.add(str(requirement))
            yield requirement
            left.extend(below(requirement))


def is_exact(requirement: Requirement) -> bool:
    return any(one.operator == "==" and "*" not in one.version for one in requirement.specifier)


def unpinned(pins: dict[str, str]) -> set[str]:
    """Return what neither the file nor who needs it pins; the parts of CUDA come with torch."""
    walked = [one for one in everything() if not one.name.startswith(("nvidia-", "cuda-"))]
    exact = {canonicalize_name(one.name) for one in walked if is_exact(one)}
    return {canonicalize_name(one.name) for one in walked} - set(pins) - exact - WITH_PYTHON


def test_everything_that_is_needed_is_pinned():
    assert unpinned(PINS) == set()


@pytest.mark.parametrize("name", ["torch", "lightning-utilities", "markupsafe"])
def test_a_pin_that_is_missing_is_found(name):
    """A direct requirement, one of its requirements, and one three levels deep."""
    assert unpinned({key: PINS[key] for key in PINS if key != name}) == {name}


def test_every_line_is_one_exact_version():
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in LINES)
    assert len(PINS) == len(LINES)


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_every_pin_is_in_the_range_that_the_project_states(requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", BAD)
def test_no_range_lets_in_a_version_known_to_be_bad(name):
    ranges = [one.specifier for one in DIRECT if one.name == name]
    assert ranges
    assert not any(list(each.filter(BAD[name])) for each in ranges)


def test_a_range_that_is_finer_than_a_minor_version_or_has_an_end_says_why():
    """Such a bound has one release as its reason, which is forgotten if it is not written down."""
    lines = re.findall(r'"[\w\[\]-]+>=(?:[1-9]\d{0,2}\.\d+\.\d+|[^"]*<)[^"]*".*', TEXT)
    assert any(line.startswith('"lightning') for line in lines)
    assert all(re.search(r",?\]? # \w", line) for line in lines), lines
