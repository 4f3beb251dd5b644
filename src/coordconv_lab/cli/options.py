"""Options shared by several commands."""

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
    Parameter(help="Device to use; auto chooses CUDA if available."),
]
Compiled = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Compile the network and the loss first. This takes 10 to 20 seconds on two cores; "
        "worth it for long runs on a CUDA device.",
    ),
]


def _whole(kind: type, tokens: Sequence[Token]) -> int:
    """Parse an integer; reject 1.7 instead of rounding it."""
    (token,) = tokens
    if not re.fullmatch("[+-]?[0-9]+", token.value):
        raise ValueError
    return int(token.value)


def _here(kind: type, path: Path | None) -> None:
    """Reject a URL where a local path is expected; a directory of that name would be created."""
    if path is not None and re.match("[A-Za-z][A-Za-z0-9+.-]+:/", path.as_posix()):
        raise ValueError(f"Expected a local file or directory, got the URL {path}")


Int = Annotated[int, Parameter(converter=_whole)]
"""Integer option."""

Place = Annotated[Path, Parameter(validator=_here)]
"""Local path option."""

ResultsDirectory = Annotated[
    Place, Parameter(help="Directory of results, with one subdirectory per study.")
]
RunsDirectory = Annotated[Place, Parameter(help="Directory of runs.")]


def check_count(option: str, value: int | None, most: int) -> None:
    """Require 1 <= value <= most; None is allowed.

    Raises:
        InputError: ``value`` is out of range.
    """
    if value is not None and not 1 <= value <= most:
        raise InputError(f"--{option}: expected 1 to {most:,}, got {in_short(value)}")


def setting(text: str) -> tuple[str, Any]:
    """Split PATH=VALUE; a value that is not JSON is kept as text."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set: expected PATH=VALUE, such as model.radius=true; got {text!r}")
    try:
        return path, json.loads(value)
    except (RecursionError, ValueError):
        return path, value
