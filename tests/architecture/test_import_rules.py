"""Imports go one way, and the check that says so can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": str(LINT.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_keeps_the_rules():
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "breach", "rule"),
    [
        ("coordconv/grids.py", "import coordconv_lab.specs", "The library never imports"),
        ("coordconv/grids.py", "import coordconv.layers", "The library imports one way"),
        ("coordconv/grids.py", "import keras", "Keras stays in the layers for Keras"),
        ("coordconv_lab/inspection.py", "import onnx", "ONNX in export"),
        ("coordconv/layers/lazy.py", "import transformers", "stay in the integrations"),
        (
            "coordconv/layers/lazy.py",
            "import coordconv.integrations",
            "The library imports one way",
        ),
        (
            "coordconv_lab/specs/experiment.py",
            "import coordconv_lab.train",
            "The laboratory imports one way",
        ),
        (
            "coordconv_lab/experiments/notsoclevr/tasks/regression.py",
            "import lightning_fabric",
            "Lightning stays in training",
        ),
        (
            "coordconv_lab/train/loop.py",
            "import coordconv_lab.experiments.notsoclevr.data",
            "The engine imports no experiment",
        ),
        (
            "coordconv_lab/train/loop.py",
            "import coordconv_lab.parts",
            "The training loop receives finished parts",
        ),
        (
            "coordconv_lab/report/table.py",
            "import coordconv_lab.experiments.notsoclevr.tutorial_scores",
            "The engine imports no experiment",
        ),
        ("coordconv_lab/results/store.py", "import torch", "are made without torch"),
        ("coordconv_lab/train/experiment.py", "import cyclopts", "stay in the report"),
    ],
)
def test_a_seeded_breach_is_caught(tmp_path, file, breach, rule):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "src" / file
    path.write_text(f"{path.read_text()}\n{breach}\n")
    result = _lint(tmp_path)
    assert result.returncode == 1
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(rule in line for line in broken), result.stdout


@pytest.mark.slow("processes")
def test_recipes_records_and_report_are_made_without_torch():
    program = (
        "import sys, coordconv_lab.recipes, coordconv_lab.results, coordconv_lab.report;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import torch; {program}"]).returncode == 1


def test_the_commands_are_known_without_torch_lightning_or_templates():
    program = (
        "import sys, coordconv_lab.cli;"
        "sys.exit(bool({'torch', 'lightning_fabric', 'jinja2', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
