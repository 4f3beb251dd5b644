"""The tutorial is one text in three forms, and runs from a clean kernel."""

import ast
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="needs the extra dev")
pytest.importorskip("nbclient", reason="needs the extra dev")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "pages"))  # Lets the programs import each other.
import make_tutorial  # noqa: E402

TRAINING = re.compile(r"(\w+) = train\((.*)\)")
CLAIM = re.compile(r'claim\("([^"]*)"\)')


def test_the_notebook_is_that_of_the_script_and_has_no_outputs():
    text = make_tutorial.NOTEBOOK.read_text()
    assert text == make_tutorial.notebook_text(), "run `make tutorial`"
    assert '"outputs": [\n' not in text


def test_the_page_is_that_of_the_script_and_has_its_outputs():
    page = make_tutorial.PAGE.read_text()
    wanted, _ = make_tutorial.page(make_tutorial.notebook())
    assert make_tutorial.text_of(page) == wanted, "run `make tutorial`"
    cells = [cell for cell in make_tutorial.notebook().cells if cell.cell_type == "code"]
    showing = [cell for cell in cells if _shows(cell.source)]
    assert page.count(make_tutorial.BEGIN) == len(showing) > 20
    for name in re.findall(r"images/(tutorial-\d+\.png)", page):
        assert (make_tutorial.IMAGES / name).is_file()


def _shows(source: str) -> bool:
    """Whether a cell prints something or ends with a value."""
    *_, last = ast.parse(source).body
    return isinstance(last, ast.Expr) or "print(" in source


def test_a_changed_script_is_noticed(monkeypatch, tmp_path):
    script = tmp_path / "tutorial.py"
    script.write_text(make_tutorial.SCRIPT.read_text().replace("step by step", "in one go", 1))
    monkeypatch.setattr(make_tutorial, "SCRIPT", script)
    assert make_tutorial.check() == 1


def _for_one_epoch(found: re.Match[str]) -> str:
    name, options = found[1], re.sub(r", epochs=\d+", "", found[2])
    if "regression" not in options and "canvas" not in options:
        options += ", square=41"  # fewer positions
    return found[0] if name == "with_coords" else f"{name} = train({options}, epochs=1)"


@pytest.mark.slow("training")
def test_the_notebook_runs_from_a_clean_kernel_and_shows_what_its_text_says(tmp_path, monkeypatch):
    """Every cell runs; the exact statements of the text hold on this machine too.

    They are about the first network. All others are trained for a single epoch, those of other
    tasks for fewer positions.
    """
    pytest.importorskip("ipykernel", reason="needs the extra dev")
    book = make_tutorial.notebook()
    for cell in book.cells:
        cell.source = TRAINING.sub(_for_one_epoch, cell.source)
    monkeypatch.setattr(make_tutorial, "notebook", lambda: book)
    book = make_tutorial.executed(tmp_path)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = {cell.source: str(cell.outputs) for cell in cells}
    of = {source.splitlines()[0]: output for source, output in shown.items()}
    assert "equal to the plain convolution: True" in "".join(shown.values())
    for source, output in shown.items():
        for name in CLAIM.findall(source):
            assert name in output
    assert "588 of 588 steps" in of['with_coords = train("regression", split="quadrant")']
    # The network with coordinates is exact, average pooling predicts the mean of the training set.
    assert "predicts row 50.0, column 40.0" in "".join(shown.values())
    average = of['average = train("regression", split="quadrant", head="average", epochs=1)']
    assert "mean of the training points: [26.8 26.8]" in average
    assert "image/png" in average
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
