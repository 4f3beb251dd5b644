"""Rewrite the measured part of docs/speed.md and its plot from benchmarks/results/.

Run it with `make speed`. A test fails if the page and the measurements differ.
"""

import json
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv import CoordConv2d
from coordconv.computation.methods import chosen_way
from coordconv.operations import Convolution
from coordconv_lab.plotting import default_style

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "benchmarks" / "results" / "layers.json"
CHOICE = ROOT / "benchmarks" / "results" / "choice.json"
PAGE = ROOT / "docs" / "speed.md"
PICTURE = ROOT / "docs" / "images" / "layer-overhead.png"
MODES = {
    "forward": "forward",
    "training": "forward and backward",
    "compiled": "compiled block, forward",
}
VARIANTS = {"published": "published", "ours": "ours", "least": "least"}
COLOURS = {"published": "#D55E00", "ours": "#0072B2", "least": "#999999"}
TINY = "first layer"


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean, for which ratios of 2 and 1/2 cancel."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms))


def spread(cells: Sequence[dict]) -> float:
    """Return by how much the rounds of a row differ, as the median over all rows."""
    ours = [cell["variants"]["ours"] for cell in cells]
    return statistics.median(entry["ratio_high"] / entry["ratio_low"] for entry in ours) - 1


def ratios(cells: Sequence[dict], variant: str) -> list[float]:
    """Return the times of a variant relative to the plain layer, for all cells."""
    return [cell["variants"][variant]["ratio"] for cell in cells]


def summary(cells: Sequence[dict]) -> list[str]:
    """Format one line per mode: geometric means, with and without the smallest layer."""
    lines = [
        "| | rows | published | ours | least | without the small first layer: ours | least |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for mode, words in MODES.items():
        chosen = [cell for cell in cells if cell["mode"] == mode]
        if not chosen:
            continue
        large = [cell for cell in chosen if not cell["row"].startswith(TINY)]
        means = [f"{geometric_mean(ratios(chosen, variant)):.2f}" for variant in VARIANTS]
        means += [f"{geometric_mean(ratios(large, variant)):.2f}" for variant in ("ours", "least")]
        lines.append(f"| {words} | {len(chosen)} | {' | '.join(means)} |")
    return lines


def losses(cells: Sequence[dict]) -> list[str]:
    """List the cells in which ours took more than 5% longer than published code."""
    lines = []
    for cell in cells:
        ours, theirs = (cell["variants"][name]["ratio"] for name in ("ours", "published"))
        if ours > 1.05 * theirs:
            plain = cell["variants"]["plain"]["seconds"] * 1000
            lines.append(
                f"- {MODES[cell['mode']]}, {_place(cell)}: {ours:.2f}, published {theirs:.2f} "
                f"(plain: {plain:.2f} ms)"
            )
    return lines or ["None."]


def memory(cells: Sequence[dict]) -> list[str]:
    """List the cells in which ours used more than 5% more memory than the plain layer."""
    lines = []
    for cell in cells:
        plain = cell["variants"]["plain"].get("bytes")
        if plain is None:
            continue
        ours = cell["variants"]["ours"]["bytes"] / plain - 1
        if ours > 0.05:
            theirs = cell["variants"]["published"]["bytes"] / plain - 1
            lines.append(
                f"- {MODES[cell['mode']]}, {_place(cell)}: {ours:.0%}, published {theirs:.0%} "
                f"(plain: {plain / 2**20:.1f} MiB)"
            )
    return lines or ["None."]


def _place(cell: dict) -> str:
    return f"{cell['row']}, {cell['format'].replace('_', ' ')}, batch {cell['batch']}"


def full_table(cells: Sequence[dict]) -> list[str]:
    """Format one line per cell."""
    lines = [
        "| mode | layer | format | batch | plain, ms | published | ours | least |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for cell in cells:
        entries = [
            f"{entry['ratio']:.2f} ({entry['ratio_low']:.2f} to {entry['ratio_high']:.2f})"
            for entry in map(cell["variants"].get, VARIANTS)
        ]
        lines.append(
            f"| {cell['mode']} | {cell['row']} | {cell['format'].replace('_', ' ')} "
            f"| {cell['batch']} | {cell['variants']['plain']['seconds'] * 1000:.3f} "
            f"| {' | '.join(entries)} |"
        )
    return lines


def measured_part(content: dict) -> str:
    """Format the measured part of the page."""
    cells, made = content["cells"], content["machine"]
    memories = [cell for cell in cells if "bytes" in cell["variants"]["plain"]]
    extra = [
        cell["variants"]["ours"]["bytes"] / cell["variants"]["plain"]["bytes"] for cell in memories
    ]
    parts = [
        "This table shows times relative to the plain layer. Each number is the geometric mean "
        "over all rows of the long table below:",
        "",
        *summary(cells),
        "",
        f"The times were measured on {made['processor']}, {made['threads']} threads, "
        f"{made['capability']}, torch {made['torch']}, in at least {content['turns']} rounds of "
        f"{content['seconds']} s each. In half of the rows, the rounds differ by at most "
        f"{spread(cells):.0%}. The geometric mean of the peak memory, relative to the plain layer, "
        f"is {geometric_mean(extra):.3f}.",
        "",
        "In the following rows, this library is more than 5% slower than published code. The first "
        "number is the time of this library relative to the plain layer, and the second number is "
        "that of published code. The time of the plain layer is in parentheses:",
        "",
        *losses(cells),
        "",
        "In the following rows, this library needs more than 5% more peak memory than the plain "
        "layer. The first number is the additional memory of this library, and the second number "
        "is that of published code. The memory of the plain layer is in parentheses:",
        "",
        *memory(cells),
        "",
        "<details><summary>All rows, with the median over the rounds and the range in "
        "parentheses</summary>",
        "",
        *full_table(cells),
        "",
        "</details>",
    ]
    return "\n".join(parts)


def draw(cells: Sequence[dict]) -> Figure:
    """Draw one dot per cell and variant, with the same rows in every panel."""
    rows = list(dict.fromkeys(cell["row"] for cell in cells))[::-1]
    modes = [mode for mode in MODES if any(cell["mode"] == mode for cell in cells)]
    figure = Figure(figsize=(13, 0.62 * len(rows) + 1.8), layout="constrained")
    panels = figure.subplots(1, len(modes), sharey=True, squeeze=False)[0]
    offsets = {("contiguous", 1): 0.3, ("contiguous", 32): 0.1}
    offsets |= {("channels_last", 1): -0.1, ("channels_last", 32): -0.3}
    for panel, mode in zip(panels, modes, strict=True):
        for variant, colour in COLOURS.items():
            for cell in (cell for cell in cells if cell["mode"] == mode):
                entry = cell["variants"][variant]
                height = rows.index(cell["row"]) + offsets[cell["format"], cell["batch"]]
                panel.hlines(height, entry["ratio_low"], entry["ratio_high"], colour, alpha=0.35)
                filled = colour if cell["format"] == "channels_last" else "white"
                size = 26 if cell["batch"] == 1 else 60
                panel.scatter(entry["ratio"], height, size, filled, edgecolors=colour, zorder=3)
        panel.axvline(1, color="black", linewidth=1)
        panel.set_xscale("log")
        ticks = [0.9, 1, 1.2, 1.5, 2, 3, 5, 8]
        panel.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        panel.set_xticks([], minor=True)
        panel.set_xlim(0.85, 9)
        panel.set_title(MODES[mode], loc="left", fontsize=11)
        panel.set_xlabel("time relative to the plain layer")
        panel.grid(axis="x", alpha=0.3)
        for line in range(1, len(rows)):
            panel.axhline(line - 0.5, color="black", alpha=0.12, linewidth=0.8)
        for side in ("top", "right", "left"):
            panel.spines[side].set_visible(False)
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].tick_params(axis="y", length=0)
    for variant, words in VARIANTS.items():
        panels[0].scatter([], [], 45, COLOURS[variant], label=words)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False
    )
    return figure


def concatenates(batch: int, inputs: int, outputs: int, kernel: int, *, training: bool) -> bool:
    """Whether "auto" concatenates for images of 32 x 32 pixels."""
    layer = CoordConv2d(inputs, outputs, kernel, padding=kernel // 2)
    operation = Convolution(layer.weight, 1, kernel // 2, 1, 1, "zeros")
    x = torch.empty(batch, inputs, 32, 32)
    with torch.set_grad_enabled(training):
        way = chosen_way("auto", operation, x, layer.weight, layer.coord_weight)
    return way == "concatenate"


def choice_table(cells: Sequence[dict], batch: int) -> list[str]:
    """Format the time of "separate" relative to "concatenate", bold if "auto" concatenates."""
    outputs = sorted({cell["outputs"] for cell in cells})
    columns = [(mode, number) for mode in ("forward", "training") for number in outputs]
    heads = [f"{mode}, {number} outputs" for mode, number in columns]
    lines = [
        f"| kernel | format | inputs | {' | '.join(heads)} |",
        "|---|---|--:|" + "--:|" * len(columns),
    ]
    rows = dict.fromkeys((cell["kernel"], cell["format"], cell["inputs"]) for cell in cells)
    for kernel, form, inputs in rows:
        entries = []
        for mode, number in columns:
            (cell,) = [
                cell
                for cell in cells
                if (cell["kernel"], cell["format"]) == (kernel, form)
                and (cell["inputs"], cell["outputs"]) == (inputs, number)
            ]
            picked = concatenates(batch, inputs, number, kernel, training=mode == "training")
            entries.append(f"**{cell[mode]:.2f}**" if picked else f"{cell[mode]:.2f}")
        size = f"{kernel}x{kernel}"
        lines.append(f"| {size} | {form.replace('_', ' ')} | {inputs} | {' | '.join(entries)} |")
    return lines


def choice_part(content: dict) -> list[str]:
    """Format the comparison of the two methods on which the choice of "auto" is based."""
    return [
        'The following table shows the time of the method "separate" relative to "concatenate", '
        f"for images of 32 x 32 pixels and batches of {content['batch']}. Each number is the "
        f'median of {content["turns"]} rounds. A number is bold if `method="auto"` concatenates:',
        "",
        *choice_table(content["cells"], content["batch"]),
    ]


@default_style()
def main() -> int:
    """Write the page and the plot; with --check, only report whether the page is current."""
    content = json.loads(MEASURED.read_text())
    chosen = json.loads(CHOICE.read_text())
    part = "\n".join([measured_part(content), "", *choice_part(chosen)])
    checked = write_or_check(PAGE, with_part(PAGE.read_text(), part, "measured"))
    if checked is None:
        figure = draw(content["cells"])
        FigureCanvasAgg(figure).print_png(PICTURE, metadata={"Software": None})
    return checked or 0


if __name__ == "__main__":
    sys.exit(main())
