"""A plug-in in one file is trained, resumed, swept, reported, inspected and shared like ours."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml

from coordconv_lab.cli import main
from coordconv_lab.hub import SharedNet
from coordconv_lab.registry import loading, use_plugins
from coordconv_lab.registry.entries import Registry
from coordconv_lab.sweep.space import Space, listed

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "experiments.md"
PULSES = ROOT / "examples" / "plugin_experiment.py"
TRAIN = ["train", "locate-pulse", "--split", "right", "--epochs", "3"]


class Done(NamedTuple):
    """Outcome of a command."""

    returncode: int
    stdout: str
    stderr: str


def coordconv(*arguments: str | Path, within: Path, plugin: Path | None = PULSES) -> Done:
    """Run a command with a registry of its own, so that its plug-ins are not those of the tests."""
    options = [] if plugin is None else ["--plugin", plugin]
    out, err = io.StringIO(), io.StringIO()
    with own_registry(), chdir(within), redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in (*arguments, *options)])
    return Done(code, out.getvalue(), err.getvalue())


@contextmanager
def own_registry() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_registry", Registry())
        patch.setattr(loading, "_files", {})
        patch.setattr(loading, "_is_loaded", False)
        patch.setenv("COORDCONV_PLUGINS", "")
        patch.setenv("COLUMNS", "200")
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Return a directory with two seeds of the network with coordinates."""
    place = tmp_path_factory.mktemp("plugin")
    for seed in ("0", "1"):
        done = coordconv(*TRAIN, "--seed", seed, within=place)
        assert done.returncode == 0, done.stderr
    return place


def one_run(place: Path) -> Path:
    return min(place.glob("runs/locate-pulse-right-coordconv-seed0-*"))


def test_the_record_names_the_plugin_and_the_version_of_its_file(place):
    record = json.loads((one_run(place) / "record.json").read_text())
    [(name, version)] = record["provenance"]["plugins"].items()
    assert name == "pulses"
    assert re.fullmatch(r"1\.0\+[0-9a-f]{12}", version)
    assert {"example", "is_train", "accuracy", "error", "predicted"} <= arrays(one_run(place))


def arrays(run: Path) -> set[str]:
    with np.load(run / "predictions.npz") as file:
        return set(file)


def test_a_finished_run_is_not_trained_again(place):
    before = (one_run(place) / "record.json").stat().st_mtime_ns
    assert coordconv(*TRAIN, within=place).returncode == 0
    assert (one_run(place) / "record.json").stat().st_mtime_ns == before


def test_the_report_has_its_runs_with_an_interval_over_seeds_and_no_squares(place):
    assert coordconv("report", within=place).returncode == 0
    page = (place / "runs" / "report.html").read_text()
    assert "Locate the pulse" in page
    assert "CoordConv on Pulses in noise" in page
    assert 'id="explorer"' not in page
    assert "Not-so-Clevr" not in re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    assert re.search(r"95% interval|100%|0%", page)


def test_a_space_compares_two_kinds_of_network_in_a_row_each(tmp_path):
    space = {
        "name": "kinds",
        "rows": [{"task": "locate-pulse", "split": "right"}],
        "settings": {"model.kind": ["pulse-coordconv", "pulse-conv"], "training.epochs": [1]},
    }
    (tmp_path / "kinds.yaml").write_text(yaml.safe_dump(space))
    done = coordconv("sweep", "kinds.yaml", within=tmp_path)
    assert done.returncode == 0, done.stderr
    for family in ("coordconv", "conv"):
        assert f"locate-pulse, right, {family}" in done.stdout
    assert len(list(tmp_path.glob("runs/kinds/*/record.json"))) == 2


def test_a_setting_may_be_a_dictionary_in_every_command_that_trains(tmp_path):
    field = '    split: Literal["random", "right"] = "random"\n'
    source = PULSES.read_text()
    assert source.count(field) == 1
    file = tmp_path / "mine.py"
    file.write_text(
        source.replace(field, f"{field}    levels: dict[str, float] = {{'low': 1.0}}\n")
    )
    for command in (
        [*TRAIN, "--levels", '{"low": 2, "high": 3}'],
        ["reproduce", "--experiment", "pulses", "--split", "right"],
    ):
        done = coordconv(*command, within=tmp_path, plugin=file)
        assert done.returncode == 0, done.stderr
    specs = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/spec.json")]
    found = [spec["data"].get("levels", {"low": 1.0}) for spec in specs]
    assert sorted(map(len, found)) == [1, 1, 2]


def test_its_network_is_inspected_and_shared(place, tmp_path):
    done = coordconv("inspect", one_run(place), within=place)
    assert "CoordConv1d" in done.stdout, done.stderr
    with own_registry():
        use_plugins([PULSES])
        SharedNet.from_run(one_run(place)).save_pretrained(tmp_path)
        card = SharedNet.from_pretrained(tmp_path).generate_model_card()
    assert "signals of shape (N, 1, 64)" in card.text


@pytest.mark.slow("processes")
def test_worker_processes_load_the_files_in_the_environment(tmp_path):
    program = "from coordconv_lab.registry import registry; print(registry().plugins['pulses'])"
    environment = {**os.environ, "COORDCONV_PLUGINS": str(PULSES)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "name='pulses'" in done.stdout, done.stderr


def test_without_the_plugin_its_records_are_named_in_one_line(place):
    done = coordconv("inspect", one_run(place), within=place, plugin=None)
    assert done.returncode == 2
    assert "was made with the plug-in 'pulses 1.0+" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = coordconv(*TRAIN, within=place, plugin=None)
    assert done.returncode == 2
    assert "pass the plug-in's file with --plugin" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1 /", "cannot be loaded: SyntaxError"),
        ("PLUGIN = 1", "must define PLUGIN"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit"),
        (
            "from coordconv_lab.registry import *\nPLUGIN = Plugin(name='Two Words', version='1')",
            "the name of a plug-in must match",
        ),
        (
            "from coordconv_lab.experiments.notsoclevr.descriptor import PLUGIN",
            "there are two plug-ins with the name 'notsoclevr'",
        ),
        (None, "cannot read the plug-in"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_refused_in_one_line(tmp_path, content, said):
    file = tmp_path / "mine.py"
    if content is not None:
        file.write_text(content)
    done = coordconv("study", within=tmp_path, plugin=file)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr


def test_the_page_about_experiments_is_correct(tmp_path):
    blocks = dict(re.findall(r"```(python|yaml)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (tmp_path / "halves.py").write_text(blocks["python"])
    plugins = ["--plugin", PULSES, "--plugin", "halves.py"]
    with own_registry():
        use_plugins([PULSES])
        space = Space.model_validate(yaml.safe_load(blocks["yaml"]))
        assert len(listed(space).specs) == 12
    done = coordconv("train", "right-half", "--epochs", "1", *plugins, within=tmp_path, plugin=None)
    assert done.returncode == 0, done.stderr
    [record] = tmp_path.glob("runs/right-half-random-coordconv-seed0-*/record.json")
    assert {"pulses", "halves"} == set(json.loads(record.read_text())["provenance"]["plugins"])
