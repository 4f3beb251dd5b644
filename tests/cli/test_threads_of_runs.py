"""A run has one thread in every command, unless the user wants more."""

import json
from pathlib import Path

import pytest
import torch

from coordconv_lab.cli import main
from coordconv_lab.train.processor import threads_of_torch

SPACE = """
name: tiny
search: grid
rows:
  - {task: regression, split: [quadrant], model: coordconv}
settings:
  data.canvas: [[14, 18]]
  data.square: [5]
  training.epochs: [1]
"""
TRAIN = "train regression --canvas 14 18 --square 5 --epochs 1 --runs runs"


@pytest.mark.parametrize(
    ("line", "threads"),
    [
        (TRAIN, 1),
        (f"{TRAIN} --ensemble 2", 1),
        (f"{TRAIN} --cpus-per-run 3", 3),
        ("sweep tiny.yaml --jobs 1 --runs runs", 1),
        ("sweep tiny.yaml --jobs 1 --runs runs --cpus-per-run 3", 3),
    ],
)
def test_a_run_has_the_threads_that_the_command_gives_it(monkeypatch, tmp_path, line, threads):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SPACE)
    with threads_of_torch(2):
        assert main(line.split()) == 0
        assert torch.get_num_threads() == 2
    records = [json.loads(path.read_text()) for path in Path("runs").rglob("record.json")]
    assert {record["provenance"]["threads"] for record in records} == {threads}
