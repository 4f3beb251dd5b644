"""The pages on reproducibility and versions match the committed results."""

import json
import tomllib
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.matrix import CELLS, EXTRAS, RESULTS, counts
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]


def test_the_pages_match_the_committed_results():
    assert is_current("make_numbers.py"), "run `make speed`"


def test_the_message_about_nan_names_the_run_of_the_command_above_it():
    page = (ROOT / "docs" / "numbers.md").read_text()
    assert "`coordconv train regression --learning-rate 1e30` prints:" in page
    spec = tuned("regression", "uniform", "coordconv")
    spec = with_settings(spec, {"training.learning_rate": 1e30})
    assert f"no checkpoint yet in runs/{spec.run_name}\n" in page


def test_every_extra_has_cells_and_every_result_has_a_cell():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for_users = set(project["optional-dependencies"]) - {"dev", "docs", "release", "test"}
    for_users -= {"brains", "climate", "digits", "signal", "tiles", "volume"}  # data only
    assert for_users == {"lab", *EXTRAS}
    assert set(json.loads(RESULTS.read_text())) <= {cell.id for cell in CELLS}


def test_an_outcome_counts_errors_as_failures(tmp_path):
    suite = ElementTree.Element("testsuites")
    numbers = {"tests": "9", "failures": "1", "errors": "2", "skipped": "3"}
    ElementTree.SubElement(suite, "testsuite", numbers)
    report = tmp_path / "report.xml"
    ElementTree.ElementTree(suite).write(report)
    assert counts(report) == {"passed": 3, "failed": 3, "skipped": 3}
