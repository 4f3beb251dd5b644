"""The trials of models of other libraries run, each with a few steps of training.

Each test is skipped where its library is not installed.
"""

import ast
import os
from pathlib import Path

import pytest

from coordconv_lab.trials import load_functions, trial

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
RECIPES = Path(__file__).parents[2] / "examples" / "trials"
LIBRARIES = {
    "lightning_module": "lightning",
    "keras_model": "keras",
    "monai_unet": "monai",
    "segformer_trainer": "transformers",
    "yolo_detector": "ultralytics",
}
STAND_INS = {"data", "Halves", "write"}  # what users have already


def functions_of(name):
    """The functions of a recipe, with as little training as there can be."""
    pytest.importorskip(LIBRARIES[name])
    functions = load_functions(RECIPES / f"{name}.py")
    names = functions.train.__globals__
    names.update({key: 1 for key in ("STEPS", "EPOCHS") if key in names})
    return functions


def test_every_recipe_is_tested():
    assert {path.stem for path in RECIPES.glob("*.py")} == set(LIBRARIES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_recipe_runs_with_and_without_coordinates(name, tmp_path):
    outcome = trial(functions_of(name), tmp_path, arms=["first"], seeds=1)
    assert outcome.plain is not None
    assert outcome[0].scores is not None
    assert outcome.warnings == ()
    assert outcome[0].costs.parameters > 0
    if name == "keras_model":  # its layers are not of torch
        assert outcome[0].position is None
    else:
        changes = [row.change for row in outcome.best.losses]
        assert changes[0] == "mean position everywhere"
        assert len(changes) >= 5


@pytest.mark.filterwarnings("ignore")
def test_coordinates_of_keras_cannot_be_shuffled(tmp_path):
    outcome = trial(functions_of("keras_model"), tmp_path, arms=["shuffled:first"], seeds=1)
    assert "can be shuffled only in torch layers" in outcome[0].words


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_recipe_has_at_most_thirty_lines_of_the_user(name):
    text = (RECIPES / f"{name}.py").read_text()
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in STAND_INS]
    code = ast.unparse(without_docstrings(tree))
    assert len([line for line in code.splitlines() if line.strip()]) <= 30


def without_docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]
    return tree


def _is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
