"""Any weights and any state to resume fit the network or are refused."""

import io
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from coordconv import CoordConv2d, CoordConvTranspose2d
from coordconv.conversion import from_concatenated, from_plain
from coordconv.export import conventions_in_file
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.hub import SharedNet
from coordconv_lab.inspection import inspect
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import Hardware
from coordconv_lab.train.checkpoint import Checkpoint
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.setup import Setup
from tests.fuzz.conftest import FUZZED, fuzzed, outcome
from tests.fuzz.mutations import NUMBERS, OTHERS, TEXTS, changes, junk, mutated

DOCUMENTED = (TypeError, ValueError, RuntimeError)
kinds = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64]
)
tensors = st.one_of(
    st.builds(torch.zeros, st.lists(st.integers(0, 6), max_size=5), dtype=kinds),
    st.sampled_from(
        [torch.zeros(8, 5, 1, 1), torch.zeros(8, 6, 1, 1), torch.zeros(8, 3, 1, 1), torch.zeros(8),
         torch.zeros(1).expand(8, 5, 1, 1), torch.zeros(8, 5, 1, 1, device="meta"),
         torch.zeros(1).expand(10**9, 10**9), torch.zeros(8, 5, 1, 1).to_sparse(),
         torch.quantize_per_tensor(torch.zeros(8, 5, 1, 1), 0.1, 0, torch.qint8),
         nn.Parameter(torch.zeros(8, 5, 1, 1)), nn.UninitializedParameter()]
    ),
    st.sampled_from((*NUMBERS, *TEXTS, *OTHERS)),
)  # fmt: skip
keys = st.sampled_from(
    ["0.weight", "0.bias", "0.coord_weight", "0.conv.weight", "0.conv.bias", "1.weight", "1.bias",
     "weight", "0.", ".", "", "0.conv.conv.weight", "00.weight", 0, None, ("0", "weight")]
)  # fmt: skip


def model(which: int) -> nn.Module:
    first = (
        CoordConv2d(3, 8, 1, radius=which == 1) if which < 2
        else CoordConvTranspose2d(3, 8, 1, convention="wizaron") if which == 2
        else CoordConv2d(4, 8, 3, groups=2, coord_kernel_size=1)
    )  # fmt: skip
    return nn.Sequential(first, nn.Conv2d(8, 2, 1))


MODELS = [model(which) for which in range(4)]


@FUZZED
@given(
    which=st.integers(0, 3),
    start=st.sampled_from(["own", "joint", "plain", "empty"]),
    more=st.dictionaries(keys, tensors, max_size=3),
    dropped=st.sets(keys, max_size=2),
    importer=st.sampled_from([from_concatenated, from_plain, None]),
)
def test_weights_are_loaded_or_refused(which, start, more, dropped, importer):
    net = MODELS[which]
    own = dict(net.state_dict())
    plain = {key: one for key, one in own.items() if "coord" not in key}
    joint = plain | {"0.weight": torch.zeros(8, 5 + (which == 1), 1, 1)}
    state: dict[Any, Any] = {"own": own, "joint": joint, "plain": plain, "empty": {}}[start]
    state = {key: one for key, one in state.items() if key not in dropped} | more

    def take() -> Any:
        found = state if importer is None else importer(net, state)
        return net.load_state_dict(found, strict=True)

    # Errors of torch's own module are listed, and are not bugs of this package.
    outcome("state dicts", take, (*DOCUMENTED, AttributeError) if importer is None else DOCUMENTED)


VALID_BYTES = safetensors.torch.save(dict(MODELS[0].state_dict()))


@FUZZED
@given(
    drawn=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.binary(max_size=9)),
        min_size=1,
        max_size=3,
    ),
    suffix=st.sampled_from(["safetensors", "safetensors", "pt2", "onnx"]),
)
def test_files_of_weights_are_inspected_or_refused(drawn, suffix, tmp_path_factory):
    content = VALID_BYTES
    for at, length, new in drawn:
        # Mutate mostly the header, which contains shapes and names.
        at %= len(content) if at % 3 else 300
        content = content[:at] + new + content[at + length :]
    path = Path(tmp_path_factory.getbasetemp()) / f"given.{suffix}"
    path.write_bytes(content)
    outcome("files of weights", lambda: inspect(str(path), None), (InputError,))
    if suffix != "safetensors":
        outcome("exported files", lambda: conventions_in_file(path), (ValueError,))


SPEC = with_settings(
    tuned("regression", "quadrant", "coordconv"),
    {"data.canvas": (12, 13), "data.square": 3, "training.epochs": 2, "model.width": 4},
)


class Steps:
    """A loop after some training steps, and its state."""

    def __init__(self) -> None:
        self.loop = Loop(Setup([SPEC], Hardware("cpu")))
        steps = self.loop.run()
        for _ in range(3):
            next(steps)
        self.state = self.loop.state_dict()


@pytest.fixture(scope="module")
def steps() -> Steps:
    return Steps()


@fuzzed(0.2)
@given(drawn=changes)
def test_a_run_resumes_from_a_state_or_refuses_it(drawn, steps, tmp_path_factory):
    store = RunStore(Path(tmp_path_factory.getbasetemp()) / "runs")
    checkpoint = Checkpoint(store.open(SPEC), [SPEC], 0)
    state = mutated(steps.state, drawn)
    file = io.BytesIO()
    try:
        torch.save(state, file)
    except (OverflowError, ValueError):
        return
    checkpoint.path.write_bytes(file.getvalue())

    def go_on() -> None:
        checkpoint.load_into(steps.loop)
        for _ in zip(range(2), steps.loop.run(), strict=False):
            pass
        assert steps.loop.curves[0].as_csv()

    # A loss that becomes NaN is also an InputError.
    outcome("states of runs", go_on, (InputError,))


CONFIG = {"experiment": SPEC.model_dump(mode="json"),
          "scores": {"train": {"accuracy": 1.0}, "test": {"accuracy": 0.5}}}  # fmt: skip


@fuzzed(0.2)
@given(drawn=changes, other=junk)
def test_a_shared_network_is_loaded_or_refused(drawn, other):
    config = mutated(CONFIG, drawn)
    fields = config.get("experiment", other) if isinstance(config, dict) else other

    def make() -> str:
        net = SharedNet(fields, config.get("scores"))
        return net.generate_model_card().text

    outcome("shared nets", make, (InputError,))
