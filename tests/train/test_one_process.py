"""A run in one process is that of Fabric, and does not import it."""

import subprocess
import sys

import pytest
import torch

from coordconv_lab.train.fabric import Fabric
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.processes import OneProcess, SeveralProcesses
from coordconv_lab.train.processor import prepare_processor
from coordconv_lab.train.setup import Setup


@pytest.mark.parametrize(
    ("precision", "fabrics"), [("float32", "32-true"), ("bfloat16", "bf16-mixed")]
)
def test_one_process_trains_as_fabric_does_bit_for_bit(tiny, precision, fabrics):
    training = tiny.training.model_copy(update={"precision": precision})
    spec = tiny.model_copy(update={"training": training})
    prepare_processor()
    fabric = Fabric(accelerator="cpu", devices=1, precision=fabrics)
    fabric.launch()
    nets = []
    for processes in (SeveralProcesses(fabric), OneProcess("cpu")):
        loop = Loop(Setup([spec], Hardware("cpu"), processes))
        for _ in loop.run():
            pass
        nets.append(loop.setup.nets[0].state_dict())
    assert all(map(torch.equal, nets[0].values(), nets[1].values()))


@pytest.mark.slow("processes")
def test_fabric_is_only_imported_for_several_processes():
    program = (
        "import sys, coordconv_lab.train;"
        "sys.exit(', '.join({'lightning_fabric', 'torch._dynamo'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
