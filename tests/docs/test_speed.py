"""The pages on speed match the committed measurements."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from coordconv_lab.experiments.notsoclevr import recipes
from coordconv_lab.experiments.notsoclevr.recipes import fast
from coordconv_lab.experiments.notsoclevr.tasks import Regression
from coordconv_lab.recipes import with_settings
from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "program",
    [
        "make_speed.py",
        "make_placements.py",
        "make_training_speed.py",
        "make_sweeps.py",
        "make_brains.py",
    ],
)
def test_a_page_matches_the_committed_measurements(program):
    assert is_current(program), "run `make speed`"


def measured(program: str, out: Path, options: str) -> dict:
    """Run a benchmark and return its results."""
    command = [sys.executable, ROOT / "benchmarks" / program, *options.split(), "--out", out]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads(out.read_text())


def test_layers_are_measured_in_all_variants(tmp_path):
    options = "--rows first regression --modes forward training --seconds 0 --turns 1"
    cells = measured("layers.py", tmp_path / "layers.json", options)["cells"]
    assert {cell["row"].partition(" ")[0] for cell in cells} == {"first", "net:"}
    assert {cell["mode"] for cell in cells} == {"forward", "training"}
    assert {"plain", "published", "ours"} <= set(cells[0]["variants"])
    assert all(entry["bytes"] > 0 for cell in cells for entry in cell["variants"].values())


def test_placements_are_compared_with_windows(tmp_path):
    options = "--rows first --seconds 0 --turns 1"
    cells = measured("placements.py", tmp_path / "placements.json", options)["cells"]
    assert {cell["mode"] for cell in cells} == {"forward", "training"}
    assert {"placement", "placement per sample"} <= set(cells[0]["ratios"])


def test_both_settings_alternate_and_a_second_call_repeats_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    ordinary, program = map(importlib.import_module, ("ordinary", "time_to_perfect"))
    # On the canvas of the tutorial, the two runs would take minutes on a busy machine.
    small = {"data.canvas": [16, 16], "data.square": 5, "training.epochs": 1}
    monkeypatch.setattr(recipes, "fast", lambda *key: with_settings(fast(*key), small))
    monkeypatch.setattr(ordinary, "CANVAS", (16, 16))
    monkeypatch.setattr(ordinary, "SQUARE", 5)
    monkeypatch.setitem(ordinary.TASKS, "regression", Regression((16, 16)))

    def in_this_process(key, cap):
        capsys.readouterr()
        program.main(["--one", json.dumps([*key, cap])])
        return json.loads(capsys.readouterr().out)

    monkeypatch.setattr(program, "in_a_process", in_this_process)
    out = tmp_path / "times.json"
    line = "--tasks regression --splits uniform --ways fast tutorial --seeds 2 --cap 0.01 --out"
    program.main([*line.split(), str(out)])
    runs = json.loads(out.read_text())["runs"]
    order = [(way, seed) for way in ("fast", "tutorial") for seed in (0, 1)]
    assert [(run["way"], run["seed"]) for run in runs] == order
    assert [run["perfect"] for run in runs] == [min(run["history"][-1][1:]) == 1 for run in runs]
    for run in runs[2:]:
        assert run["seconds"] >= 0.01
        assert len(run["history"]) == run["epochs"]
    program.main([*line.split(), str(out)])
    assert json.loads(out.read_text())["runs"] == runs


def test_a_step_is_measured_with_its_lower_bounds(tmp_path):
    out = tmp_path / "step.json"
    options = "--parts growth profile --nets regressor --canvases 16 32 --seconds 0"
    cells = measured("training_step.py", out, options)["cells"]
    assert [cell["canvas"] for cell in cells] == [16, 32, 64]
    for cell in cells[:2]:
        assert cell["seconds"] > 0 < cell["held_bytes"]
        assert cell["floor"] <= cell["floor_arithmetic"] + cell["floor_memory"]
        larger = max(cell["floor_arithmetic"], cell["floor_memory"])
        assert cell["floor"] >= larger * (1 - 1e-12)  # a sum, rounded
    small, large = cells[:2]
    assert large["held_bytes"] > 2 * small["held_bytes"]
    assert sum(cells[2]["kinds"].values()) >= cells[2]["seconds"]


def test_ensembles_are_compared_with_one_network_at_a_time(tmp_path):
    options = "--nets regressor --sizes 2 --seconds 0 --turns 1"
    [cell] = measured("ensemble.py", tmp_path / "ensemble.json", options)["cells"]
    assert cell["ratio"]["ensemble of 1"] == [1, 1, 1]
    assert set(cell["ratio"]) == set(cell["steps_a_second"])


def test_the_program_for_a_gpu_runs_on_a_cpu_and_ends_in_time(tmp_path):
    options = "--device cpu --rows first --nets regressor --seconds 0 --turns 1"
    found = measured("on_a_gpu.py", tmp_path / "gpu.json", options)
    parts = [cell["part"] for cell in found["cells"]]
    assert (parts.count("training"), parts.count("layers")) == (2, 6)
    assert found["no time for"] == []
    assert all(cell["ratio"]["plain"] == 1 for cell in found["cells"] if "ratio" in cell)
    nothing = measured("on_a_gpu.py", tmp_path / "none.json", f"{options} --budget -1")
    assert (nothing["cells"], len(nothing["no time for"])) == ([], 8)


def test_the_overhead_of_an_empty_run_is_measured():
    command = [sys.executable, ROOT / "benchmarks" / "sweep_overhead.py"]
    command += ["--one", "serial", "--runs", "20"]  # Another test starts Ray.
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    turn = json.loads(done.stdout.splitlines()[-1])
    assert (turn["engine"], turn["runs"]) == ("serial", 20)
    assert turn["milliseconds_a_run"] > 0 < turn["megabytes_at_the_end"]
