"""Write the measured parts of docs/training-speed.md and its plots from benchmarks/results/.

Run it with `make speed`. A test fails if the page and the measurements differ.
"""

import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv_lab.plotting import default_style

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "training-speed.md"
IMAGES = ROOT / "docs" / "images"
TASKS = ("classification", "regression", "rendering")
SPLITS = ("uniform", "quadrant")
LONG = "fast, three times as long"
WAYS = ("fast", "tuned", "paper", "tutorial")
NAMES = {
    "fast": "**`fast`**",
    "tuned": "`tuned`",
    "paper": "the paper's",
    "tutorial": "the tutorial's",
}
COLOURS = {"fast": "#0072B2", "tuned": "#56B4E9", "paper": "#D55E00", "tutorial": "#E69F00"}
KINDS = {
    "matrix products and convolutions": "#0072B2",
    "activations, pools, normalisation": "#56B4E9",
    "loss and targets": "#009E73",
    "optimizer": "#E69F00",
    "other operations": "#CC79A7",
    "between operations": "#BBBBBB",
}
RUNGS = {  # Labels for the names in ladder.json.
    "the ordinary way": "published network and step",
    "and denormal numbers flushed": "+ flush denormal numbers",
    "and freed memory kept": "+ keep freed memory",
    "and channels last": "+ channels last",
    "our net and loop, same batch": "our network and loop, same batch size",
    "our batch of 4": "our batch size of 4",
}


def read(name: str) -> dict:
    """Read one file of measurements."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def made_on(content: dict) -> str:
    """Format the machine and versions of a measurement in one line."""
    made = content["machine"]
    return (
        f"{made['processor']}, {made['threads']} threads, {made['capability']}, "
        f"torch {made['torch']}"
    )


def middle(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Format the median, with the range if there is more than one value."""
    if len(values) == 1:
        return form(values[0])
    return f"{form(statistics.median(values))} ({form(min(values))} to {form(max(values))})"


def seconds(value: float) -> str:
    """Format seconds to three digits or one decimal."""
    return f"{value:.0f} s" if value >= 100 else f"{value:.1f} s"


def chosen(runs: Sequence[dict], task: str, split: str, way: str) -> dict[int, dict]:
    """Return the runs of one setting on one task and split, by seed."""
    return {
        run["seed"]: run
        for run in runs
        if (run["task"], run["split"], run["way"]) == (task, split, way)
    }


def came_to(runs: dict[int, dict]) -> str:
    """Format the seconds of the perfect runs, or the best score if no run was perfect."""
    perfect = [run["seconds"] for run in runs.values() if run["perfect"]]
    if perfect:
        return middle(perfect, seconds)
    best = max((row[1:] for run in runs.values() for row in run["history"]), key=min)
    stopped = middle([run["seconds"] for run in runs.values()], seconds)
    return f"not within {stopped}; best train {best[0]:.3f}, test {best[1]:.3f}"


def times_fast(fast: dict[int, dict], others: dict[int, dict]) -> str:
    """Format the ratio of the seconds of two settings, a lower bound if a run was stopped."""
    both = sorted(fast.keys() & others.keys())
    ratios = [others[seed]["seconds"] / fast[seed]["seconds"] for seed in both]
    capped = not all(others[seed]["perfect"] for seed in both)
    return ("over " if capped else "") + middle(ratios, lambda ratio: f"{ratio:.2g}")


def perfect_part(content: dict) -> list[str]:
    """Format the seconds to a perfect network: one line per task, split and setting."""
    runs = content["runs"]
    lines = [
        "| task | split | settings | perfect | time | steps | time relative to `fast` |",
        "|---|---|---|--:|---|--:|--:|",
    ]
    for task in TASKS:
        for split in SPLITS:
            fast = chosen(runs, task, split, "fast")
            for way in WAYS:
                found = chosen(runs, task, split, way)
                if not found:
                    continue
                perfect = sum(run["perfect"] for run in found.values())
                steps = statistics.median(run["steps"] for run in found.values())
                cells = [task, split, NAMES[way], f"{perfect} of {len(found)}", came_to(found)]
                cells += [f"{steps:,.0f}", "" if way == "fast" else times_fast(fast, found)]
                lines.append(f"| {' | '.join(cells)} |")
    long = [run for run in runs if run["way"] == LONG]
    lines += [
        "",
        f"Measured on {made_on(content)}. Times are medians over seeds, with the range in "
        "parentheses.",
    ]
    for task in TASKS:
        for split in SPLITS:
            trained = chosen(long, task, split, LONG).values()
            if trained:
                perfect = sum(run["perfect"] for run in trained)
                lines.append(
                    f"With the recipe `fast` and three times as many epochs, {perfect} of "
                    f"{len(trained)} networks are perfect at the end ({task}, {split})."
                )
    return lines


def ladder_part(content: dict) -> list[str]:
    """Format the milliseconds per image, one change at a time."""
    lines = ["| | ms per image | speedup over the line above |", "|---|--:|--:|"]
    before = None
    for row in content["rungs"]:
        here, low, high = row["milliseconds"]
        gain = "" if before is None else f"{before / here:.2f}"
        lines.append(f"| {RUNGS[row['rung']]} | {here:.2f} ({low:.2f} to {high:.2f}) | {gain} |")
        before = here
    return [
        *lines,
        "",
        f"The batch size is {content['batch']} except in the last line. Measured on "
        f"{made_on(content)}.",
    ]


def step_part(content: dict) -> list[str]:
    """Format the time of a step of every network, with its lower bounds."""
    lines = [
        "| network | precision | format | batch | step, ms | arithmetic, ms | memory, ms "
        "| lower bound, ms | step / bound | peak memory, MiB |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for cell in content["cells"]:
        if cell["part"] != "shape":
            continue
        numbers = (cell["seconds"], cell["floor_arithmetic"], cell["floor_memory"], cell["floor"])
        times = " | ".join(f"{1000 * number:.2f}" for number in numbers)
        lines.append(
            f"| {cell['net']} | {cell['precision']} | {cell['format'].replace('_', ' ')} "
            f"| {cell['batch']} | {times} | {cell['seconds'] / cell['floor']:.1f} "
            f"| {cell['held_bytes'] / 2**20:.0f} |"
        )
    return [*lines, "", f"Measured on {made_on(content)}."]


def exponent(cells: Sequence[dict], name: str) -> float:
    """Return the slope of the logarithm of a quantity against the logarithm of the pixels."""
    x = [2 * math.log(cell["canvas"]) for cell in cells]
    y = [math.log(cell[name]) for cell in cells]
    return statistics.linear_regression(x, y).slope


def growing(content: dict) -> dict[str, list[dict]]:
    """Return the cells of each network measured on several canvases, smallest first."""
    cells = sorted(
        (cell for cell in content["cells"] if cell["part"] == "growth"),
        key=lambda cell: cell["canvas"],
    )
    return {
        net: [cell for cell in cells if cell["net"] == net]
        for net in dict.fromkeys(cell["net"] for cell in cells)
    }


def growth_part(content: dict) -> list[str]:
    """Format the time and memory of a step by canvas, and their exponents."""
    nets = growing(content)
    canvases = [cell["canvas"] for cell in next(iter(nets.values()))]
    heads = " | ".join(f"{side} x {side}" for side in canvases)
    lines = [
        f"| network | | {heads} | exponent |",
        f"|---|---|{'--:|' * len(canvases)}--:|",
    ]
    for net, cells in nets.items():
        for words, name, scale in (("ms", "seconds", 1000), ("peak MiB", "held_bytes", 2**-20)):
            values = " | ".join(f"{cell[name] * scale:.1f}" for cell in cells)
            lines.append(f"| {net} | {words} | {values} | {exponent(cells, name):.2f} |")
    batch = next(iter(nets.values()))[0]["batch"]
    return [*lines, "", f"Measured with batches of {batch}, in float32 and channels last."]


def ensemble_part(content: dict) -> list[str]:
    """Format the steps per second of several networks, relative to training one at a time."""
    ways = list(content["cells"][0]["ratio"])
    lines = [f"| network | steps per second, one at a time | {' | '.join(ways[1:])} |"]
    lines.append("|---|--:|" + "--:|" * len(ways[1:]))
    for cell in content["cells"]:
        ratios = [
            f"{middle_:.2f} ({low:.2f} to {high:.2f})"
            for middle_, low, high in (cell["ratio"][way] for way in ways[1:])
        ]
        lines.append(
            f"| {cell['net']} | {cell['steps_a_second'][ways[0]]:.0f} | {' | '.join(ratios)} |"
        )
    return [*lines, "", f"Measured on {made_on(content)}, device {content['machine']['device']}."]


def side_by_side_part(content: dict) -> list[str]:
    """Format the speed of several runs at the same time, relative to one after another."""
    cells = content["cells"]
    ways = list(cells[0]["turns"])
    rounds = len(cells[0]["turns"][ways[0]])
    times = [f"{way}, times as fast" for way in ways[1:]]
    lines = [
        f"| network | machine | {ways[0]}, seconds | {' | '.join(times)} "
        "| cores used by other programs |",
        "|---|---|--:|" + "--:|" * len(ways),
    ]
    for cell in cells:
        turns = cell["turns"]
        done = [
            f"{middle_:.2f}" + (f" ({low:.2f} to {high:.2f})" if rounds > 1 else "")
            for middle_, low, high in (cell["done"][way] for way in ways[1:])
        ]
        spent = middle([turn["seconds"] for turn in turns[ways[0]]], seconds)
        load = max(turn["load_of_others"] for way in ways for turn in turns[way])
        row = [cell["net"], cell["condition"], spent, *done, f"up to {load:.2f}"]
        lines.append(f"| {' | '.join(row)} |")
    used = [turn["megabytes"] for cell in cells for turn in cell["turns"][ways[-1]]]
    return [
        "The table compares three ways to train several runs. *One after another*: each run has "
        "one thread per core. A waiting thread either keeps its core busy (*spinning*) or sleeps "
        "(*passive*). *Side by side*: all runs at the same time, with one thread each. The first "
        "way has its time in seconds, and the other two are compared with it:",
        "",
        *lines,
        "",
        f"Measured with {content['runs']} runs of each network, "
        f"{'once' if rounds == 1 else f'in {rounds} rounds'}, on {made_on(content)}. A worker "
        f"process used up to {max(used):.0f} MB. The last column does not count the busy process.",
    ]


@default_style()
def draw_times(content: dict, path: Path) -> None:
    """Draw one dot per run: seconds until the network is perfect, hollow if it never was."""
    figure = Figure(figsize=(10, 4.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    rows = [(task, split) for task in TASKS for split in SPLITS]
    offsets = {"fast": 0.27, "tuned": 0.09, "paper": -0.09, "tutorial": -0.27}
    for run in content["runs"]:
        if run["way"] not in COLOURS:
            continue
        height = len(rows) - 1 - rows.index((run["task"], run["split"])) + offsets[run["way"]]
        colour = COLOURS[run["way"]]
        face = colour if run["perfect"] else "white"
        axes.scatter(run["seconds"], height, 42, face, edgecolors=colour, linewidths=1.4, zorder=3)
    for line in range(1, len(rows)):
        axes.axhline(line - 0.5, color="black", alpha=0.1, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [f"{task}, {split}" for task, split in rows[::-1]])
    axes.set_xscale("log")
    ticks = [1, 3, 10, 30, 100, 300, 1000]
    axes.set_xticks(ticks, [f"{tick} s" for tick in ticks], minor=False)
    axes.set_xlim(1, 1500)
    axes.grid(axis="x", alpha=0.3)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for way in WAYS:
        axes.scatter(
            [],
            [],
            42,
            COLOURS[way],
            label=NAMES[way].strip("*`") + (" settings" if way in ("paper", "tutorial") else ""),
        )
    axes.scatter([], [], 42, "white", edgecolors="black", label="not perfect within the time limit")
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


@default_style()
def draw_step(content: dict, path: Path) -> None:
    """Plot the time of a step by kind of operation (left) and by canvas size (right)."""
    figure = Figure(figsize=(12, 4.4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    bars, growth = figure.subplots(1, 2, width_ratios=(1.5, 1))
    profiles = [cell for cell in content["cells"] if cell["part"] == "profile"]
    for place, cell in enumerate(reversed(profiles)):
        left = 0.0
        for kind, colour in KINDS.items():
            width = 1000 * cell["kinds"].get(kind, 0)
            bars.barh(place, width, left=left, color=colour, height=0.62)
            left += width
        bars.plot([1000 * floor_of(content, cell)] * 2, [place - 0.42, place + 0.42], "k", lw=2)
    names = [f"{cell['net']}, batch {cell['batch']}" for cell in reversed(profiles)]
    bars.set_yticks(range(len(profiles)), names)
    bars.set_xlabel("milliseconds of a step; black: lower bound")
    bars.tick_params(axis="y", length=0)
    for kind, colour in KINDS.items():
        bars.barh(0, 0, color=colour, label=kind)
    figure.legend(loc="outside upper center", ncols=6, frameon=False, fontsize=8.5)
    for net, cells in growing(content).items():
        growth.plot(
            [cell["canvas"] ** 2 for cell in cells],
            [1000 * cell["seconds"] for cell in cells],
            marker="o",
            label=f"{net}, exponent {exponent(cells, 'seconds'):.2f}",
        )
    growth.set(xscale="log", yscale="log", ylabel="milliseconds of a step")
    sides = (64, 128, 256, 512)
    growth.set_xticks([side**2 for side in sides], [f"{side}²" for side in sides], minor=False)
    growth.set_xticks([], minor=True)
    growth.set_xlabel("pixels")
    growth.legend(frameon=False, fontsize=8.5)
    growth.grid(alpha=0.3)
    for axes in (bars, growth):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def floor_of(content: dict, profile: dict) -> float:
    """Return the lower bound measured for the cell of a profile."""
    [floor] = [
        cell["floor"]
        for cell in content["cells"]
        if cell["part"] == "shape"
        and all(cell[name] == profile[name] for name in ("net", "batch", "precision", "format"))
    ]
    return floor


def main() -> int:
    """Write the page and the plots; with --check, only report whether the page is current."""
    times, steps = read("time_to_perfect"), read("training_step")
    parts = {
        "perfect": perfect_part(times),
        "ladder": ladder_part(read("ladder")),
        "growth": growth_part(steps),
        "step": step_part(steps),
        "ensemble": ensemble_part(read("ensemble")),
    }
    if (RESULTS / "side_by_side.json").exists():
        parts["side by side"] = side_by_side_part(read("side_by_side"))
    page = PAGE.read_text()
    for name, lines in parts.items():
        page = with_part(page, "\n".join(lines), name)
    checked = write_or_check(PAGE, page)
    if checked is None:
        draw_times(times, IMAGES / "time-to-perfect.png")
        draw_step(steps, IMAGES / "training-step.png")
    return checked or 0


if __name__ == "__main__":
    sys.exit(main())
