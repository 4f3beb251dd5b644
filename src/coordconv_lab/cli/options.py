"""Options that several commands have."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from coordconv_lab.errors import InputError, in_short

TaskName = Literal["classification", "regression", "rendering"]
SplitName = Literal["uniform", "quadrant"]
ModelName = Literal["coordconv", "deconv", "conv", "baseline"]
RecipeName = Literal["tuned", "tutorial", "tutorial_text", "paper"]
SplitVariant = Literal["default", "tutorial", "paper", "walsvid"]

TASKS: tuple[TaskName, ...] = ("classification", "regression", "rendering")
SPLITS: tuple[SplitName, ...] = ("uniform", "quadrant")
MODELS: tuple[ModelName, ...] = ("coordconv", "baseline")

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Parameter(help="Where to train; auto takes a CUDA device if there is one."),
]
Compiled = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Compile net and loss first: 10 to 20 seconds on two cores; worth it for long runs "
        "on a CUDA device.",
    ),
]


def _whole(kind: type, tokens: Sequence[Token]) -> int:
    """Read a whole number; 1.7 is none, and is not rounded to one."""
    (token,) = tokens
    if not re.fullmatch("[+-]?[0-9]+", token.value):
        raise ValueError
    return int(token.value)


def _here(kind: type, path: Path | None) -> None:
    """Refuse a URL where a directory or a file is expected, which would be made under its name."""
    if path is not None and re.match("[A-Za-z][A-Za-z0-9+.-]+:/", path.as_posix()):
        raise ValueError(f"Expected a directory or a file here, got the URL {path}")


Int = Annotated[int, Parameter(converter=_whole)]
"""A whole number, wherever a command takes one."""

Place = Annotated[Path, Parameter(validator=_here)]
"""A path on this machine, wherever a command takes one."""

ResultsDirectory = Annotated[
    Place, Parameter(help="Directory of results; a study's runs are in one of its name.")
]
RunsDirectory = Annotated[Place, Parameter(help="Directory of runs.")]


def check_count(option: str, value: int | None, most: int) -> None:
    """Refuse a number of things that is none, or more than there can be.

    Raises:
        InputError: It is.
    """
    if value is not None and not 1 <= value <= most:
        raise InputError(f"--{option}: expected 1 to {most:,}, got {in_short(value)}")


def setting(text: str) -> tuple[str, Any]:
    """Split PATH=VALUE; a value that is no JSON is taken as text."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set: expected PATH=VALUE, such as model.radius=true; got {text!r}")
    try:
        return path, json.loads(value)
    except (RecursionError, ValueError):
        return path, value
