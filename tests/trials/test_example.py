"""The example of a trial is short."""

import ast

from tests.trials.test_recipes import RECIPES, without_docstrings

EXAMPLE = RECIPES.parent / "trial_of_a_unet.py"


def test_the_user_of_the_example_writes_at_most_thirty_lines():
    tree = ast.parse(EXAMPLE.read_text())
    own = {"make", "train", "tested", "score", "errors"}  # beside the model and the data
    tree.body = [node for node in tree.body if getattr(node, "name", "") in own]
    assert len(tree.body) == len(own)
    code = ast.unparse(without_docstrings(tree)).splitlines()
    assert len([line for line in code if line.strip()]) <= 30
