"""Public signatures complete in an editor: every argument has a name, a type and a description."""

import importlib
import inspect
import re
import types
from typing import Any, Union, get_args, get_origin

import pytest
import torch
from torch import nn

import coordconv
from coordconv import CONVENTIONS, CoordConv2d, CoordinateLayer, LazyCoordConv2d, convert
from coordconv.conventions import ConventionName

MODULES = ["", ".conversion", ".costs", ".export", ".keras", ".testing", ".usage"]
MODULES += [".placement_batches", ".conventions", ".functional", ".layers", ".placements"]
# Free text, so no Literal: names and patterns of files, devices, layers, and cells of tables.
FREE_TEXT = {"path", "device", "where", "name", "names", "layer"}
FREE_TEXT |= {"before", "after", "reason", "note", "erased", "change"}
# Keras passes the options of every layer by name, and stores them in configs.
OPEN = {"CoordConv1D", "CoordConv2D", "CoordConv3D"}


def public() -> dict[str, Any]:
    found = {}
    for module in MODULES:
        loaded = importlib.import_module(f"coordconv{module}")
        for name in loaded.__all__:
            thing = getattr(loaded, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                found[name] = thing
    del found["CoordinateLayer"]  # A base class, which is not constructed.
    return found


PUBLIC = public()


def parts_of(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for one in get_args(annotation) for part in parts_of(one)]
    return [annotation]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_signature_names_and_types_each_argument(name):
    for parameter in inspect.signature(PUBLIC[name]).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and name in OPEN:
            continue
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD), parameter
        assert parameter.annotation is not parameter.empty, parameter
        for part in parts_of(parameter.annotation):
            assert part not in (tuple, list, dict), f"{parameter}: of what?"
            assert part is not str or parameter.name in FREE_TEXT, f"{parameter}: use a Literal"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_is_described_under_its_name(name):
    text = inspect.getdoc(PUBLIC[name]) or ""
    heading = "Args" if "Args:" in text else "Attributes"
    section = re.search(rf"^{heading}:\n((?:    .*\n|\n)+)", text + "\n", re.MULTILINE)
    arguments = [*inspect.signature(PUBLIC[name]).parameters]
    described = re.findall(r"^    (\w+):", section[1], re.MULTILINE) if section else []
    assert described == arguments


def test_the_names_of_presets_are_literals():
    assert get_args(ConventionName) == tuple(CONVENTIONS)


def test_all_coordinate_layers_have_one_public_base():
    layers = [getattr(coordconv, name) for name in coordconv.__all__ if "CoordConv" in name]
    assert len(layers) == 12
    assert all(issubclass(layer, CoordinateLayer) for layer in layers)
    assert isinstance(convert(nn.Conv2d(1, 1, 1)), CoordinateLayer)
    assert not isinstance(nn.Conv2d(1, 1, 1), CoordinateLayer)
    assert isinstance(LazyCoordConv2d(1, 1), CoordinateLayer)
    assert isinstance(CoordConv2d(1, 1, 1, device=torch.device("meta")), CoordinateLayer)


def test_a_layer_offers_only_what_a_user_calls():
    plain, layer = nn.Conv2d(2, 2, 1), CoordConv2d(2, 2, 1)
    own = {name for name in set(dir(layer)) - set(dir(plain)) if not name.startswith("_")}
    arguments = {"radius", "convention", "coord_kernel_size", "method"}
    assert own == {"coord_weight", "trust_weights", *arguments}
    subclass = type("Rescaled", (nn.Conv2d,), {"forward": lambda self, input: 2 * input})(2, 2, 1)
    converted = convert(subclass, unknown="in_front")
    assert {name for name in set(dir(converted)) - set(dir(plain)) if name[0] != "_"} == own
