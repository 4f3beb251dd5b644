"""The inventory of public names, their documentation and the conventions they promise."""

import doctest
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import coordconv
from coordconv import export, keras, testing
from coordconv.conversion import (
    conversion_config,
    convert_from_config,
    from_concatenated,
    from_plain,
    register_convolution,
    to_concatenated,
)
from coordconv.costs import coordinate_costs
from coordconv.usage import coordinate_usage, position_sensitivity
from coordconv_lab.hub import SharedNet

LAYERS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
FUNCTIONS = ["append_coordinates", "coord_conv", "coord_conv_transpose", "coordinate_grid"]
FUNCTIONS += ["recompose", "convert", "decompose", "precompute", "fuse_batch_norm", "revert"]
FUNCTIONS += ["positions", "predict_flipped", "predict_tiled"]
CLASSES = [
    "AddCoords",
    "Convention",
    "CoordinateLayer",
    "Placement",
    "Window",
    *LAYERS,
    *(f"Lazy{name}" for name in LAYERS),
]
PUBLIC = ["CONVENTIONS", *CLASSES, *FUNCTIONS]
ASSERTS = [
    "assert_equals_concatenation",
    "assert_function_preserved",
    "assert_grid_convention",
]
PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"


def test_the_public_names_are_these_and_no_others():
    assert sorted(coordconv.__all__) == sorted(PUBLIC)
    modules = {path.stem for path in Path(coordconv.__file__).parent.iterdir()}
    visible = {name for name in vars(coordconv) if not name.startswith("_")}
    assert visible - modules == {*PUBLIC, "Any", "PackageNotFoundError", "version", "warnings"}
    assert re.match(r"\d+", coordconv.__version__)
    assert testing.__all__ == ASSERTS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PRESETS", "CONVENTIONS"),
        ("collapse", "recompose"),
        ("expand", "decompose"),
        ("fold", "precompute"),
    ],
)
def test_a_name_of_earlier_versions_works_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=f"{old} was renamed to coordconv.{new}") as seen:
        assert getattr(coordconv, old) is getattr(coordconv, new)
    assert seen[0].filename == __file__
    assert old not in dir(coordconv)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'coordconv' has no attribute 'CoordConv4d'"):
        _ = coordconv.CoordConv4d
    with pytest.raises(ImportError, match="CoordConv4d"):
        exec("from coordconv import CoordConv4d")


@pytest.mark.parametrize(
    "thing",
    [
        *(getattr(coordconv, name) for name in [*CLASSES, *FUNCTIONS]),
        *(getattr(testing, name) for name in ASSERTS),
        *(getattr(export, name) for name in export.__all__),
        conversion_config,
        convert_from_config,
        from_concatenated,
        from_plain,
        register_convolution,
        to_concatenated,
        coordinate_costs,
        coordinate_usage,
        position_sensitivity,
        keras.from_torch,
        keras.to_torch,
        keras.CoordConv2D,
        SharedNet,
    ],
    ids=lambda thing: thing.__name__,
)
def test_every_public_name_is_documented_in_the_house_form_with_an_example_that_runs(thing):
    name = thing.__name__
    text = inspect.getdoc(thing) or ""
    form = (
        "Attributes:"
        if name in ("Convention", "CoordinateLayer", "Placement", "Window")
        else "Args:"
    )
    assert f"\n{form}\n" in text
    if name not in ("CoordinateLayer", "Window"):  # These check nothing themselves.
        assert "\nRaises:\n" in text
    if inspect.isfunction(thing) and name not in ASSERTS:
        assert "\nReturns:\n" in text
    assert "\nExample:\n    >>> " in text
    (example,) = doctest.DocTestFinder(recurse=False).find(thing, globs=_globals_of(thing))
    result = doctest.DocTestRunner().run(example)
    assert result.attempted > 0
    assert result.failed == 0


def _globals_of(thing) -> dict:
    return dict(vars(sys.modules[thing.__module__]))


def test_every_module_of_the_library_names_its_source_or_its_purpose_and_its_public_names():
    for module in pkgutil.walk_packages(coordconv.__path__, "coordconv."):
        loaded = importlib.import_module(module.name)
        assert loaded.__doc__
        assert loaded.__all__ or module.name == "coordconv.integrations"


def test_every_convention_names_a_test_that_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")]
    written = set(re.findall(r"^def (test_\w+)", "\n".join(sources), flags=re.MULTILINE))
    assert named
    assert named - written == set()
