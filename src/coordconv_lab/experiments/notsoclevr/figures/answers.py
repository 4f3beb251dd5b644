"""The predictions of a trained network at every position, from its predictions.npz."""

import io
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.errors import InputError
from coordconv_lab.report.runs import Network, Run
from coordconv_lab.results.stored import read_stored
from coordconv_lab.specs import ExperimentSpec

SCORE_OF_TASK = {"classification": "accuracy", "regression": "distance", "rendering": "iou"}
"""The score that the maps show for each position, by task."""

Array = NDArray[Any]


class Gallery(NamedTuple):
    """The images that a renderer predicts at the positions that the tutorial shows.

    Attributes:
        places: Row and column of each center.
        pictures: The predicted probabilities in steps of 1/255, (N, H, W).
    """

    places: list[tuple[int, int]]
    pictures: Array


class Answers(NamedTuple):
    """Scores and predictions at all positions, arranged in a grid of R rows and C columns.

    Attributes:
        rows: The canvas row of each grid row, ascending.
        columns: The canvas column of each grid column, ascending.
        is_train: Whether each position was trained on, (R, C).
        score: The score of each position, (R, C): whether the prediction is correct for
            classification, the distance in pixels for regression, or the intersection over union
            for rendering.
        predicted: The predicted points (x, y), (R, C, 2); None for rendering.
        gallery: The images at the positions that the tutorial shows; None for other tasks, and for
            canvases that do not have these positions.
    """

    rows: list[int]
    columns: list[int]
    is_train: Array
    score: Array
    predicted: Array | None
    gallery: Gallery | None


def answers_of(run: Run) -> Answers | None:
    """Return the predictions of a run. If there are none, return None; ``run.gaps`` says why."""
    return run.files.get("predictions.npz")


def first_answers(network: Network) -> Answers | str:
    """Return the predictions of the first seed of a network, or a message why there are none."""
    run = network.first
    return answers_of(run) or f"{network.label(run)}: {run.gaps['predictions.npz']}."


def read_answers(path: Path, spec: ExperimentSpec) -> Answers:
    """Read the predictions of the run of a spec, which is a directory or packed.

    Raises:
        InputError: The file is missing or damaged. Reports show the message, so it names the file
            without its directory.
    """
    arrays = _load(path, _most_bytes(spec))
    try:
        return _arrange(arrays, spec)
    except KeyError as error:
        raise InputError(f"{path.name} is damaged: it lacks the array {error}") from error
    except InputError as error:
        raise InputError(f"{path.name} is damaged: {error}") from error
    # Do not show NumPy's message, which can quote the content of the file.
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"{path.name} is damaged: its arrays are not predictions") from error


def _most_bytes(spec: ExperimentSpec) -> int:
    """Return the maximum number of bytes of the predictions of a run."""
    height, width = spec.data.canvas
    return 1_000_000 + 100 * height * width


def _load(path: Path, most: int) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(io.BytesIO(read_stored(path, 2 * most))) as archive:
            members = archive.infolist()
            # A small archive can unpack to many bytes, so check the sizes in the headers first.
            unpacked = sum(member.file_size for member in members)
            if unpacked > most:
                raise InputError(
                    f"{path.name} is damaged: it unpacks to {unpacked:,} bytes, more than {most:,}"
                )
            # The headers can be wrong. Only the readers of these two compression methods stop at
            # the declared size.
            if any(
                m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members
            ):
                raise InputError(
                    f"{path.name} is damaged: an array has a compression method that NumPy does "
                    "not use"
                )
            return {m.filename.removesuffix(".npy"): _array(archive, m, most) for m in members}
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path.name} is missing") from error
    # A damaged file can raise errors from zipfile, zlib, struct and even tokenize.
    except Exception as error:
        raise InputError(f"{path.name} is not a complete .npz file") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> Array:
    with archive.open(member) as packed:
        content = packed.read(most + 1)
    if len(content) > most:
        raise ValueError("an array is larger than its header says")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _arrange(arrays: dict[str, Array], spec: ExperimentSpec) -> Answers:
    x, y = arrays["x"], arrays["y"]
    if not {x.dtype.kind, y.dtype.kind} <= set("iu"):
        raise InputError("its positions are not integers")
    columns, rows = np.unique(x), np.unique(y)
    places = np.searchsorted(rows, y) * len(columns) + np.searchsorted(columns, x)
    whole = len(rows) * len(columns)
    # Check the count first: n positions could have n x n combinations, which may exceed memory.
    if not len(places) == whole > 0 or not np.array_equal(np.sort(places), np.arange(whole)):
        raise InputError("its positions are not all combinations of its rows and columns")
    height, width = spec.data.canvas
    if rows[0] < 0 or columns[0] < 0 or rows[-1] >= height or columns[-1] >= width:
        raise InputError(f"its positions are not on a canvas of {height} x {width}")
    order = np.argsort(places)

    def grid(name: str, *tail: int) -> Array:
        if arrays[name].shape != (len(places), *tail):
            raise InputError(f"{name} does not have one value per position")
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
        raise InputError("its gallery does not have one image of the canvas per position")
    return Gallery(list(zip(rows, columns, strict=True)), pictures)
