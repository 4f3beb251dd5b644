"""Runs of a plug-in's task, whose data are not positions, work from Python like all others."""

import json
import os
import subprocess
import sys

PLUGIN = """
import torch
from typing import Literal
from torch import nn
from coordconv_lab.examples import IndexedData
from coordconv_lab.objective import Objective
from coordconv_lab.registry import Experiment, Network, Plugin, Score, Task
from coordconv_lab.specs import DatasetSpec, NetworkSpec

class Signals(DatasetSpec):
    split: Literal["random"] = "random"

class Line(NetworkSpec):
    kind: Literal["line"] = "line"
    bias: bool = True

def load(spec, device):
    x = torch.linspace(-1, 1, 32)[:, None]
    return IndexedData(torch.arange(32) % 4 > 0, {"x": x, "y": 2 * x}, device)

class Double(Objective):
    def __init__(self, data):
        self.tensors = data.tensors
    def inputs(self, examples):
        return self.tensors["x"][examples]
    def loss(self, net, examples):
        return nn.functional.mse_loss(self.ask(net, examples), self.tensors["y"][examples])
    def score(self, predictions, examples):
        return {"fit": torch.exp(-(predictions - self.tensors["y"][examples]).abs()[:, 0])}

TASK = Task(name="doubling", scores=(Score(name="fit"),), solved=0.9, baseline="line",
            make=lambda spec, data: Double(data))
PLUGIN = Plugin(
    name="lines", version="1",
    experiments=(Experiment(name="lines", title="Lines", data=Signals, load=load, tasks=(TASK,)),),
    networks=(Network(spec=Line, build=lambda spec, data: nn.Linear(1, 1, bias=spec.bias),
                      tasks=("doubling",)),),
)
"""

PROGRAM = """
import json, sys
from coordconv_lab import load, runs, train

words = {"runs": sys.argv[1], "progress": False, "epochs": 2}
run = train("doubling", **words)
other = train("doubling", bias=False, **words)
refused = []
for attempt in (
    lambda: train("doubling", bais=False, **words),
    lambda: train("dubling", **words),
    lambda: run.show("map"),
    lambda: run.predict(1, 1),
    lambda: run.predictions,
):
    try:
        attempt()
    except Exception as error:
        refused.append(f"{type(error).__name__}: {error}")
print(json.dumps({
    "refused": refused,
    "same": load(run.directory).record == run.record,
    "differences": runs([run, other]).differences,
    "figure": len(run.show().png()),
    "html": "fit" in run._repr_html_(),
    "rows": len(runs(sys.argv[1])),
}))
"""


def test_a_task_of_a_plugin_is_trained_compared_and_drawn(tmp_path):
    (tmp_path / "lines.py").write_text(PLUGIN)
    said = json.loads(
        subprocess.run(
            [sys.executable, "-c", PROGRAM, tmp_path / "runs"],
            env={**os.environ, "COORDCONV_PLUGINS": str(tmp_path / "lines.py")},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    )
    assert said["same"]
    assert said["html"]
    assert said["figure"] > 1000
    assert said["rows"] == 2
    assert said["differences"] == ["bias=True", "bias=False"]
    expected = (
        "did you mean bias",
        "did you mean doubling",
        "has no figure 'map'; its figures: curve",
    )
    expected += ("are not positions on a canvas", "not a grid of positions")
    for words, message in zip(expected, said["refused"], strict=True):
        assert message.startswith("InputError")
        assert words in message


DICTIONARIES = """
import json, sys
from coordconv_lab import runs, train

words = {"runs": sys.argv[1], "progress": False, "epochs": 1}
for levels in ({"low": 1}, {"high": 2, "low": 1}, {}):
    assert train("doubling", levels=levels, **words).spec.data.levels == levels
listed = runs(sys.argv[1])
found = [one.spec.data.levels for one in listed.where(levels={"high": 2, "low": 1})]
print(json.dumps([str(listed), found, sorted(listed.labels)]))
"""


def test_a_setting_may_be_a_dictionary_in_python(tmp_path):
    split = '    split: Literal["random"] = "random"\n'
    (tmp_path / "lines.py").write_text(
        PLUGIN.replace(split, f"{split}    levels: dict[str, float] = {{'low': 3}}\n")
    )
    environment = {**os.environ, "COORDCONV_PLUGINS": str(tmp_path / "lines.py")}
    command = [sys.executable, "-c", DICTIONARIES, str(tmp_path / "runs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table, found, labels = json.loads(done.stdout.splitlines()[-1])
    assert found == [{"high": 2, "low": 1}]
    assert labels == [
        "line, levels={'high': 2.0, 'low': 1.0}", "line, levels={'low': 1.0}", "line, levels={}"
    ]  # fmt: skip
    assert "levels={'low': 1.0}" in table
