"""The figures in the report of a trial, as SVG."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from coordconv_lab.plotting import default_style
from coordconv_lab.trials.arm_outcome import ArmOutcome
from coordconv_lab.trials.error_maps import GainMap
from coordconv_lab.trials.outcome import Outcome

__all__ = ["differences_drawn", "gain_drawn"]

COLORS = {"helps": "#0072b2", "hurts": "#d55e00"}


def differences_drawn(outcome: Outcome) -> str:
    """Draw the paired differences of each arm with their intervals."""
    shown = [(row, row.against_plain) for row in outcome if row.against_plain is not None]
    with default_style():
        figure, axes = _figure((5.6, 1 + 0.6 * max(len(shown), 1)), "differences")
        axes.axvline(0, color="0.6", linewidth=1)
        for place, (row, found) in enumerate(shown):
            above = [place - 0.2] * len(found.differences)
            axes.plot(found.differences, above, "o", color="0.4", ms=4, alpha=0.7)
            if found.interval is not None:
                axes.plot(found.interval, [place, place], color=_color(row), linewidth=2.5)
            axes.plot([found.mean], [place], "D", color=_color(row), ms=6)
        axes.set_yticks(range(len(shown)), [_plain_text(row.arm) for row, _ in shown])
        axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        axes.set_xlabel("gain over no coordinates (dots: seeds; line: interval)")
        axes.spines[["top", "right", "left"]].set_visible(False)
        return _as_svg(figure)


def gain_drawn(found: GainMap) -> str:
    """Draw the reduction of the error by position, as a map for images or a line for signals."""
    rows, columns = found.gain.shape
    height, width = found.size or (1.0, 1.0)
    most = float(np.nanmax(np.abs(found.gain), initial=0)) or 1.0
    with default_style():
        if rows == 1:
            figure, axes = _figure((5.6, 2.4), "gain")
            axes.axhline(0, color="0.6", linewidth=1)
            axes.stairs(found.gain[0], np.linspace(0, width, columns + 1), color=COLORS["helps"])
            axes.set_xlabel("position")
            axes.set_ylabel("reduction of the error")
            axes.spines[["top", "right"]].set_visible(False)
            return _as_svg(figure)
        shape = min(max(height / width, 0.4), 1.4)
        figure, (axes, bar) = _figure((5.4, 4.4 * shape + 0.6), "gain", width_ratios=[30, 1])
        edges = np.linspace(0, width, columns + 1), np.linspace(0, height, rows + 1)
        axes.set_facecolor("0.85")  # where there are no data
        colors = {"cmap": "RdBu", "vmin": -most, "vmax": most, "edgecolor": "face", "lw": 0.2}
        axes.pcolormesh(*edges, np.ma.masked_invalid(found.gain), **colors)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        # A color bar of matplotlib contains an embedded image, which the page does not allow.
        steps = np.linspace(-most, most, 41)
        bar.pcolormesh([0, 1], steps, (steps[:-1, None] + steps[1:, None]) / 2, **colors)
        bar.set(xticks=[], ylabel="reduction of the error by coordinates")
        bar.yaxis.tick_right()
        bar.yaxis.set_label_position("right")
        if found.size is None:
            axes.set(xlabel="x, fraction of the width", ylabel="y, fraction of the height")
        else:
            axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
        return _as_svg(figure)


def _figure(
    size: tuple[float, float], salt: str, width_ratios: Sequence[float] = (1,)
) -> tuple[Any, Any]:
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    # Keep text as text, and write the same file for the same outcome.
    rcParams.update({"svg.fonttype": "none", "svg.hashsalt": f"trial {salt}"})
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(1, len(width_ratios), width_ratios=width_ratios)


def _as_svg(figure: Any) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _plain_text(name: str) -> str:
    """Escape dollar signs, which would start a formula in matplotlib."""
    return name.replace("$", r"\$")


def _color(row: ArmOutcome) -> str:
    verdict = "undecided" if row.against_plain is None else row.against_plain.verdict
    return COLORS.get(verdict, "0.3")
