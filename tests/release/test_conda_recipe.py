"""The conda recipe agrees with pyproject.toml, and renders if its builder is installed."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PATH = ROOT / "release" / "conda" / "recipe.yaml"
RECIPE = yaml.safe_load(PATH.read_text())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
OF_CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "uv_build": "uv-build"}


def in_conda(line: str) -> tuple[str, str]:
    """Return the name and the range of a requirement as conda writes them."""
    requirement = Requirement(line)
    bounds = sorted(map(str, requirement.specifier), reverse=True)
    return OF_CONDA.get(requirement.name, requirement.name), ",".join(bounds)


def named(lines: list[str]) -> dict[str, str]:
    return {line.split(" ")[0]: line.partition(" ")[2] for line in lines}


def test_name_version_and_description_are_those_of_the_project():
    assert RECIPE["package"]["name"] == PROJECT["name"]
    assert RECIPE["context"]["version"] == PROJECT["version"]
    assert PROJECT["requires-python"] == f">={RECIPE['context']['python_min']}"
    about = RECIPE["about"]
    assert about["summary"] == PROJECT["description"]
    assert about["license"] == PROJECT["license"]
    assert about["license_file"] == PROJECT["license-files"]
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert RECIPE["build"]["python"]["entry_points"] == scripts


def test_it_requires_what_the_project_requires():
    required = RECIPE["requirements"]
    [builder] = PYPROJECT["build-system"]["requires"]
    assert in_conda(builder) in named(required["host"]).items()
    run = named(required["run"])
    assert run.pop("python") == ">=${{ python_min }}"
    assert run == dict(map(in_conda, PROJECT["dependencies"]))


def test_optional_packages_have_the_ranges_of_the_extra():
    extra = dict(map(in_conda, PROJECT["optional-dependencies"]["lab"]))
    constrained = named(RECIPE["requirements"]["run_constraints"])
    assert constrained
    assert constrained.items() <= extra.items()


def test_it_builds_the_sdist_of_this_version():
    [path] = RECIPE["source"].values()
    stem = PROJECT["name"].replace("-", "_")
    expected = f"dist/{stem}-{PROJECT['version']}.tar.gz"
    place = PATH.parent / path.replace("${{ version }}", PROJECT["version"])
    assert place.resolve() == ROOT / expected


def test_the_builder_renders_it():
    rattler_build = pytest.importorskip("rattler_build")
    [variant] = rattler_build.Stage0Recipe.from_file(PATH).render(rattler_build.VariantConfig())
    rendered = variant.recipe.to_dict()
    assert rendered["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert "python >=3.11" in rendered["requirements"]["run"]
