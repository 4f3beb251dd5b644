"""An unusable file ends a command with exit code 2 and one line, not with a traceback."""

import json
import os
from pathlib import Path

import pytest

from coordconv_lab.cli import main
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.results.files import write_json
from tests.report.conftest import add_run, store

__all__ = ["add_run", "store"]

ODD = (
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"version": NaN}',
    '{"version": 1, "spec": 1e999}',
    "\0",
    "\ufeff{}",
)
odd = pytest.mark.parametrize("text", ODD)


def ends_with_words(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == 2
    said = capsys.readouterr().err
    assert said.startswith("coordconv: ")
    assert said.count("\n") == 1
    assert len(said) < 3000
    assert "Traceback" not in said


@pytest.mark.slow("every record")
@odd
def test_commands_about_a_run(text, add_run, store, capsys):
    directory = add_run()
    (directory / "record.json").write_text(text)
    ends_with_words(["inspect", str(directory)], capsys)
    ends_with_words(["report", "--runs", str(store.root), "--results", "nowhere"], capsys)


@odd
@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_commands_about_a_space(text, suffix, tmp_path, capsys):
    path = tmp_path / f"space.{suffix}"
    path.write_text(text)
    ends_with_words(["sweep", str(path), "--dry-run"], capsys)
    ends_with_words(["sweep", "show", str(path)], capsys)


@odd
def test_a_run_to_resume(text, tmp_path, capsys):
    spec = tuned("regression", "quadrant", "coordconv")
    (tmp_path / spec.run_name).mkdir()
    (tmp_path / spec.run_name / "spec.json").write_text(text)
    line = ["train", "regression", "--split", "quadrant", "--runs", str(tmp_path)]
    ends_with_words(line, capsys)
    assert (tmp_path / spec.run_name / "spec.json").read_text() == text


@pytest.mark.parametrize(
    "setting",
    ["data.canvas=[1000000000,1000000000]", "seed=1e400", "training.epochs=" + "9" * 5000,
     "model.width=" + "[" * 5000, "training.betas=[NaN,NaN]", "model=null", "a.b.c=1", "=1"],
)  # fmt: skip
def test_settings_from_the_command_line(setting, tmp_path, capsys):
    ends_with_words(["train", "regression", "--set", setting, "--runs", str(tmp_path)], capsys)
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.slow("every record")
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_a_report_does_not_replace_a_pipe(kind, linked, add_run, store, tmp_path, capsys):
    add_run()
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    out = str(link if linked else pipe)
    ends_with_words(["report", "--runs", str(store.root), "--format", kind, "--out", out], capsys)
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_report_is_written_through_a_link(add_run, store, tmp_path):
    add_run()
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    page.write_text("old")
    link.symlink_to(page)
    line = ["report", "--runs", str(store.root), "--results", "nowhere", "--out", str(link)]
    assert main(line) == 0
    assert link.is_symlink()
    assert "<html" in page.read_text()


def test_a_network_that_does_not_accept_its_canvas(add_run, capsys):
    directory = add_run("regression", "uniform", "conv")
    fields = json.loads((directory / "record.json").read_text())
    fields["spec"]["data"] |= {"canvas": [4, 4], "square": 1}
    write_json(directory / "record.json", fields)
    ends_with_words(["inspect", str(directory)], capsys)
