"""The commands; bad input is reported in one line with exit code 2."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import numpy as np
import pytest
from cyclopts import App

from coordconv_lab.cli import app, main
from coordconv_lab.cli.options import Int, Place
from coordconv_lab.errors import DamagedError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies import STUDIES
from coordconv_lab.results import RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.studies import study_named
from coordconv_lab.sweep.lookup import sweep_named
from tests.results.test_store import make_record
from tests.results.test_summary import COLUMNS

COMMAND = [sys.executable, "-m", "coordconv_lab"]
TINY = ["--canvas", "14", "18", "--square", "5", "--epochs", "1"]


def _refused(capsys, *arguments: str) -> str:
    """Run a command that must fail; return its one line of output."""
    assert main(list(arguments)) == 2
    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("coordconv: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train classifcation", 'Did you mean "classification"?'),
        ("train regression --lerning-rate 1", "Did you mean --learning-rate?"),
        ("train regression --learning-rate -1", "greater than 0; got -1"),
        ("train regression --epochs many", 'unable to convert "many" into int'),
        ("train regression --canvas 5 5", "a 9 x 9 square does not fit on a canvas of height 5"),
        ("train rendering --model conv", "has the models coordconv and deconv; got 'conv'"),
        ("train rendering --set model.radus=true", "did you mean model.radius?"),
        ("train rendering --set radius", "expected PATH=VALUE"),
        ("train rendering --set data.split=quadrant", "use the option --split"),
        ("train rendering --set task=regression", "use the argument TASK"),
        ("train rendering --epochs 1 --set training.epochs=2", "use the option --epochs"),
        ("train rendering --set data.square=5 --set data.square=7", "was given twice"),
        ('train rendering --set training={"epochs":3}', "got a group of settings"),
        ("train regression --model conv --canvas 6 6 --square 3", "larger canvas"),
        ("reproduce --task drawing", "Choose from"),
        ("reproduce --seeds 0", "--seeds: expected 1 to 10,000, got 0"),
        ("reproduce --seeds 1000000000", "--seeds: expected 1 to 10,000, got 1000000000"),
        ("reproduce --seeds 99999999999999999999", "--seeds: expected 1 to 10,000, got 9999"),
        ("reproduce --jobs 0", "--jobs: expected 1 to 1,000, got 0"),
        ("reproduce --jobs 1.5", 'unable to convert "1.5" into int'),
        ("reproduce --experiment climate --jobs 0", "--jobs: expected 1 to 1,000, got 0"),
        ("study tiling --jobs 1001", "--jobs: expected 1 to 1,000, got 1001"),
        ("sweep tutorial --jobs -1", "--jobs: expected 1 to 1,000, got -1"),
        ("sweep tutorial --engine ray --jobs 2", "--jobs: only valid with --engine serial"),
        ("train regression --ensemble 1000000000", "--ensemble: expected 1 to 10,000, got 1"),
        ("reproduce --task regression --model deconv", "regression has coordconv and conv"),
        ("reproduc", "reproduce"),
        ("reproduce --recipe tutorail", "tutorial"),
        ("study tilling", "did you mean tiling?"),
        ("study tiling --arm diagonal", "no arm of the study tiling has 'diagonal'"),
        ("claims", "results is not a directory"),
        ("claims --results nowhere", "nowhere is not a directory"),
        ("sweep tilling", "did you mean tiling"),
        ("sweep show tilling", "did you mean tiling"),
        ("sweep nowhere.yaml", "cannot read nowhere.yaml"),
        ("sweep tiling --limit 0", "--limit: expected 1 to 1,000,000, got 0"),
        ("sweep tiling --address here:1", "--address: only valid with --engine ray"),
        ("sweep tiling --early-stopping", "--early-stopping: only valid with --engine ray"),
        ("sweep tiling --engine slurm", 'Choose from: "serial", "ray"'),
        ("sweep tiling --row diagonal", "no arm of the study tiling has 'diagonal'"),
        ("sweep tiling --runs nothing://here", "cannot open nothing://here"),
        ("sweep tiling --set data.split=uniform", "data.split cannot be changed"),
        ("sweep tiling --set data.square=5 --set data.square=7", "was given twice"),
        ("sweep tiling --set training.epoch=1", "did you mean training.epochs?"),
        ("train regression --devices 0", "--devices: expected 1 or more, got 0"),
        ("sweep tiling --gpus-per-run nan --engine ray", "--gpus-per-run: expected 0 to"),
        ("sweep tiling --cpus-per-run 1001", "--cpus-per-run: expected 1 to 1,000, got 1001"),
        ("train regression --cpus-per-run 0", "--cpus-per-run: expected 1 to 1,000, got 0"),
        ("sweep show tiling", "runs/tiling is not a directory"),
        ("sweep show tiling --best -1", "--best: expected 0 or more"),
        ("report --runs s3://bucket/path", "got the URL s3:/bucket/path"),
        ("report --out s3://bucket/path", "got the URL"),
        ("report --results s3://bucket/path", "got the URL"),
        ("claims --results s3://bucket/path", "got the URL"),
        ("study tiling --results s3://bucket/path", "got the URL"),
        ("train regression --runs s3://bucket/path", "got the URL"),
        ("reproduce --runs memory://path", "got the URL"),
        ("data export --out s3://bucket/path", "got the URL"),
        ("train regression --seed 1.7", 'unable to convert "1.7" into int'),
        ("train regression --seed 0x10", 'unable to convert "0x10" into int'),
        ("train regression --canvas 10.4 10.6", 'unable to convert "10.4" into int'),
        ("reproduce --seeds 1.5", 'unable to convert "1.5" into int'),
        ("sweep tiling --limit 1.5", 'unable to convert "1.5" into int'),
        ("report --port 1.5", 'unable to convert "1.5" into int'),
        ("inspect nowhere:net --size 1 2.0 3", 'unable to convert "2.0" into int'),
        (f"claims --results {'n' * 300}", "File name too long"),
        (f"report --results {'n' * 300}", "File name too long"),
        (f"report --runs {'n' * 300}", "File name too long"),
        (f"study tiling --results {'n' * 300}", "File name too long"),
        (f"sweep show tiling --runs {'n' * 300}", "File name too long"),
        ("train regression --num-nodes 2", "machine with torchrun"),
        ("data export", "--out"),
        ("data export --out a --canvas 0 9", "--canvas: Input should be greater than or equal to"),
        ("data export --out a --split quadrant", "Unknown option: --split"),
        ("reproduce --experiment notsoclever", 'Did you mean "notsoclevr"?'),
    ],
)
def test_bad_input_is_reported_in_one_line(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in _refused(capsys, *arguments.split())
    assert not list(tmp_path.glob("*:"))


def test_all_integer_and_path_options_share_their_validation():
    for name, command in _commands(app):
        for argument in command.assemble_argument_collection() if command.default_command else ():
            for kind, marks in _leaves(argument.field_info.annotation):
                wanted = {int: Int, Path: Place}.get(kind)
                assert wanted is None or wanted.__metadata__[0] in marks, (name, argument.name)


def _commands(inside: App) -> Iterator[tuple[str, App]]:
    for name in inside:
        if not name.startswith("-"):
            yield name, inside[name]
            yield from _commands(inside[name])


def _leaves(kind: Any, marks: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield the members of a type, such as int and None of int | None, with their annotations."""
    if get_origin(kind) is Annotated:
        yield from _leaves(kind.__origin__, kind.__metadata__)
    elif get_args(kind):
        for inner in get_args(kind):
            yield from _leaves(inner)
    else:
        yield kind, marks


def test_claims_are_printed_as_a_table_and_as_json(capsys, tmp_path):
    assert main(["claims", "--results", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "tiling-fails" in words
    assert "missing: tiling, uniform: 0 of 3 runs" in " ".join(words.split())
    assert main(["claims", "--json", "--results", str(tmp_path)]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {"id", "statement", "source", "verdict", "n", "effect", "interval"} <= set(entries[0])
    assert all(f"{entry['verdict']} " in words for entry in entries)


def test_only_the_claims_given_by_id_are_printed(capsys, tmp_path):
    some = ["tiling-fails", "hand-built"]
    results = ["--results", str(tmp_path)]
    assert main(["claims", *some, *results]) == 0
    words = capsys.readouterr().out
    assert all(name in words for name in some)
    assert "2 claims: " in words
    assert main(["claims", *some, "--json", *results]) == 0
    assert sorted(entry["id"] for entry in json.loads(capsys.readouterr().out)) == sorted(some)
    said = _refused(capsys, "claims", "hand-built", "tiling-fail", *results)
    assert "there is no claim 'tiling-fail'; did you mean tiling-fails" in said
    assert "coordconv claims lists them" in _refused(capsys, "claims", "xyzzy", *results)


def test_the_ledger_names_an_unusable_record(capsys, tmp_path):
    spec = study_named("tiling").arms["uniform"][0]
    path = RunStore(tmp_path / "tiling").open(spec) / "record.json"
    path.write_text("{")
    assert str(path) in _refused(capsys, "claims", "--results", str(tmp_path))


def test_study_without_names_lists_the_studies(capsys):
    assert main(["study"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in STUDIES)


def test_a_damaged_file_of_one_study_does_not_stop_the_next(capsys, tmp_path, monkeypatch):
    begun = []

    def run_study(study, *_):
        begun.append(study.name)
        if study.name != "receptive-field":
            raise DamagedError(f"a file of {study.name} is damaged")

    monkeypatch.setattr("coordconv_lab.run_study.run_study", run_study)
    names = ["tiling", "receptive-field", "tutorial"]
    said = _refused(capsys, "study", *names, "--results", str(tmp_path))
    assert begun == names
    assert said.endswith("a file of tiling is damaged | a file of tutorial is damaged")


def test_an_unwritable_directory_is_named(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    runs = str(tmp_path / "file" / "runs")
    assert "cannot write" in _refused(capsys, "train", "regression", *TINY, "--runs", runs)
    assert "cannot write" in _refused(capsys, "data", "export", "--out", runs)
    assert (tmp_path / "file").read_text() == "in the way"


ONE = ("--task", "regression", "--split", "uniform", "--model", "coordconv")


def test_reproduce_names_a_truncated_record_and_loses_nothing(capsys, tmp_path):
    store, spec = RunStore(tmp_path), tuned("regression", "uniform", "coordconv")
    path = store.open(spec) / "record.json"
    path.write_text('{"version": 1, "spe')
    said = _refused(capsys, "reproduce", *ONE, "--runs", str(tmp_path))
    assert "record.json is not a complete JSON file" in said
    assert path.read_text() == '{"version": 1, "spe'
    assert [file.name for file in tmp_path.iterdir()] == [spec.run_name]


def test_reproduce_names_a_spec_of_another_version_and_loses_nothing(capsys, tmp_path):
    store, spec = RunStore(tmp_path), tuned("regression", "uniform", "coordconv")
    path = store.open(spec) / "spec.json"
    write_json(path, spec.model_dump(mode="json") | {"version": 8})
    before = path.read_bytes()
    said = _refused(capsys, "reproduce", *ONE, "--runs", str(tmp_path))
    assert "expected a spec of version 1, got version 8" in said
    assert path.read_bytes() == before


def test_a_report_of_no_runs_says_what_to_do(capsys, tmp_path):
    assert "coordconv reproduce" in _refused(capsys, "report", "--runs", str(tmp_path))


@pytest.mark.parametrize(
    "command", ["", "reproduce", "train", "claims", "report", "data", "data export"]
)
def test_the_help_of_every_command_has_an_example(capsys, command):
    assert main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage: coordconv" in text
    if command not in ("", "data"):
        assert f"coordconv {command}" in text.split("For example:")[1]


def test_train_writes_a_run_and_prints_its_scores(capsys, tmp_path):
    arguments = ["train", "regression", "--split", "quadrant", "--seed", "3", *TINY]
    assert main([*arguments, "--runs", str(tmp_path)]) == 0
    [(directory, record)] = RunStore(tmp_path).records()
    assert (record.spec.seed, record.spec.data.split, record.epochs) == (3, "quadrant", 1)
    output = capsys.readouterr().out
    assert directory.name in output
    assert f"{record.scores['test']['coordinate_accuracy']:.4f}" in output


def test_export_writes_the_files_that_it_prints(capsys, tmp_path):
    out = str(tmp_path / "data")
    assert main(["data", "export", "--out", out, "--canvas", "14", "18", "--square", "5"]) == 0
    arrays, picture = capsys.readouterr().out.split()
    assert np.load(arrays)["square"].shape == (140, 14, 18)
    assert picture.endswith("contact_sheet.png")


@pytest.mark.slow("processes")
def test_a_run_can_be_resumed_after_ctrl_c(tmp_path):
    arguments = ["train", "regression", "--runs", str(tmp_path), "--canvas", "20", "20"]
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--epochs", "2000"],
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/checkpoint.ckpt")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "coordconv: interrupted; run the same command again to continue"
    assert "Traceback" not in said
    assert list(tmp_path.glob("*/checkpoint.ckpt"))


@pytest.mark.slow("every record")
def test_the_report_can_be_regenerated_from_records(capsys, tmp_path):
    store = RunStore(tmp_path / "runs")
    for model in ("coordconv", "deconv"):
        spec = tuned("classification", "uniform", model)
        write_json(store.open(spec) / "record.json", make_record(spec).model_dump(mode="json"))
    out = tmp_path / "elsewhere" / "page.html"
    assert main(["report", "--runs", str(store.root), "--out", str(out)]) == 0
    assert re.fullmatch(re.escape(str(out)) + r" \(\d\.\d MB\)", capsys.readouterr().out.strip())
    assert "75.0%" in out.read_text()


def test_the_report_omits_and_names_a_damaged_record(capsys, tmp_path):
    store = RunStore(tmp_path)
    for model in ("coordconv", "deconv"):
        spec = tuned("classification", "uniform", model)
        write_json(store.open(spec) / "record.json", make_record(spec).model_dump(mode="json"))
    damaged = store.directory(spec) / "record.json"
    damaged.write_text("{")
    said = _refused(capsys, "report", "--runs", str(tmp_path), "--results", "nowhere")
    assert f"coordconv: {damaged} is not a complete JSON file" in said
    assert str(damaged) in (tmp_path / "report.html").read_text()


@pytest.mark.slow("every record")
def test_summary_json_has_the_documented_columns(tmp_path):
    from coordconv_lab.reproduce import reproduce

    store = RunStore(tmp_path)
    specs = [tuned("rendering", "uniform", model) for model in ("coordconv", "deconv")]
    for spec in specs:
        write_json(store.open(spec) / "record.json", make_record(spec).model_dump(mode="json"))
    reproduce(specs, tmp_path)
    rows = json.loads((tmp_path / "summary.json").read_text())
    assert tuple(rows[0]) == COLUMNS
    assert [row["model"] for row in rows] == ["coordconv", "deconv"]
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow("processes")
def test_a_sweep_is_listed_estimated_run_and_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep"]) == 0
    assert "paper-classification" in capsys.readouterr().out
    one = ["--row", "uniform, coordconv", "--set", "data.square=57", "--set", "training.epochs=1"]
    assert main(["sweep", "paper-classification", *one, "--dry-run", "--machines", "4"]) == 0
    said = capsys.readouterr().out
    assert "6 runs, 6 remaining; kinds of runs measured: 1" in said
    assert "1 threads" not in said
    assert not (tmp_path / "runs").exists()
    assert main(["sweep", "paper-classification", *one, "--limit", "2"]) == 0
    assert "2 of 6" in capsys.readouterr().out
    assert main(["sweep", "show", "paper-classification", *one]) == 0
    said = capsys.readouterr().out
    assert "2 of 6" in said
    assert "learning_rate 0.001" in said
    assert len(list((tmp_path / "runs" / "paper-classification").glob("*/record.json"))) == 2


def test_show_mentions_runs_with_other_settings(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed = ["--set", "data.square=57", "--set", "training.epochs=1"]
    row = ["--row", "uniform, coordconv"]
    store = RunStore(tmp_path / "runs" / "paper-classification")
    spec = sweep_named("paper-classification", {"data.square": 57, "training.epochs": 1})
    spec = spec.study.arms["classification, uniform, coordconv"][0]
    write_json(store.open(spec) / "record.json", make_record(spec).model_dump(mode="json"))
    hint = "with other settings: 1. If they were trained with --set, pass the same --set here."
    for options, hinted in (
        (row, True),
        ([*row, *changed], False),
        (["--row", "quadrant, coordconv"], False),
    ):
        assert main(["sweep", "show", "paper-classification", *options]) == 0
        assert (hint in capsys.readouterr().out) == hinted


def test_a_dry_run_names_unusable_records(capsys, tmp_path):
    specs = sweep_named("paper-classification", {}, "uniform, coordconv").study.specs
    cut = RunStore(tmp_path).open(specs[0]) / "record.json"
    cut.write_text("{")
    rest = [s for s in specs if s is not specs[0]]
    for spec in rest:
        kept = make_record(spec).model_dump(mode="json")
        write_json(RunStore(tmp_path).open(spec) / "record.json", kept)
    line = ["sweep", "paper-classification", "--row", "uniform, coordconv", "--dry-run"]
    assert main([*line, "--runs", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert f"{len(specs)} runs" in out
    assert str(cut) in err
