"""Every example in a docstring runs and gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import coordconv
import coordconv_lab


def _modules():
    for package in (coordconv, coordconv_lab):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield module.name


FINDER = doctest.DocTestFinder()
EXAMPLES = [
    pytest.param(example, id=example.name)
    for name in _modules()
    for example in FINDER.find(importlib.import_module(name))
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_holds(example):
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_examples_were_found():
    names = {parameter.id for parameter in EXAMPLES}
    assert {
        "coordconv.layers.convolution.CoordConv2d",
        "coordconv_lab.results.score_format.percent",
    } <= names
