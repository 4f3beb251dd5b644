"""Does a model with coordinate layers train under torch.compile whenever the plain model does?

Each case is compiled and trained with three input sizes and batch sizes. All outputs and gradients
are compared with those of the uncompiled model. If they differ, the model without coordinates is
tested in the same way. docs/real-models.md shows the results.
"""

import argparse
import datetime
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import monai
import torch
import torch._inductor.config
from measure import write_json
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

import coordconv
from coordconv import AddCoords, convert

RESULT = Path(__file__).parent / "results" / "compiled_training.json"

# Batch size and input size of every training step, for 1, 2 or 3 spatial axes.
STEPS = ((2, 12, 16, 10), (3, 14, 20, 8), (4, 9, 11, 6))
MODES = {"automatic": None, "dynamic": True}
BACKENDS = ("inductor", "aot_eager")
NORMS = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class Case(NamedTuple):
    """A model to compile, with coordinates or without.

    Attributes:
        build: Builds the model; the argument is whether it has coordinates.
        rank: Number of spatial axes.
        channels: Number of input channels.
        channels_last: Whether the model and its inputs are in channels_last.
        windows: Whether to pass the coordinate layer one window per sample.
        autocast: Whether to run the forward pass under autocast to bfloat16.
    """

    build: Callable[[bool], nn.Module]
    rank: int = 2
    channels: int = 4
    channels_last: bool = False
    windows: bool = False
    autocast: bool = False


class Windowed(nn.Module):
    """A layer and a normalization, with windows for the layer if it has coordinates."""

    def __init__(self, layer: nn.Module, coordinates: bool) -> None:
        super().__init__()
        self.layer, self.norm = layer, nn.InstanceNorm2d(8)
        self.coordinates = coordinates

    def forward(self, x: Tensor, starts: Tensor) -> Tensor:
        options = {"window": (starts, (40, 60))} if self.coordinates else {}
        return self.norm(self.layer(x, **options)).relu()


class Residual(nn.Module):
    """A convolution beside a shortcut, added before the normalization."""

    def __init__(self, coordinates: bool) -> None:
        super().__init__()
        self.layer = _layer(2, coordinates, stride=2, padding=1)
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x) + self.shortcut(x).repeat(1, 2, 1, 1)).relu()


def _layer(rank: int, coordinates: bool, kernel: int = 3, **options: Any) -> nn.Module:
    """Return a layer from 4 to 8 channels. The plain layer ignores options that it lacks."""
    name = f"Conv{'Transpose' if options.pop('transposed', False) else ''}{rank}d"
    if coordinates:
        return getattr(coordconv, f"Coord{name}")(4, 8, kernel, **options)
    for own in ("radius", "coord_kernel_size", "method"):
        options.pop(own, None)
    return getattr(nn, name)(4, 8, kernel, **options)


def _block(rank: int = 2, kernel: int = 3, **options: Any) -> Callable[[bool], nn.Module]:
    """Return a layer with instance norm, whose gradient is a view. This is hard for Inductor."""

    def build(coordinates: bool) -> nn.Module:
        layer = _layer(rank, coordinates, kernel, **options)
        return nn.Sequential(layer, NORMS[rank](8), nn.ReLU())

    return build


def _before(*rest: nn.Module) -> Callable[[bool], nn.Module]:
    """Return a strided layer, followed by other modules."""
    return lambda coordinates: nn.Sequential(_layer(2, coordinates, stride=2, padding=1), *rest)


def _appended(coordinates: bool) -> nn.Module:
    first = [AddCoords(radius=True)] if coordinates else []
    inputs = 7 if coordinates else 4
    conv = nn.Conv2d(inputs, 8, 3, stride=2, padding=1)
    return nn.Sequential(*first, conv, nn.InstanceNorm2d(8), nn.ReLU())


def _unet(where: str) -> Callable[[bool], nn.Module]:
    def build(coordinates: bool) -> nn.Module:
        model = UNet(2, 1, 3, channels=(8, 16), strides=(2,), num_res_units=1)
        return convert(model, where) if coordinates else model

    return build


CASES = {
    "3x3": Case(_block(padding=1)),
    "stride 2": Case(_block(stride=2, padding=1)),
    "1-D": Case(_block(1, stride=2, padding=1), rank=1),
    "3-D": Case(_block(3, stride=2, padding=1), rank=3),
    "transposed": Case(_block(transposed=True, stride=2, padding=1, output_padding=1)),
    "transposed, 3-D": Case(_block(3, transposed=True, stride=2, padding=1), rank=3),
    "radius": Case(_block(stride=2, padding=1, radius=True)),
    "smaller coordinate kernel": Case(_block(stride=2, padding=1, coord_kernel_size=1)),
    "groups": Case(_block(stride=2, padding=1, groups=4)),
    "concatenate": Case(_block(stride=2, padding=1, method="concatenate")),
    "reflect": Case(_block(stride=2, padding=1, padding_mode="reflect")),
    "replicate": Case(_block(stride=2, padding=1, padding_mode="replicate")),
    "circular": Case(_block(stride=2, padding=1, padding_mode="circular")),
    "1x1": Case(_block(kernel=1)),
    "1x1, radius": Case(_block(kernel=1, radius=True)),
    "1x1, stride 2": Case(_block(kernel=1, stride=2)),
    "channels last": Case(_block(stride=2, padding=1), channels_last=True),
    "AddCoords": Case(_appended),
    "window per sample": Case(
        lambda coordinates: Windowed(_layer(2, coordinates, stride=2, padding=1), coordinates),
        windows=True,
    ),
    # Without a bias, because the gradient of the bias is only rounding error.
    "bfloat16 autocast": Case(_block(stride=2, padding=1, bias=False), autocast=True),
    "no norm": Case(_before(nn.ReLU())),
    "batch norm": Case(_before(nn.BatchNorm2d(8), nn.ReLU())),
    "group norm": Case(_before(nn.GroupNorm(2, 8), nn.ReLU())),
    "layer after layer": Case(_before(nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU())),
    "pixel shuffle": Case(_before(nn.PixelShuffle(2), nn.ReLU())),
    "classifier": Case(_before(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))),
    "residual": Case(Residual),
    "MONAI UNet, first": Case(_unet("first"), channels=1),
    "MONAI UNet, all": Case(_unet("all"), channels=1),
}


def verdict(name: str, coordinates: bool, mode: str, backend: str) -> str:
    """Train a case with every size, and describe whether results match the uncompiled model."""
    case = CASES[name]
    torch._dynamo.reset()
    torch.manual_seed(0)
    model = case.build(coordinates)
    if case.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    compiled = torch.compile(model, dynamic=MODES[mode], backend=backend)
    worst = 0.0
    for step in STEPS:
        inputs = _inputs(case, step)
        try:
            ours = _gradients(compiled, model, inputs, case.autocast)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            return f"fails at {tuple(inputs[0].shape)}: {type(error).__name__}: {reason}"
        worst = max(worst, _difference(ours, _gradients(model, model, inputs, case.autocast)))
    return "works" if worst < (3e-2 if case.autocast else 1e-3) else f"differs by {worst:.1g}"


def _inputs(case: Case, step: tuple[int, ...]) -> tuple[Tensor, ...]:
    size = step[1 : 1 + case.rank]
    if case.channels == 1:
        size = tuple(n // 2 * 2 for n in size)  # A U-Net with two levels needs even sizes.
    x = torch.randn(step[0], case.channels, *size)
    if case.channels_last:
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_()
    return (x, torch.rand(step[0], 2) * 9) if case.windows else (x,)


def _gradients(
    call: Callable[..., Tensor], model: nn.Module, inputs: tuple[Tensor, ...], autocast: bool
) -> list[Tensor]:
    """Return the output and the gradients of the input and of all parameters."""
    context: AbstractContextManager = nullcontext()
    if autocast:
        context = torch.autocast("cpu", torch.bfloat16)
    with context:
        output = call(*inputs)
    loss = output.float().square().mean()
    return [output, *torch.autograd.grad(loss, [inputs[0], *model.parameters()])]


def _difference(ours: list[Tensor], eager: list[Tensor]) -> float:
    """Return the largest difference, relative to the largest value of its tensor.

    If that value is below a tenth of the largest gradient, use this tenth instead.
    """
    # The gradient of a bias before a normalization is only rounding error.
    floor = 0.1 * max(one.abs().max().item() for one in eager[1:])
    return max(
        ((a - b).abs().max() / b.abs().max().clamp(min=floor)).item()
        for a, b in zip(ours, eager, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--backend", choices=BACKENDS, help="one backend")
    parser.add_argument("--mode", choices=MODES, help="one mode")
    parser.add_argument("--again", action="store_true", help="also repeat existing measurements")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    # Without vector instructions, g++ is several times faster; the graphs are the same.
    torch._inductor.config.cpp.vec_isa_ok = False
    rows = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        for backend in [arguments.backend] if arguments.backend else BACKENDS:
            for mode in [arguments.mode] if arguments.mode else MODES:
                for name in [one for one in CASES if arguments.only in one]:
                    key = f"{name} | {mode} | {backend}"
                    if key not in rows or arguments.again:
                        rows[key] = _row(name, mode, backend)
                        _write(rows)


def _row(name: str, mode: str, backend: str) -> dict[str, str]:
    started = time.perf_counter()
    row = {"with coordinates": verdict(name, True, mode, backend)}
    if row["with coordinates"] != "works":  # Compilation is slow, so do it only if needed.
        row["plain"] = verdict(name, False, mode, backend)
    print(f"{name}, {mode}, {backend}, {time.perf_counter() - started:.0f} s: {row}", flush=True)
    return row


def _write(rows: dict[str, dict[str, str]]) -> None:
    keys = [f"{c} | {m} | {b}" for b in BACKENDS for m in MODES for c in CASES]
    content = {
        "torch": torch.__version__,
        "monai": monai.__version__,
        "date": datetime.date.today().isoformat(),
        "rows": {key: rows[key] for key in keys if key in rows},
    }
    write_json(RESULT, content)


if __name__ == "__main__":
    main()
