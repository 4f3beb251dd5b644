"""Outside tools that are installed here do to a converted model what docs/works-with.md says."""

import json
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RECORD = json.loads((BENCHMARKS / "results" / "works_with.json").read_text())["rows"]
sys.path.insert(0, str(BENCHMARKS))
import works_with  # noqa: E402  # pyright: ignore[reportMissingImports]
from works_with_rows import registry, verdicts  # noqa: E402  # pyright: ignore[reportMissingImports]

sys.path.pop(0)
ROWS = registry.ROWS
QUICK = [name for name, row in ROWS.items() if row.quick and works_with.installed(row)]


def test_every_row_was_run():
    assert set(RECORD) == set(ROWS)


@pytest.mark.parametrize("name", QUICK)
def test_a_tool_does_what_the_page_says(name):
    found = verdicts.judged(ROWS[name])
    if found["verdict"] == "no comparison":
        pytest.skip(found["message"])
    assert found["verdict"] == RECORD[name]["verdict"]


def test_the_committed_verdicts_follow_from_the_outcomes():
    for name, content in RECORD.items():
        assert verdicts.verdict_of(content)["verdict"] == content["verdict"], name


def tool(through, **options):
    packages = options.pop("packages", ("torch",))
    return registry.Row("a tool", "tools", packages, through, **options)


def loses_coordinates(model, x):
    return verdicts.without_coordinates(model)


def test_a_tool_that_loses_coordinates_is_found():
    found = verdicts.judged(tool(loses_coordinates, forms=("layer",)))
    assert found["plain"]["outcome"] == "exact"
    assert found["verdict"] == "WRONG"


def test_a_tool_that_is_wrong_at_another_size_only_is_found():
    def through(model, x):
        lost = verdicts.without_coordinates(model)
        return lambda input: model(input) if input.shape[2:] == x.shape[2:] else lost(input)

    assert verdicts.judged(tool(through, forms=("layer",)))["verdict"] == "WRONG"


def test_a_tool_that_is_too_coarse_to_tell_is_neither_right_nor_wrong():
    def coarse(model, x):
        noise = torch.Generator().manual_seed(0)

        def call(input):
            output = model(input)
            return output + 0.2 * output.abs().max() * torch.rand(output.shape, generator=noise)

        return call

    found = verdicts.judged(tool(coarse, forms=("layer",), precision="quantized"))
    assert found["plain"]["outcome"] == "exact"
    assert found["verdict"] == "no comparison"


def test_a_recipe_that_is_wrong_is_found():
    def refuses(model, x):
        if "Coord" in repr(model):
            raise ValueError("not these layers")
        return model

    row = tool(refuses, forms=("layer",))
    assert verdicts.judged(row)["verdict"] == "refused, with this message"
    assert verdicts.judged(row._replace(recipe=loses_coordinates))["verdict"] == "WRONG"
