"""Draw the figures of docs/layers.md, with coordinates computed by the library.

Run it with `make guide`.
"""

import sys
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from coordconv import Convention, coordinate_grid
from coordconv_lab.plotting import default_style

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = (30, 50)
CROPS = {(2, 3): "#D55E00", (12, 20): "#0072B2", (6, 36): "#009E73"}  # Start of each crop.
CROP = (14, 12)


def coordinates(figure: Figure) -> None:
    """Draw the three coordinate channels of an image."""
    channels = coordinate_grid(SIZE, radius=True)
    names = ("x, the column", "y, the row", "radius")
    for axes, channel, name in zip(figure.subplots(1, 3), channels, names, strict=True):
        shown = axes.imshow(channel, cmap="cividis")
        axes.set_title(name, fontsize=9)
        axes.set(xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes, orientation="horizontal", shrink=0.9, pad=0.04)


def alignment(figure: Figure) -> None:
    """Draw the positions and widths of five pixels under several conventions."""
    axes = figure.subplots()
    conventions = {
        "corners (the default)": Convention(),
        "edges": Convention(alignment="edges"),
        "half_open": Convention(alignment="half_open"),
        "span=(0, 1)": Convention(span=(0, 1)),
        "span=(-0.5, 0.5)": Convention(span=(-0.5, 0.5)),
    }
    for row, convention in enumerate(conventions.values()):
        [places] = coordinate_grid((5,), convention=convention)
        step = (places[1] - places[0]).item()
        for place in places.tolist():
            pixel = (place - step / 2, row - 0.3)
            axes.add_patch(Rectangle(pixel, step, 0.6, facecolor="#cfe3f3", edgecolor="white"))
            axes.plot(place, row, "o", color="#0072B2", markersize=4)
            axes.text(place, row - 0.12, f"{place:.4g}", ha="center", va="bottom", fontsize=7)
    axes.set_yticks(range(len(conventions)), list(conventions), fontsize=8)
    axes.set(xlim=(-1.4, 1.4), ylim=(len(conventions) - 0.4, -0.6))
    axes.vlines((-1, 1), -0.6, len(conventions) - 0.4, color="0.6", linestyle=":", linewidth=1)


def windows(figure: Figure) -> None:
    """Draw the coordinates of three crops, without windows and with windows."""
    parts = figure.subfigures(1, 2, width_ratios=(1.2, 1))
    axes = parts[0].subplots()
    _show(axes, coordinate_grid(SIZE), "the image, colored by x and y")
    for (top, left), colour in CROPS.items():
        frame = Rectangle((left - 0.5, top - 0.5), CROP[1], CROP[0], fill=False, linewidth=2)
        frame.set_edgecolor(colour)
        axes.add_patch(frame)
    panels = parts[1].subplots(2, 3)
    for column, (start, colour) in enumerate(CROPS.items()):
        for row, window in enumerate((None, (start, SIZE))):
            grid = coordinate_grid(CROP, window=window)
            title = ("with window" if window else "without window") if column == 1 else ""
            _show(panels[row, column], grid, title)
            for spine in panels[row, column].spines.values():
                spine.set(color=colour, linewidth=2)


def _show(axes: Axes, grid: torch.Tensor, title: str) -> None:
    x, y = (grid + 1) / 2
    axes.imshow(torch.stack([x, 0.55 + 0 * x, y], dim=-1).clamp(0, 1))
    axes.set_title(title, fontsize=9)
    axes.set(xticks=[], yticks=[])


PICTURES = {
    "coordinates": (coordinates, (8, 2.5)),
    "alignment": (alignment, (8, 3)),
    "windows": (windows, (8, 3)),
}


@default_style()
def main() -> None:
    """Draw all figures."""
    for name, (draw, size) in PICTURES.items():
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(IMAGES / f"guide-{name}.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
