"""The sheet of pictures that a net painted, one for every position, as it lies beside a record."""

import base64
import io
from pathlib import Path

from coordconv_lab.errors import InputError
from coordconv_lab.report.answers import Answers
from coordconv_lab.results.files import read_file
from coordconv_lab.results.record import MOST_SHEET_BYTES


def read_sheet(path: Path, answers: Answers, canvas: tuple[int, int]) -> str:
    """Read a sheet whose tiles lie as the grid of the answers does.

    Args:
        path: The file, sheet.png.
        answers: What the same net answers.
        canvas: (height, width) of a tile.

    Returns:
        A data address of the picture.

    Raises:
        InputError: The file is missing or damaged; the message names it without its directory,
            fit to be printed on the page.
    """
    try:
        content = read_file(path, MOST_SHEET_BYTES)
    except FileNotFoundError as error:
        raise InputError(
            f"{path.name} is missing; train the run again with --fresh for pictures of all "
            "positions"
        ) from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}") from error
    wanted = (len(answers.columns) * canvas[1], len(answers.rows) * canvas[0])
    size = _size(path, content)
    if size != wanted:
        raise InputError(
            f"{path.name} is damaged: it has {size[0]} x {size[1]} pixels, not "
            f"{wanted[0]} x {wanted[1]}"
        )
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _size(path: Path, content: bytes) -> tuple[int, int]:
    """Width and height; the whole file is checked, but never unpacked before its size is known."""
    # Loaded by those who make pages, and by no one who only imports the package.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            size = image.size
            image.verify()
    except Exception as error:  # damage surfaces as whatever the reader stumbles over
        raise InputError(f"{path.name} is not a whole PNG picture") from error
    return size
