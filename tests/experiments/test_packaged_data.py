"""Data of another package are those of one version, or a message says what to do."""

import hashlib
from importlib.metadata import version

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.brains.source import SOURCE as BRAINS
from coordconv_lab.experiments.climate.source import SOURCE as CLIMATE
from coordconv_lab.experiments.digits.source import SOURCE as DIGITS
from coordconv_lab.experiments.signal.source import SOURCE as SIGNAL
from coordconv_lab.experiments.tiles import source as tiles
from coordconv_lab.experiments.volume.source import SOURCE as VOLUME
from coordconv_lab.packaged_data import PackagedData

SOURCES = {
    "digits": DIGITS,
    "brains": BRAINS,
    "climate": CLIMATE,
    "tiles, zones": tiles.ZONES,
    "tiles, mosaic": tiles.MOSAIC,
    "signal": SIGNAL,
    "volume": VOLUME,
}


def source(**changes) -> PackagedData:
    """A file of a package that is installed wherever tests run."""
    from importlib.metadata import distribution

    content = distribution("pytest").locate_file("pytest/__init__.py").read_bytes()
    fields = {
        "package": "pytest",
        "version": version("pytest"),
        "licence": "MIT",
        "extra": "digits",
        "files": {"pytest/__init__.py": hashlib.sha256(content).hexdigest()},
    }
    return PackagedData(**{**fields, **changes})


def test_a_file_is_read_as_it_is():
    assert b"pytest" in source().read("pytest/__init__.py")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"package": "no-such-package-here", "version": "1.2"},
            "in the package no-such-package-here 1.2, which is not installed",
        ),
        ({"version": "0.0.1"}, "expected the data of pytest 0.0.1, got version"),
        ({"files": {"pytest/__init__.py": "0" * 64}}, "has the sha256"),
        ({"files": {"pytest/gone.npz": "0" * 64}}, "cannot read pytest/gone.npz"),
    ],
)
def test_a_missing_damaged_or_different_package_is_named_with_the_remedy(changes, said):
    odd = source(**changes)
    with pytest.raises(InputError, match=said) as error:
        odd.read(next(iter(odd.files)))
    assert f"--no-deps {odd.package}=={odd.version}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", SOURCES)
def test_the_extra_installs_the_version_whose_files_are_known(name):
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    one = SOURCES[name]
    extra = project["project"]["optional-dependencies"][one.extra]
    assert f"{one.package}=={one.version}" in [line.split(";")[0].strip() for line in extra]
    assert all(len(digest) == 64 for digest in one.files.values())
    assert any(license in one.licence for license in ("BSD", "MIT", "GPL-3.0"))


@pytest.mark.parametrize("name", SOURCES)
def test_every_file_of_an_installed_package_is_the_known_one(name):
    one = SOURCES[name]
    if one.installed != one.version:
        pytest.skip(f"{one.package} {one.version} is not installed")
    for file in one.files:
        assert one.read(file)
