"""Read the sprite sheet of a run, which is an image with one tile per position."""

import base64
import io
from pathlib import Path

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.figures.answers import Answers
from coordconv_lab.results.record import MOST_SHEET_BYTES
from coordconv_lab.results.stored import read_stored


def read_sheet(path: Path, answers: Answers, canvas: tuple[int, int]) -> str:
    """Read a sprite sheet whose tiles have the same layout as the predictions.

    Args:
        path: The sheet.png of a run, which is a directory or packed.
        answers: Predictions of the same network.
        canvas: (height, width) of a tile.

    Returns:
        Data URL of the image.

    Raises:
        InputError: The file is missing or damaged. Reports show the message, so it names the file
            without its directory.
    """
    try:
        content = read_stored(path, MOST_SHEET_BYTES)
    except FileNotFoundError as error:
        raise InputError(
            f"{path.name} is missing; repeat the run with --fresh to get images for all positions"
        ) from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}") from error
    wanted = (len(answers.columns) * canvas[1], len(answers.rows) * canvas[0])
    size = _size(path, content)
    if size != wanted:
        raise InputError(
            f"{path.name} is damaged: it has {size[0]} x {size[1]} pixels instead of "
            f"{wanted[0]} x {wanted[1]}"
        )
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _size(path: Path, content: bytes) -> tuple[int, int]:
    """Return width and height, and verify the file without decompressing it."""
    # Import Pillow only when it is needed, so that importing this package is fast.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            size = image.size
            image.verify()
    except Exception as error:  # Pillow raises many exception types for damaged files
        raise InputError(f"{path.name} is not a complete PNG image") from error
    return size
