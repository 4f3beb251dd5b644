"""Read a search space from a YAML or TOML file."""

import tomllib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.results.files import read_text
from coordconv_lab.specs import explain
from coordconv_lab.sweep.space import Space

SUFFIXES = (".yaml", ".yml", ".toml")
_MAX_BYTES = 16_000
"""Maximum size of a file. It limits the time to parse a malicious file to a few seconds."""


class _Loader(yaml.SafeLoader):
    """A YAML loader that rejects aliases and duplicate keys, which PyYAML accepts."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # A few lines of nested aliases can expand to gigabytes.
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are not allowed; write out the values")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[tuple[str, str]]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"duplicate key {in_short(key.value)} in line {line}")
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def read_space(path: Path) -> Space:
    """Read and validate a space.

    Raises:
        InputError: The file cannot be read, is not valid YAML or TOML, or is not a valid space.
    """
    fields = _fields(path)
    if not isinstance(fields, dict):
        raise InputError(f"{path}: expected a mapping of settings, got {type(fields).__name__}")
    try:
        return Space.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def _fields(path: Path) -> Any:
    try:
        text = read_text(path, _MAX_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else _Loader(text).get_single_data()
    # The parsers raise different exceptions for different kinds of values.
    except Exception as error:
        said = " ".join(str(error).split())[:500]
        raise InputError(f"{path} is not valid {path.suffix[1:].upper()}: {said}") from error
