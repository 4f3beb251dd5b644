"""A sweep that compares kinds of network, from the file to the report."""

import json

import pytest
import yaml

from coordconv_lab.cli import main

KINDS = ["coordconv-regressor", "conv-pooled-regressor"]
SETTINGS = {"data.canvas": [[14, 18]], "data.square": [5], "training.epochs": [1]}


@pytest.mark.slow("training")
@pytest.mark.parametrize("search", ["grid", "random", "optuna"])
def test_two_kinds_of_network_are_trained_shown_and_reported(search, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    space = {
        "name": "kinds",
        "search": search,
        "rows": [{"task": "regression", "split": "quadrant", "model": "coordconv"}],
        "settings": {"model.kind": KINDS, **SETTINGS},
    }
    if search != "grid":
        space["trials"] = 4
    (tmp_path / "kinds.yaml").write_text(yaml.safe_dump(space))
    assert main(["sweep", "kinds.yaml", "--dry-run"]) == 0
    assert main(["sweep", "kinds.yaml"]) == 0
    specs = [json.loads(path.read_text()) for path in tmp_path.glob("runs/kinds/*/spec.json")]
    assert {spec["model"]["kind"] for spec in specs} == {*KINDS}
    assert len(list(tmp_path.glob("runs/kinds/*/record.json"))) == len(specs) == 2
    capsys.readouterr()
    assert main(["sweep", "show", "kinds.yaml"]) == 0
    shown = capsys.readouterr().out
    assert main(["report", "--runs", "runs/kinds", "--format", "markdown"]) == 0
    page = (tmp_path / "runs" / "kinds" / "report.md").read_text()
    for family in ("coordconv", "conv"):
        assert search == "optuna" or f"regression, quadrant, {family} " in shown
        assert f"| {family} |" in page.lower()
    again = "2 runs, 0 remaining"
    assert main(["sweep", "kinds.yaml"]) == 0
    assert again in capsys.readouterr().out
