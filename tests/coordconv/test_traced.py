"""Layers are right in a trace, and in the runtimes that are given one, also at another size."""

import io
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from coordconv import (
    CONVENTIONS,
    AddCoords,
    Convention,
    CoordConv1d,
    CoordConv2d,
    CoordConv3d,
    CoordConvTranspose2d,
    decompose,
    precompute,
)

RADIAL = {"radius": True, "padding": 1}
HALF_OPEN = Convention(alignment="half_open", radius="normalized")
MODULES: dict[str, Callable[[], nn.Module]] = {
    "1-D": lambda: CoordConv1d(3, 4, 3),
    "2-D": lambda: CoordConv2d(3, 4, 3, padding=1),
    "3-D": lambda: CoordConv3d(3, 4, 3),
    "pointwise": lambda: CoordConv2d(3, 4, 1, radius=True),
    "transposed": lambda: CoordConvTranspose2d(3, 4, 3, 2, 1, 1, radius=True),
    "concatenated": lambda: CoordConv2d(3, 4, 3, method="concatenate", **RADIAL),
    "groups": lambda: CoordConv2d(3, 6, 3, groups=3),
    "small kernel": lambda: CoordConv2d(3, 4, 5, coord_kernel_size=(1, 3)),
    "strided": lambda: CoordConv2d(3, 4, 3, stride=2, padding=1),
    "reflect": lambda: CoordConv2d(3, 4, 3, padding=1, padding_mode="reflect"),
    "half open": lambda: CoordConv2d(3, 4, 3, convention=HALF_OPEN, **RADIAL),
    "appended": lambda: AddCoords(radius=True),
    "module form": lambda: decompose(CoordConv2d(3, 4, 3, **RADIAL)),
    "layer form": lambda: decompose(CoordConv2d(3, 4, 3, **RADIAL), form="layer"),
    **{
        name: lambda name=name: CoordConv2d(3, 4, 3, convention=name, **RADIAL)
        for name in CONVENTIONS
    },
}
NAMES = sorted(MODULES)


def inputs(name: str) -> tuple[Tensor, Tensor]:
    rank = int(name[0]) if name[0].isdigit() else 2
    return torch.randn(1, 3, *(8, 12, 6)[:rank]), torch.randn(2, 3, *(7, 5, 9)[:rank])


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def written_by_tracing(module: nn.Module, x: Tensor, *, dynamic: bool) -> bytes:
    file = io.BytesIO()
    axes = {axis: f"axis{axis}" for axis in (0, *range(2, x.dim()))}
    torch.onnx.export(
        module,
        (x,),
        file,
        dynamo=False,
        input_names=["x"],
        dynamic_axes={"x": axes} if dynamic else None,
    )
    return file.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_is_right_at_another_size(name):
    module, (x, other) = MODULES[name]().eval(), inputs(name)
    traced = torch.jit.trace(module, x)
    torch.testing.assert_close(traced(other), module(other))


@pytest.mark.parametrize("name", NAMES)
def test_the_tracing_exporter_writes_what_onnxruntime_computes_at_another_size(name):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module, (x, other) = MODULES[name]().eval(), inputs(name)
    session = runtime.InferenceSession(written_by_tracing(module, x, dynamic=True))
    (output,) = session.run(None, {"x": other.numpy()})
    torch.testing.assert_close(torch.from_numpy(output), module(other))


def precomputed(size: tuple[int, int] = (8, 12)) -> tuple[nn.Module, nn.Module]:
    model = nn.Sequential(CoordConv2d(3, 4, 3), nn.ReLU(), CoordConvTranspose2d(4, 2, 2, 2)).eval()
    return model, precompute(model, torch.zeros(1, 3, *size))


@pytest.mark.parametrize(
    "trace",
    [
        lambda model, x: torch.jit.trace(model, x),
        lambda model, x: torch.fx.symbolic_trace(model),
        lambda model, x: torch.export.export(model, (x,)).module(),
    ],
    ids=["jit", "fx", "export"],
)
def test_a_folded_model_is_traced(trace):
    model, plain = precomputed()
    x = torch.randn(1, 3, 8, 12)
    torch.testing.assert_close(trace(plain, x)(x), model(x))


def test_a_folded_model_is_written_by_the_tracing_exporter():
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model, plain = precomputed()
    x = torch.randn(1, 3, 8, 12)
    session = runtime.InferenceSession(written_by_tracing(plain, x, dynamic=False))
    (output,) = session.run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(output), model(x))


@pytest.mark.parametrize("size", [(3, 3), (3, 12), (8, 3), (9, 12), (4, 5)])
@pytest.mark.parametrize("folded_at", [(4, 4), (3, 3), (3, 12), (8, 3)])
def test_a_trace_of_a_folded_layer_refuses_every_other_size(size, folded_at):
    # Among them outputs of one pixel, which would be broadcast.
    _, plain = precomputed(folded_at)
    traced = torch.jit.trace(plain[0], torch.randn(1, 3, *folded_at))
    if size == folded_at:
        traced(torch.randn(2, 3, *size))
        return
    with pytest.raises(RuntimeError, match="expand"):
        traced(torch.randn(2, 3, *size))


def test_methods_that_take_a_weight_of_their_own_see_the_coordinates():
    layer, x = CoordConv2d(3, 4, 3), torch.randn(2, 3, 5, 6)
    torch.testing.assert_close(layer._conv_forward(x, layer.weight, layer.bias), layer(x))
