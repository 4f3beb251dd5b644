"""The inventory of public names, their documentation and the conventions they promise."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import coordconv

PUBLIC = ["AddCoords", "CoordConv2d", "append_coordinates", "coord_conv2d", "coordinate_grid"]
CONVENTIONS = Path(__file__).parents[2] / "docs" / "conventions.md"


def test_the_public_names_are_these_and_no_others():
    assert sorted(coordconv.__all__) == PUBLIC
    modules = ("functional", "grids", "layers")
    visible = {name for name in vars(coordconv) if not name.startswith("_")}
    assert visible - set(modules) == {*PUBLIC, "PackageNotFoundError", "version"}
    assert re.match(r"\d+", coordconv.__version__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring_with_arguments_and_an_example(name):
    text = inspect.getdoc(getattr(coordconv, name)) or ""
    assert "Args:" in text
    assert "Example:\n    >>> " in text


@pytest.mark.parametrize("module", ["grids", "functional", "layers"])
def test_the_examples_of_the_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(f"coordconv.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_convention_names_a_test_that_exists():
    named = set(re.findall(r"`(test_\w+)`", CONVENTIONS.read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")]
    written = set(re.findall(r"^def (test_\w+)", "\n".join(sources), flags=re.MULTILINE))
    assert named
    assert named - written == set()
