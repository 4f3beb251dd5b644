"""Options shared by several commands."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from coordconv_lab.errors import InputError, in_short

MAX_SEEDS = 10_000
"""Maximum number of seeds that one command trains."""

MAX_JOBS = 1000
"""Maximum number of runs that one command trains in parallel."""

MAX_CPUS = 1000
"""Maximum number of threads of one run. The system may not be able to start more."""

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Parameter(help="Device to use; auto chooses CUDA if available."),
]
Compiled = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Compile the network and the loss first. This takes 10 to 20 seconds on two cores, "
        "and saves time in long runs on a CUDA device.",
    ),
]


def _whole(kind: type, tokens: Sequence[Token]) -> int:
    """Parse an integer. Reject a number such as 1.7 instead of rounding it."""
    (token,) = tokens
    if not re.fullmatch("[+-]?[0-9]+", token.value):
        raise ValueError
    return int(token.value)


def _here(kind: type, path: Path | None) -> None:
    """Reject a URL if a local path is expected, because a directory of that name would be made."""
    if path is not None and re.match("[A-Za-z][A-Za-z0-9+.-]+:/", path.as_posix()):
        raise ValueError(f"Expected a local file or directory, got the URL {path}")


Int = Annotated[int, Parameter(converter=_whole)]
"""Integer option."""

Jobs = Annotated[
    Int | None,
    Parameter(
        help="Number of runs to train in parallel, each in its own process. With 1, runs are "
        "trained one after another. By default one run per core, or 1 on a GPU."
    ),
]

Place = Annotated[Path, Parameter(validator=_here)]
"""An option for a local path."""

ResultsDirectory = Annotated[
    Place, Parameter(help="Directory of results, with one subdirectory per study.")
]
RunsDirectory = Annotated[Place, Parameter(help="Directory of runs.")]
SettingsByPath = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        negative=(),
        help="A setting as PATH=VALUE with VALUE in JSON, for example model.batch_norm=true; can "
        "be repeated.",
    ),
]


def check_count(option: str, value: int | None, most: int) -> None:
    """Require 1 <= value <= most; None is allowed.

    Raises:
        InputError: ``value`` is out of range.
    """
    if value is not None and not 1 <= value <= most:
        raise InputError(f"--{option}: expected 1 to {most:,}, got {in_short(value)}")


def setting(text: str) -> tuple[str, Any]:
    """Split PATH=VALUE, and parse VALUE as JSON. Keep it as text if it is not JSON."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set: expected PATH=VALUE, such as model.radius=true; got {text!r}")
    return path, json_or_text(value)


def settings_by_path(texts: Iterable[str], elsewhere: Mapping[str, str]) -> dict[str, Any]:
    """Parse the values of --set.

    Args:
        texts: The values.
        elsewhere: What to use instead of --set, by the path of the setting.

    Raises:
        InputError: A value is not valid, a setting is given twice, must be given in another way, or
            is a group of settings.
    """
    found = dict[str, Any]()
    for path, value in map(setting, texts):
        if path in elsewhere:
            raise InputError(f"--set {path}: use {elsewhere[path]} instead")
        if path in found:
            raise InputError(f"--set {path} was given twice; omit one of the values")
        if "." not in path and isinstance(value, dict):
            raise InputError(
                f"--set {path}: expected one setting, such as training.epochs=3, got a group of "
                "settings; repeat --set for each of them"
            )
        found[path] = value
    return found


def json_or_text(value: str) -> Any:
    """Parse a value as JSON. Keep it as text if it is not JSON."""
    try:
        return json.loads(value)
    except (RecursionError, ValueError):
        return value
