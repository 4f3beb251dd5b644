"""Read the learning curve of a run from its metrics.csv."""

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.results.files import as_text
from coordconv_lab.results.record import LEAST_SECONDS, MOST_FILE_BYTES, MOST_SECONDS
from coordconv_lab.results.stored import read_stored


class CurveRow(NamedTuple):
    """One row of a learning curve.

    Attributes:
        seconds: Seconds since the start of training.
        epoch: Epochs since the start of training.
        train_score: Main score on training examples.
        test_score: Main score on test examples.
    """

    seconds: float
    epoch: float
    train_score: float
    test_score: float


def read_curve(path: Path) -> list[CurveRow]:
    """Read the learning curve of a run, packed or not. It has at least one row.

    Raises:
        InputError: The file is missing, empty or damaged. Reports show the message, so it does not
            contain the directory of the file.
    """
    try:
        text = as_text(read_stored(path, MOST_FILE_BYTES))
    except FileNotFoundError as error:
        raise InputError(f"{path.name} is missing") from error
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path.name} cannot be read") from error
    try:
        rows = [_row(fields, path.name) for fields in csv.DictReader(io.StringIO(text))]
    except csv.Error as error:
        raise InputError(f"{path.name} is damaged: it is not a table") from error
    if not rows:
        raise InputError(f"{path.name} has no rows")
    return rows


def _row(fields: dict[str, str], name: str) -> CurveRow:
    try:
        row = CurveRow(*(float(fields[column]) for column in CurveRow._fields))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name} is damaged: a row lacks a number") from error
    if not all(math.isfinite(value) for value in row):
        raise InputError(f"{name} contains a value that is not a finite number")
    if row.seconds > MOST_SECONDS or 0 < row.seconds < LEAST_SECONDS:
        raise InputError(f"{name} is damaged: training cannot take {row.seconds:g} seconds")
    return row
