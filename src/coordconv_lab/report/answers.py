"""What a trained net answers at every position, read from its predictions.npz."""

import io
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.errors import InputError
from coordconv_lab.specs import ExperimentSpec

SCORE_OF_TASK = {"classification": "accuracy", "regression": "distance", "rendering": "iou"}
"""The score of each position that the maps show."""

Array = NDArray[Any]


class Gallery(NamedTuple):
    """The pictures that a renderer paints at the places that the tutorial shows.

    Attributes:
        places: Row and column of each centre.
        pictures: (N, H, W), the painted probabilities in steps of 1/255.
    """

    places: list[tuple[int, int]]
    pictures: Array


class Answers(NamedTuple):
    """Scores over the canvas, as grids whose rows and columns are those of the centres.

    Attributes:
        rows: The row of each line of the grids, ascending.
        columns: The column of each column of the grids, ascending.
        is_train: (R, C), True where the position was trained on.
        score: (R, C), right or wrong, the distance in pixels, or the intersection over union.
        predicted: (R, C, 2), the points (x, y) answered; None for rendering.
        gallery: The tutorial's pictures; None for other tasks, and on canvases without them.
    """

    rows: list[int]
    columns: list[int]
    is_train: Array
    score: Array
    predicted: Array | None
    gallery: Gallery | None


def read_answers(path: Path, spec: ExperimentSpec) -> Answers:
    """Read the answers of the run of a spec.

    Raises:
        InputError: The file is missing or damaged; the message names it without its directory,
            fit to be printed on the page.
    """
    arrays = _load(path, _most_bytes(spec))
    try:
        return _arrange(arrays, spec)
    except KeyError as error:
        raise InputError(f"{path.name} is damaged: it lacks the array {error}") from error
    except InputError as error:
        raise InputError(f"{path.name} is damaged: {error}") from error
    # What numpy says can quote the file.
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"{path.name} is damaged: its arrays hold no answers") from error


def _most_bytes(spec: ExperimentSpec) -> int:
    """What the answers of a run may take in memory: some numbers and pictures a position."""
    height, width = spec.data.canvas
    return 1_000_000 + 100 * height * width


def _load(path: Path, most: int) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # A small archive can stand for a large one: what it unpacks to is known before.
            unpacked = sum(member.file_size for member in members)
            if unpacked > most:
                raise InputError(
                    f"{path.name} is damaged: it unpacks to {unpacked:,} bytes, more than {most:,}"
                )
            # The sizes can be lies. These two readers stop where they are told to; others do not.
            if any(
                m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members
            ):
                raise InputError(
                    f"{path.name} is damaged: an array is packed in a way that numpy does not use"
                )
            return {m.filename.removesuffix(".npy"): _array(archive, m, most) for m in members}
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path.name} is missing") from error
    # Damage surfaces wherever the archive's readers stumble: zipfile, zlib, struct, even tokenize.
    except Exception as error:
        raise InputError(f"{path.name} is not a whole .npz file") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> Array:
    with archive.open(member) as packed:
        content = packed.read(most + 1)
    if len(content) > most:
        raise ValueError("it is larger than it says")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _arrange(arrays: dict[str, Array], spec: ExperimentSpec) -> Answers:
    x, y = arrays["x"], arrays["y"]
    if not {x.dtype.kind, y.dtype.kind} <= set("iu"):
        raise InputError("its positions are not whole numbers")
    columns, rows = np.unique(x), np.unique(y)
    places = np.searchsorted(rows, y) * len(columns) + np.searchsorted(columns, x)
    whole = len(rows) * len(columns)
    # The number first: from n positions it may be n times n, which would fill the memory.
    if not len(places) == whole > 0 or not np.array_equal(np.sort(places), np.arange(whole)):
        raise InputError("its positions are not every row with every column")
    height, width = spec.data.canvas
    if rows[0] < 0 or columns[0] < 0 or rows[-1] >= height or columns[-1] >= width:
        raise InputError(f"its positions do not lie on a canvas of {height} x {width}")
    order = np.argsort(places)

    def grid(name: str, *tail: int) -> Array:
        if arrays[name].shape != (len(places), *tail):
            raise InputError(f"{name} does not have one value a position")
        return arrays[name][order].reshape(len(rows), len(columns), *tail)

    return Answers(
        rows=rows.tolist(),
        columns=columns.tolist(),
        is_train=grid("is_train").astype(bool),
        score=grid(SCORE_OF_TASK[spec.task]).astype(float),
        predicted=None if spec.task == "rendering" else grid("predicted", 2).astype(float),
        gallery=_gallery(arrays, spec) if spec.task == "rendering" else None,
    )


def _gallery(arrays: dict[str, Array], spec: ExperimentSpec) -> Gallery | None:
    if "gallery_pictures" not in arrays:
        return None
    rows, columns = arrays["gallery_row"].tolist(), arrays["gallery_column"].tolist()
    pictures = arrays["gallery_pictures"]
    if pictures.shape != (len(rows), *spec.data.canvas) or pictures.dtype != np.uint8:
        raise InputError("its gallery does not have one picture of the canvas a place")
    return Gallery(list(zip(rows, columns, strict=True)), pictures)
