"""Steps without synchronization, and missing devices."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import Hardware, run
from coordconv_lab.train.hardware import deterministic_algorithms
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.setup import Setup

WAITS = {
    "aten::_local_scalar_dense",  # item, float, bool and tolist of a number
    "aten::nonzero",
    "aten::masked_select",
    "aten::equal",
    "aten::unique",
}


class NoWaiting(TorchDispatchMode):
    """Raise for operations that synchronize with a device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function.name().split(".")[0] not in WAITS, f"{function.name()} waits"
        return function(*args, **(kwargs or {}))


SETTINGS = {"data.canvas": (14, 18), "data.square": 5}


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("task", ["classification", "regression", "rendering"])
def test_a_step_does_not_synchronize(task, members):
    spec = with_settings(tuned(task, "quadrant", "coordconv"), SETTINGS)
    specs = [with_settings(spec, {"seed": seed}) for seed in range(members)]
    with deterministic_algorithms():
        loop = Loop(Setup(specs, Hardware("cpu")))
        batches = torch.stack([next(iter(some)) for some in loop.setup.batches])
        loop._take_step(batches)
        with NoWaiting():
            loop._take_step(batches)
    assert loop.step == 2


def test_synchronization_is_detected():
    with NoWaiting(), pytest.raises(AssertionError, match="waits"):
        torch.ones(1).sum().item()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_named():
    with pytest.raises(InputError, match="no cuda device"):
        Hardware("cuda")
    assert Hardware("auto").kind == "cpu"


def test_the_record_describes_the_hardware(tiny, store):
    record = run(tiny, store, hardware=Hardware("cpu"))
    assert (record.provenance.device, record.provenance.ensemble) == ("cpu", 1)
    assert not record.provenance.compiled


def test_settings_of_torch_are_restored(tiny, store):
    run(tiny, store)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_a_compiled_run_learns_the_same(tiny, tmp_path):
    spec = with_settings(tiny, {"training.epochs": 1, "training.learning_rate": 1e-3})
    plain = run(spec, RunStore(tmp_path / "plain"))
    compiled = run(spec, RunStore(tmp_path / "compiled"), hardware=Hardware(compiled=True))
    assert compiled.provenance.compiled
    assert compiled.scores["test"] == pytest.approx(plain.scores["test"], rel=1e-3, abs=1e-3)
