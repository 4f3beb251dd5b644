"""Layers exported at one size run at other sizes, in torch and in onnxruntime."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.export import Dim
from torch.testing import assert_close

import coordconv
from coordconv import AddCoords, CoordConv2d

LAYERS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
SIZES = {1: [(5,), (11,)], 2: [(5, 7), (12, 4)], 3: [(5, 4, 6), (3, 8, 5)]}
OPTIONS = [
    {"padding": 1},
    {"padding": 1, "radius": True, "convention": "wizaron", "coord_kernel_size": 1},
]


def dynamic(rank: int) -> tuple:
    return (dict.fromkeys((0, *range(2, 2 + rank)), Dim.DYNAMIC),)


def check(module: nn.Module, rank: int, path) -> None:
    """Export at one size and compare at other sizes in both runtimes."""
    module = module.eval()
    example = torch.randn(2, 3, *(6, 8, 7)[:rank])
    program = torch.export.export(module, (example,), dynamic_shapes=dynamic(rank))
    torch.onnx.export(program, dynamo=True, verbose=False).save(path)
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    assert [bool(dim.dim_param) for dim in dims] == [True, False] + [True] * rank
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = [entry.name for entry in session.get_inputs()]
    for batch, size in zip((1, 3), SIZES[rank], strict=True):
        x = torch.randn(batch, 3, *size)
        with torch.no_grad():
            expected = module(x)
        assert_close(program.module()(x), expected)
        (result,) = session.run(None, {name: x.numpy()})
        assert result.shape == expected.shape
        assert np.abs(result - expected.numpy()).max() < 1e-5


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=["default", "all options"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_exported_layer_runs_at_other_sizes_in_onnxruntime(name, options, tmp_path):
    layer = getattr(coordconv, name)(3, 4, 3, stride=2, **options)
    check(layer, int(name[-2]), tmp_path / "layer.onnx")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_exported_network_runs_at_other_sizes_in_onnxruntime(tmp_path):
    net = nn.Sequential(
        AddCoords(radius=True), nn.Conv2d(6, 8, 3), nn.ReLU(), CoordConv2d(8, 4, 1), nn.ReLU()
    )
    check(net, 2, tmp_path / "net.onnx")


def test_an_exported_layer_is_two_plain_operations():
    layer = CoordConv2d(3, 4, 3, padding=1)
    program = torch.export.export(layer, (torch.randn(2, 3, 6, 8),), dynamic_shapes=dynamic(2))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert sum("conv2d" in str(target) for target in calls) == 2


def test_a_window_can_be_an_input_of_an_exported_model():
    layer = CoordConv2d(3, 4, 3, padding=1)
    x, starts = torch.randn(2, 3, 6, 8), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    wholes = torch.tensor([[9.0, 20.0], [9.0, 20.0]])
    program = torch.export.export(layer, (x,), {"window": (starts, wholes)})
    moved = (starts + 1, wholes + 2)
    assert_close(program.module()(x, window=moved), layer(x, window=moved))
