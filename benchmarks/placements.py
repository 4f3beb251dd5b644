"""The cost of placements, compared with windows, and of one per sample, compared with a common one.

The layers are those of layers.py, with a crop of a full image that is twice as large. All variants
are measured in turn. The program writes JSON; see benchmarks/README.md. If a result is over a
limit, it is measured again with more rounds, and both results are kept.

    python benchmarks/placements.py                      # everything, about 15 minutes
    python benchmarks/placements.py --again              # only cells over a limit, once more
    python benchmarks/placements.py --rows stem --modes forward --seconds 0.05
"""

import argparse
import json
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from layers import FORMATS, ROWS, Shape
from measure import FOLDER, in_turns, machine, one_turn, write_json
from torch import Tensor, nn

from coordconv import Placement, positions

MODES = ("forward", "training")
# Each variant (key) is compared with a reference (value).
COMPARED = {
    "placement": "window",
    "inside positions": "window",
    "window per sample": "window",
    "placement per sample": "placement",
}
AGAIN = 3  # factor of the number of rounds for a result over a limit
LIMITS = {"placement": 1.05, "placement per sample": 1.15}  # the second limit is for batch 32


def places(size: tuple[int, ...], batch: int) -> dict[str, object]:
    """Return the window argument of each variant."""
    full = tuple(2 * n for n in size)
    start = tuple(n // 3 for n in size)
    rows = torch.stack([torch.randint(n, (batch,)) for n in size], dim=1)
    return {
        "window": (start, full),
        "placement": Placement(full).crop(start, size),
        "window per sample": (rows, full),
        "placement per sample": Placement(full).crop(rows, size),
    }


def calls(layer: nn.Module, x: Tensor, mode: str) -> dict[str, Callable[[], object]]:
    """Return a function that calls the layer, for each variant."""
    given = places(tuple(x.shape[2:]), x.shape[0])
    upstream = torch.randn_like(layer(x))

    def prepared(forward: Callable[[], Tensor]) -> Callable[[], object]:
        def predict() -> object:
            with torch.no_grad():
                return forward()

        def train() -> object:
            forward().backward(upstream)
            layer.zero_grad()

        return predict if mode == "forward" else train

    def inside() -> Tensor:
        with positions(layer, given["placement"]):
            return layer(x)

    variants = {
        name: prepared(lambda window=window: layer(x, window=window))
        for name, window in given.items()
    }
    return {**variants, "inside positions": prepared(inside)}


def measure(row: Shape, batch: int, form: str, mode: str, options) -> dict:
    """Measure all variants of one cell, in turn."""
    torch.manual_seed(0)
    memory_format = torch.contiguous_format
    if form == "channels_last":
        memory_format = torch.channels_last if len(row.size) == 2 else torch.channels_last_3d
    layer = row.ours().to(memory_format=memory_format)
    x = torch.randn(batch, row.inputs, *row.size).to(memory_format=memory_format)
    every = calls(layer, x, mode)
    turns = in_turns(every, options.turns, lambda call: one_turn(call, options.seconds))
    cell = {"row": row.name, "batch": batch, "format": form, "mode": mode}
    cell["seconds"] = {name: statistics.median(times) for name, times in turns.items()}
    cell["ratios"] = {}
    for name, base in COMPARED.items():
        ratios = [one / other for one, other in zip(turns[name], turns[base], strict=True)]
        cell["ratios"][name] = [statistics.median(ratios), min(ratios), max(ratios)]
    return cell


def cells(options) -> Iterator[tuple[Shape, int, str, str]]:
    for mode in options.modes:
        for row in ROWS:
            wanted = not options.rows or any(part in row.name for part in options.rows)
            if isinstance(row, Shape) and wanted:
                for form in FORMATS:
                    for batch in (1, 32):
                        yield row, batch, form, mode


def over_the_limits(cell: dict) -> list[str]:
    """Return the variants of a cell that are over their limits."""
    return [
        name
        for name, limit in LIMITS.items()
        if cell["ratios"][name][0] > limit and (name == "placement" or cell["batch"] == 32)
    ]


def line(cell: dict) -> str:
    ratios = "  ".join(f"{name} {ratio[0]:.2f}" for name, ratio in cell["ratios"].items())
    where = f"{cell['mode']:8} {cell['row']:30} {cell['format']:13} {cell['batch']:2}"
    return f"{where} {ratios}"


def measure_again(content: dict, options) -> None:
    """Measure the cells over a limit again, and store both results."""
    shapes = {row.name: row for row in ROWS if isinstance(row, Shape)}
    for cell in content["cells"]:
        if over_the_limits(cell) and "again" not in cell:
            where = (shapes[cell["row"]], cell["batch"], cell["format"], cell["mode"])
            again = measure(*where, options)
            cell["again"] = {"turns": options.turns, "ratios": again["ratios"]}
            print(line(again), "| over a limit again:", over_the_limits(again), flush=True)
            write_json(options.out, content)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains these")
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=MODES)
    parser.add_argument("--seconds", type=float, default=0.1, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="only cells over a limit, once more")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "placements.json")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    if options.again:
        options.turns *= AGAIN
        measure_again(json.loads(options.out.read_text()), options)
        return
    measured, todo = [], list(cells(options))
    for number, (row, batch, form, mode) in enumerate(todo, start=1):
        measured.append(measure(row, batch, form, mode, options))
        print(f"[{number}/{len(todo)}] {line(measured[-1])}", flush=True)
        content = {"machine": machine(), "seconds": options.seconds, "turns": options.turns}
        write_json(options.out, content | {"limits": LIMITS, "cells": measured})
    options.turns *= AGAIN
    measure_again(json.loads(options.out.read_text()), options)
    print(f"written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
