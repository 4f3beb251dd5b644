"""Checks of the files and arrays that a task adds to a run, because a task may be from a plug-in.

A file with the name of another file would replace it, and could be outside of the run's directory.
"""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.objective import Observer
from coordconv_lab.results.store import CHECKPOINT, LOCK

FILE_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
"""Pattern of the names of files that a task can add."""

_OWN = {
    *("spec.json", "record.json", "failure.json", "stopped.json"),
    *("metrics.csv", "predictions.npz", "weights.safetensors"),
    *(CHECKPOINT, LOCK),
}
"""Files that every run can have."""


def files_of(observer: Observer) -> dict[str, bytes]:
    """Return the files of an observer after checking their names and contents.

    Raises:
        InputError: A name is not the name of a new file in the run's directory, or the content of a
            file is not bytes.
    """
    found, what = observer.files(), f"{type(observer).__name__}.files must return"
    if not isinstance(found, Mapping):
        raise InputError(f"{what} a dictionary from names to bytes, got {in_short(found)}")
    for name, content in found.items():
        if not isinstance(name, str) or not re.fullmatch(FILE_NAME, name):
            raise InputError(
                f"{what} files for the directory of the run, with names that match {FILE_NAME}; "
                f"got {in_short(name)}"
            )
        if name in _OWN:
            raise InputError(f"{what} new files, but {name} is a file of every run; rename it")
        if not isinstance(content, bytes):
            raise InputError(f"{what} bytes for {name}, got {in_short(content)}")
    return dict(found)


def joined_arrays(
    *parts: tuple[str, Mapping[str, NDArray[np.generic]]],
) -> dict[str, NDArray[np.generic]]:
    """Join arrays for the predictions file after checking that every name occurs only once.

    Args:
        parts: What the arrays are, for messages, and the arrays by name.

    Raises:
        InputError: A name occurs twice, or an array contains Python objects.
    """
    joined: dict[str, NDArray[np.generic]] = {}
    for what, arrays in parts:
        for name, values in arrays.items():
            if name in joined:
                raise InputError(
                    f"the predictions file has two arrays {in_short(name)}, the second from {what};"
                    " rename one of them"
                )
            joined[name] = np.asarray(values)
            if joined[name].dtype.hasobject:
                raise InputError(f"{what}: expected numbers in {in_short(name)}, got objects")
    return joined
