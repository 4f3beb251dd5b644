"""The data set as files: arrays for other programs, a contact sheet for people."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.data.notsoclevr import NotSoClevr
from coordconv_lab.results.files import write_atomically
from coordconv_lab.specs import DataSpec

TRAIN_COLOUR, TEST_COLOUR = "#0072B2", "#E69F00"  # told apart by colour-blind readers too
SPLITS = ("uniform", "quadrant")


def export(spec: DataSpec, out: Path) -> tuple[Path, Path]:
    """Write the data set with both splits into a directory.

    Args:
        spec: The data set; its own split has no say, both are written.
        out: The directory, made if it is missing.

    Returns:
        The paths of notsoclevr.npz (x, y, one_hot, square, uniform_is_train, quadrant_is_train) and
        of contact_sheet.png.

    Raises:
        InputError: The directory cannot be written, or a split has an empty side.
    """
    versions = {split: NotSoClevr(spec.model_copy(update={"split": split})) for split in SPLITS}
    arrays, picture = out / "notsoclevr.npz", out / "contact_sheet.png"
    write_atomically(arrays, _npz(versions))
    write_atomically(picture, contact_sheet(versions))
    return arrays, picture


def _npz(versions: Mapping[str, NotSoClevr]) -> bytes:
    data = versions["uniform"]
    points = data.points
    file = io.BytesIO()
    np.savez_compressed(
        file,
        x=points[:, 0].numpy().astype(np.int16),
        y=points[:, 1].numpy().astype(np.int16),
        one_hot=data.one_hot_images(points)[:, 0].numpy().astype(np.uint8),
        square=data.square_images(points)[:, 0].numpy().astype(np.uint8),
        uniform_is_train=versions["uniform"].is_train.numpy(),
        quadrant_is_train=versions["quadrant"].is_train.numpy(),
    )
    return file.getvalue()


def contact_sheet(versions: Mapping[str, NotSoClevr]) -> bytes:
    """Draw both splits, a row each, as a PNG: centres, how often a pixel is white, examples."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 4)
    for row, (split, data) in zip(panels, versions.items(), strict=True):
        counts = f"{len(data.train_points)} train (blue), {len(data.test_points)} test"
        _draw_centres(row[0], data, f"{split}: {counts}")
        white = data.square_images(data.train_points).sum(dim=0)[0].numpy()
        _draw_picture(row[1], white, "white pixels, summed: train", "viridis")
        white = data.square_images(data.test_points).sum(dim=0)[0].numpy()
        _draw_picture(row[2], white, "white pixels, summed: test", "viridis")
        point = data.test_points[len(data.test_points) // 3]
        title = f"one test example: row {point[1]}, column {point[0]}"
        _draw_picture(row[3], data.square_images(point[None])[0, 0].numpy(), title, "gray")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _draw_centres(axes, data: NotSoClevr, title: str) -> None:
    from matplotlib.colors import ListedColormap

    sides = np.full(data.spec.canvas, np.nan)
    sides[data.points[:, 1], data.points[:, 0]] = ~data.is_train.numpy()
    colours = ListedColormap([TRAIN_COLOUR, TEST_COLOUR])
    axes.imshow(sides, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("x, column", fontsize=8)
    axes.set_ylabel("y, row", fontsize=8)
    axes.tick_params(labelsize=7)


def _draw_picture(axes, picture: NDArray[np.float32], title: str, colours: str) -> None:
    axes.imshow(picture, cmap=colours, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
