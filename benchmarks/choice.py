"""When is concatenation cheaper? The measurement behind `method="auto"`.

Layers with few and many inputs and outputs are computed with both methods in turn. The program
writes JSON, from which `make speed` writes a table in docs/speed.md; see benchmarks/README.md.

    python benchmarks/choice.py      # about four minutes
"""

import argparse
import statistics
from pathlib import Path

import torch
from layers import FORMATS, forward, training
from measure import FOLDER, machine, one_turn, write_json

from coordconv import CoordConv2d

INPUTS, OUTPUTS = (1, 2, 4, 8, 16, 32), (16, 64, 256)
METHODS = ("separate", "concatenate")


def measure(inputs: int, outputs: int, kernel: int, form: str, options) -> dict:
    """Return the time of the method "separate" relative to "concatenate", in both modes."""
    torch.manual_seed(0)
    memory_format = torch.channels_last if form == "channels_last" else torch.contiguous_format
    x = torch.randn(options.batch, inputs, 32, 32).to(memory_format=memory_format)
    cell = {"inputs": inputs, "outputs": outputs, "kernel": kernel, "format": form}
    for mode, prepare in (("forward", forward), ("training", training)):
        calls = {}
        for method in METHODS:
            layer = CoordConv2d(inputs, outputs, kernel, padding=kernel // 2, method=method)
            calls[method] = prepare(layer.to(memory_format=memory_format), x)
        ratios = []
        for _ in range(options.turns):
            times = {method: one_turn(calls[method], options.seconds) for method in METHODS}
            ratios.append(times["separate"] / times["concatenate"])
        cell[mode] = statistics.median(ratios)
    return cell


def main(arguments: list[str] | None = None) -> None:
    """Measure all cells and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=0.05, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "choice.json")
    options = parser.parse_args(arguments)
    cells = []
    for kernel in (1, 3):
        for form in FORMATS:
            for inputs in INPUTS:
                for outputs in OUTPUTS:
                    cells.append(measure(inputs, outputs, kernel, form, options))
                    print(cells[-1], flush=True)
    content = {"machine": machine(), "batch": options.batch, "turns": options.turns, "cells": cells}
    write_json(options.out, content)


if __name__ == "__main__":
    main()
