"""Names and questions of a plug-in are printed as they are: brackets in them are not markup."""

import pytest

from coordconv_lab.console.study_tables import print_arms, print_studies
from coordconv_lab.console.sweep_tables import print_outcome
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.results import RunStore
from coordconv_lab.studies import Study
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.outcome import outcome

QUESTION = "Is [a] better than [/b]?"


@pytest.fixture
def study() -> Study:
    spec = tuned("regression", "quadrant", "coordconv")
    return Study("[red]", QUESTION, {"width [small]": [spec], "[/]": [spec]})


def test_brackets_in_a_study_are_printed(study, capsys):
    print_studies([study])
    print_arms(study, {})
    said = capsys.readouterr().out
    assert said.count(QUESTION) == said.count("[red]") == 2
    assert "width [small]" in said
    assert "[/] " in said


def test_brackets_in_the_rows_of_a_sweep_are_printed(study, capsys, tmp_path):
    print_outcome(study.name, outcome(Sweep(study, None), RunStore(tmp_path), []), best=1)
    said = capsys.readouterr().out
    assert "[red]" in said
    assert "width [small]" in said
    assert "[/] " in said
