"""Export the data set as arrays and as an overview image."""

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from coordconv_lab.experiments.notsoclevr.data.notsoclevr import NotSoClevr
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.plotting import default_style
from coordconv_lab.results.files import whole_file, write_atomically

TRAIN_COLOUR, TEST_COLOUR = "#0072B2", "#E69F00"  # distinguishable for color-blind readers
SPLITS = ("uniform", "quadrant")
PIXELS_AT_A_TIME = 2**22


def export(
    spec: DataSpec, out: Path, advance: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Path, Path]:
    """Write the data set with both splits to a directory.

    Images are drawn and written in chunks, so memory use does not depend on their number.

    Args:
        spec: The data set. Its ``split`` is ignored, because both splits are written.
        out: The directory, which is created if it does not exist.
        advance: Called with the number of images written so far and the number of all images.

    Returns:
        The paths of notsoclevr.npz (x, y, one_hot, square, uniform_is_train, quadrant_is_train) and
        of contact_sheet.png.

    Raises:
        InputError: The directory cannot be written, or a split has no training or no test
            positions.
    """
    versions = {split: NotSoClevr(spec.model_copy(update={"split": split})) for split in SPLITS}
    arrays, picture = out / "notsoclevr.npz", out / "contact_sheet.png"
    with whole_file(arrays) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_arrays(archive, versions, advance)
    with default_style():
        sheet = contact_sheet(versions)
    write_atomically(picture, sheet)
    return arrays, picture


def _write_arrays(
    archive: zipfile.ZipFile,
    versions: Mapping[str, NotSoClevr],
    advance: Callable[[int, int], None],
) -> None:
    """Write the members of an .npz file, which is a zip archive of .npy files."""
    data = versions["uniform"]
    points = data.points
    small = {
        "x": points[:, 0].numpy().astype(np.int16),
        "y": points[:, 1].numpy().astype(np.int16),
        **{f"{split}_is_train": versions[split].is_train.numpy() for split in SPLITS},
    }
    for name, array in small.items():
        with archive.open(f"{name}.npy", "w") as member:
            np.lib.format.write_array(member, array, allow_pickle=False)
    count, total = 0, 2 * len(points)
    for name, draw in (("one_hot", data.one_hot_images), ("square", data.square_images)):
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(points), *data.spec.canvas)}
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            for some in points.split(max(1, PIXELS_AT_A_TIME // math.prod(data.spec.canvas))):
                member.write(draw(some).to(torch.uint8).numpy().tobytes())
                count += len(some)
                advance(count, total)


def white_pixels(points: Tensor, spec: DataSpec) -> Tensor:
    """Count the squares that cover each pixel, (H, W).

    Args:
        points: Centers (x, y) of the squares in pixels, (N, 2), without duplicates.
        spec: The canvas and the square.
    """
    height, width = spec.canvas
    centers = torch.zeros(height, width)
    centers[points[:, 1], points[:, 0]] = 1.0
    # A pixel is covered by the squares whose centers are in a square around the pixel. If the side
    # is even, this square is shifted by one pixel.
    before, after = (spec.square - 1) // 2, spec.square // 2
    padded = functional.pad(centers[None, None], (before, after, before, after))
    return functional.conv2d(padded, torch.ones(1, 1, spec.square, spec.square))[0, 0]


def contact_sheet(versions: Mapping[str, NotSoClevr]) -> bytes:
    """Return a PNG with a row per split: centers, counts of white pixels, and an example."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 4)
    for row, (split, data) in zip(panels, versions.items(), strict=True):
        counts = f"{len(data.train_points)} train (blue), {len(data.test_points)} test"
        _draw_centers(row[0], data, f"{split}: {counts}")
        white = white_pixels(data.train_points, data.spec).numpy()
        _draw_picture(row[1], white, "white pixels, summed: train", "viridis")
        white = white_pixels(data.test_points, data.spec).numpy()
        _draw_picture(row[2], white, "white pixels, summed: test", "viridis")
        point = data.test_points[len(data.test_points) // 3]
        title = f"one test example: row {point[1]}, column {point[0]}"
        _draw_picture(row[3], data.square_images(point[None])[0, 0].numpy(), title, "gray")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _draw_centers(axes, data: NotSoClevr, title: str) -> None:
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
