"""Output that cannot be printed causes no traceback and does not stop the work."""

import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from coordconv_lab.cli import main
from coordconv_lab.results import RunStore
from tests.report.conftest import add_run, store

__all__ = ["add_run", "store"]

GRID = {
    "name": "grid",
    "rows": [{"task": "regression", "split": "quadrant", "model": "coordconv"}],
    "settings": {
        "data.canvas": [[14, 18]],
        "data.square": [5],
        "training.epochs": [1],
        "training.batch_size": [32, 64],
    },
}


LINES = pytest.mark.parametrize(
    "line", ["claims --json --results .", "study", "sweep", "train --help"]
)


def unread() -> IO[str]:
    """Return a pipe whose reader is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w", buffering=1)


def full() -> IO[str]:
    """Return a file on a full disk."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no full device here")
    return open("/dev/full", "w")


def code_of(line: Sequence[str], output: IO[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of a command with that standard output."""
    with output, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", output)
        return main(line)


@LINES
def test_a_closed_pipe_is_not_an_error(line, monkeypatch, capfd):
    assert code_of(line.split(), unread(), monkeypatch) == 141
    assert capfd.readouterr().err == ""


@LINES
def test_a_full_disk_is_reported_in_one_line(line, monkeypatch, capfd):
    assert code_of(line.split(), full(), monkeypatch) == 2
    said = capfd.readouterr().err
    assert (
        said == "coordconv: cannot print: No space left on device; everything else has succeeded\n"
    )


@pytest.mark.parametrize("output", [unread, full])
def test_a_sweep_continues_if_its_output_fails(output, tmp_path, monkeypatch):
    (tmp_path / "grid.yaml").write_text(json.dumps(GRID))
    line = ["sweep", str(tmp_path / "grid.yaml"), "--runs", str(tmp_path / "runs")]
    assert code_of(line, output(), monkeypatch) in (2, 141)
    assert len(list(RunStore(tmp_path / "runs").records())) == 2


def test_characters_outside_of_the_encoding_are_escaped(add_run, store, tmp_path, monkeypatch):
    add_run()
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    line = ["report", "--runs", str(store.root), "--results", "nowhere", "--format", "markdown"]
    assert main([*line, "--out", str(tmp_path / "räume.md")]) == 0
    assert b"r\\xe4ume.md" in stream.buffer.getvalue()


@pytest.mark.slow("processes")
@pytest.mark.parametrize("columns", ["0", "99999999999", "9" * 5000, "\u00b2", ""])
@pytest.mark.parametrize("line", ["study", "train --help"])
def test_an_invalid_terminal_width_is_ignored(columns, line, monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(line.split()) == 0
    usual = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", columns)
    assert main(line.split()) == 0
    assert capsys.readouterr().out == usual


def test_a_closed_standard_output_is_not_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["study"]) == 0


def test_an_os_error_is_reported_in_one_line(monkeypatch, capsys):
    def refuse(*_: object) -> None:
        raise OSError(36, "File name too long", "x" * 300)

    monkeypatch.setattr("coordconv_lab.claims.ledger.ledger", refuse)
    assert main(["claims", "--results", "."]) == 2
    said = capsys.readouterr().err
    assert said.startswith("coordconv: cannot use xxx")
    assert said.count("\n") == 1
