"""Time and memory of the coordinate layers, compared with plain convolutions.

For layer shapes from real models and for the networks of this project, four variants are measured
in turn: the plain layer, the published concatenation, our layer, and the least that a layer with a
coordinate term has to do. The program writes JSON, from which `make speed` writes a page and a
figure; see benchmarks/README.md.

    python benchmarks/layers.py                      # everything, 10 to 30 minutes
    python benchmarks/layers.py --rows stem --modes forward --seconds 0.05
"""

import argparse
import copy
import json
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from measure import FOLDER, in_turns, machine, one_turn, peak_bytes, write_json
from torch import Tensor, nn

import coordconv
from coordconv.computation.adding import add, add_with_gradients
from coordconv.computation.geometry import grid_of, joint_taps_of
from coordconv.computation.memory_format import output_is_channels_last
from coordconv.computation.terms import FactoredTerm, PointwiseTerm
from coordconv.layers.convolution import CoordConvolution
from coordconv.operations import Convolution
from coordconv.pixel_positions import Positions
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes.tuned import tuned

FORMATS = ("contiguous", "channels_last")
VARIANTS = ("plain", "published", "ours", "least")
MODES = ("forward", "training", "compiled")


@dataclass(frozen=True)
class Shape:
    """One layer and the size of its input."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    size: tuple[int, ...]
    stride: int = 1
    padding: int = 0

    def ours(self) -> nn.Module:
        kind = getattr(coordconv, f"CoordConv{len(self.size)}d")
        return kind(self.inputs, self.outputs, self.kernel, self.stride, self.padding)


@dataclass(frozen=True)
class Net:
    """A network of this project. Its plain version has only plain convolutions."""

    name: str
    task: str

    def ours(self) -> nn.Module:
        torch.manual_seed(0)
        return build(tuned(self.task, "uniform", "coordconv", 0).model)


ROWS = [
    Shape("stem 3-64, 7x7, stride 2, 224", 3, 64, 7, (224, 224), 2, 3),
    Shape("64-64, 3x3, 56", 64, 64, 3, (56, 56), 1, 1),
    Shape("256-256, 3x3, 28", 256, 256, 3, (28, 28), 1, 1),
    Shape("64-256, 1x1, 56", 64, 256, 1, (56, 56)),
    Shape("256-64, 1x1, 56", 256, 64, 1, (56, 56)),
    Shape("neck 128-64, 1x1, 80", 128, 64, 1, (80, 80)),
    Shape("neck 256-128, 1x1, 40", 256, 128, 1, (40, 40)),
    Shape("neck 512-256, 1x1, 20", 512, 256, 1, (20, 20)),
    Shape("32-32, 3x3x3, 32", 32, 32, 3, (32, 32, 32), 1, 1),
    Net("net: classification", "classification"),
    Net("net: regression", "regression"),
    Net("net: rendering", "rendering"),
    # Only the first layer of our networks: two input channels, and microseconds of arithmetic.
    Shape("first layer 2-32, 1x1, 64", 2, 32, 1, (64, 64)),
]


class Published(nn.Module):
    """CoordConv as published: coordinates are created and concatenated in every forward pass."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.rank = len(plain.kernel_size)
        self.convolution = type(plain)(
            plain.in_channels + self.rank,
            plain.out_channels,
            plain.kernel_size,
            plain.stride,
            plain.padding,
        )

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        axes = [torch.linspace(-1, 1, n, device=x.device) for n in size]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1])
        grid = grid.unsqueeze(0).repeat(x.shape[0], *[1] * (self.rank + 1))
        return self.convolution(torch.cat([x, grid], dim=1))


class WithConstant(nn.Module):
    """A plain convolution plus a constant for one size, as in a precomputed layer."""

    def __init__(self, layer: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.convolution = plain_copy(layer)
        with torch.no_grad():
            term = layer(example[:1]) - self.convolution(example[:1])
        self.constant = nn.Parameter(term.clone(memory_format=torch.preserve_format))

    def forward(self, x: Tensor) -> Tensor:
        return add(self.convolution(x), self.constant)


class WithProducts(nn.Module):
    """A plain convolution plus the products of our layer for one size, without any check."""

    def __init__(self, layer: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.convolution = plain_copy(layer)
        self.coord_weight = nn.Parameter(layer.coord_weight.detach().clone())
        plain = (layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode)
        operation = Convolution(layer.weight, *plain)
        positions = Positions.of(example, operation.rank, layer.convention, False, None, None)
        channels_last = output_is_channels_last(self.convolution(example), operation.rank)
        if operation.is_pointwise:
            grid = grid_of(example, operation.rank, positions, example.dtype)
            self.term = PointwiseTerm(grid, layer.out_channels, channels_last=channels_last)
        else:
            taps = joint_taps_of(
                *(operation, example, layer.coord_weight.shape[2:], positions, example.dtype),
                channels_last=channels_last,
            )
            self.term = FactoredTerm(taps, layer.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return add_with_gradients(self.convolution(x), self.coord_weight, self.term)


def plain_copy(layer: nn.Module) -> nn.Module:
    kind = getattr(nn, type(layer).__name__.removeprefix("Coord"))
    plain = kind(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
    )
    state = {name: value for name, value in layer.state_dict().items() if name != "coord_weight"}
    plain.load_state_dict(state)
    return plain.to(memory_format=last_format(len(layer.kernel_size), layer.weight))


def last_format(rank: int, like: Tensor) -> torch.memory_format:
    formats = {2: torch.channels_last, 3: torch.channels_last_3d}
    wanted = formats.get(rank, torch.contiguous_format)
    return wanted if like.is_contiguous(memory_format=wanted) else torch.contiguous_format


def replaced(model: nn.Module, make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Return the model with every coordinate layer replaced."""
    if isinstance(model, CoordConvolution):
        return make(model)
    for name, child in model.named_children():
        # The library refuses this assignment by setattr, since it would drop the coordinates.
        model._modules[name] = replaced(child, make)
    return model


def seen_by(layer: nn.Module, model: nn.Module, x: Tensor) -> Tensor:
    """Return the input of a layer inside a model."""
    caught = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        model(x)
    handle.remove()
    return caught[0].detach()


def variants(
    row: Shape | Net, batch: int, form: str, mode: str
) -> tuple[dict[str, nn.Module], Tensor]:
    """Return the module of every variant in one memory format, and its input."""
    rank = 2 if isinstance(row, Net) else len(row.size)
    memory_format = torch.contiguous_format
    if form == "channels_last":
        memory_format = torch.channels_last if rank == 2 else torch.channels_last_3d
    ours = row.ours().to(memory_format=memory_format)
    if isinstance(row, Net):
        x = torch.rand(batch, 2) if row.task != "regression" else torch.rand(batch, 1, 64, 64)
    else:
        x = torch.randn(batch, row.inputs, *row.size).to(memory_format=memory_format)
    layers = [layer for layer in ours.modules() if isinstance(layer, CoordConvolution)]
    least = WithProducts if mode == "training" else WithConstant
    inputs = {id(layer): seen_by(layer, ours, x) for layer in layers}
    modules = {
        "plain": replaced(copy.deepcopy(ours), plain_copy),
        "published": replaced(copy.deepcopy(ours), lambda layer: Published(plain_copy(layer))),
        "ours": copy.deepcopy(ours),
        "least": replaced(ours, lambda layer: least(layer, inputs[id(layer)])),
    }
    return {name: m.to(memory_format=memory_format) for name, m in modules.items()}, x


def forward(module: nn.Module, x: Tensor) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return module(x)

    return call


def training(module: nn.Module, x: Tensor) -> Callable[[], object]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    upstream = torch.randn_like(module(x))

    def call() -> object:
        module(x).backward(upstream)
        # Free the gradients within the call, so that each call starts with the same memory.
        x.grad = None
        module.zero_grad()

    return call


def compiled(module: nn.Module, x: Tensor) -> Callable[[], object]:
    """Return the compiled block of the layer, a batch norm and a ReLU, in evaluation."""
    outputs = module(x).shape[1]
    norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[x.dim() - 3](outputs)
    block = nn.Sequential(module, norm, nn.ReLU()).eval()
    torch.compiler.reset()
    return forward(torch.compile(block), x)


def own_bytes(module: nn.Module, x: Tensor) -> int:
    tensors = [x, *module.parameters()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def measure(row: Shape | Net, batch: int, form: str, mode: str, options) -> dict:
    """Measure all variants of one cell, in turn."""
    torch.manual_seed(0)
    modules, x = variants(row, batch, form, mode)
    prepare = {"forward": forward, "training": training, "compiled": compiled}[mode]
    calls = {name: prepare(modules[name], x) for name in VARIANTS}
    for name in VARIANTS:  # Compile, and warm up the caches, before the first turn.
        calls[name]()
    turns = in_turns(calls, options.turns, lambda call: one_turn(call, options.seconds))
    cell = {"row": row.name, "batch": batch, "format": form, "mode": mode, "variants": {}}
    for name in VARIANTS:
        ratios = [ours / plain for ours, plain in zip(turns[name], turns["plain"], strict=True)]
        entry = {
            "seconds": statistics.median(turns[name]),
            "ratio": statistics.median(ratios),
            "ratio_low": min(ratios),
            "ratio_high": max(ratios),
        }
        if mode != "compiled":
            entry["bytes"] = peak_bytes(calls[name]) + own_bytes(modules[name], x)
        cell["variants"][name] = entry
    return cell


def settle_the_allocator() -> None:
    """Make the C library keep freed memory of up to 60 MiB, as in a process that runs for a while.

    It returns less memory to the system before a block of this size was freed, and then some
    variants of the first cells wait for new pages in each call, and others do not.
    """
    torch.empty(30 * 2**20, dtype=torch.uint8)


def cells(options) -> Iterator[tuple[Shape | Net, int, str, str]]:
    for mode in options.modes:
        for row in ROWS:
            if options.rows and not any(part in row.name for part in options.rows):
                continue
            if mode == "compiled" and (isinstance(row, Net) or row.name.startswith("first")):
                continue
            # The networks are built in channels_last.
            forms = FORMATS[1:] if isinstance(row, Net) else FORMATS
            for form in forms:
                for batch in (1, 32):
                    yield row, batch, form, mode


def kept(path: Path) -> dict[tuple, dict]:
    """Return the cells of earlier measurements, which new measurements replace."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    if content["machine"] != machine():
        raise SystemExit(f"{path} was measured on another machine or version; choose another --out")
    return {
        (cell["row"], cell["batch"], cell["format"], cell["mode"]): cell
        for cell in content["cells"]
    }


def place(cell: dict) -> tuple[int, int, int, int]:
    """Return the sort key of a cell in the table."""
    names = [row.name for row in ROWS]
    return (
        MODES.index(cell["mode"]),
        names.index(cell["row"]),
        FORMATS.index(cell["format"]),
        cell["batch"],
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains these")
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=MODES)
    parser.add_argument("--seconds", type=float, default=0.1, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "layers.json")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    settle_the_allocator()
    measured = kept(options.out)
    todo = list(cells(options))
    for number, (row, batch, form, mode) in enumerate(todo, start=1):
        cell = measure(row, batch, form, mode, options)
        measured[row.name, batch, form, mode] = cell
        ratios = "  ".join(
            f"{name} {entry['ratio']:.2f}"
            for name, entry in cell["variants"].items()
            if name != "plain"
        )
        plain = cell["variants"]["plain"]["seconds"] * 1000
        print(
            f"[{number}/{len(todo)}] {mode:9} {row.name:30} {form:13} batch {batch:2} "
            f"plain {plain:8.3f} ms  {ratios}",
            flush=True,
        )
        # Write after every cell, so that an interruption does not lose measurements.
        content = {"machine": machine(), "seconds": options.seconds, "turns": options.turns}
        content["cells"] = sorted(measured.values(), key=place)
        write_json(options.out, content)
    print(f"written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
