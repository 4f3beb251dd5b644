"""Reading a search space from a YAML or TOML file."""

import tomllib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from coordconv_lab.errors import InputError
from coordconv_lab.specs import explain
from coordconv_lab.sweep.space import Space

SUFFIXES = (".yaml", ".yml", ".toml")
_MOST_BYTES = 1_000_000


def read_space(path: Path) -> Space:
    """Read and validate a space.

    Raises:
        InputError: The file cannot be read, is no YAML or TOML, or describes no space.
    """
    fields = _fields(path)
    if not isinstance(fields, dict):
        raise InputError(f"{path}: expected settings by name, got {type(fields).__name__}")
    try:
        return Space.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def _fields(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES:,} bytes: no search space")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else _yaml(text, path)
    except InputError:
        raise
    # What is written in a file can fail in as many ways as there are kinds of values.
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path} is no valid {path.suffix[1:].upper()}: {said}") from error


def _yaml(text: str, path: Path) -> Any:
    # A few lines of aliases of aliases can stand for gigabytes.
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
        raise InputError(f"{path}: aliases are not allowed here; write the values out")
    return yaml.safe_load(text)
