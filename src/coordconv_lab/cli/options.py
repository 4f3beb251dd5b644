"""Options that several commands have."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from coordconv_lab.errors import InputError

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
ResultsDirectory = Annotated[
    Path, Parameter(help="Directory of results; a study's runs are in one of its name.")
]
RunsDirectory = Annotated[Path, Parameter(help="Directory of runs.")]


def setting(text: str) -> tuple[str, Any]:
    """Split PATH=VALUE; a value that is no JSON is taken as text."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set: expected PATH=VALUE, such as model.radius=true; got {text!r}")
    try:
        return path, json.loads(value)
    except (RecursionError, ValueError):
        return path, value
