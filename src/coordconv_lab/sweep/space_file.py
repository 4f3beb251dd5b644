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
"""Limits malicious files, which are slow to parse, to seconds."""

_MAX_LEVELS = 50
_OPENING = (
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)


def read_space(path: Path) -> Space:
    """Read and validate a space.

    Raises:
        InputError: The file cannot be read, is not valid YAML or TOML, or is not a valid space.
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
        text = read_text(path, _MAX_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else _yaml(text, path)
    except InputError:
        raise
    # The parsers raise different exceptions for different kinds of values.
    except Exception as error:
        said = " ".join(str(error).split())[:500]
        raise InputError(f"{path} is not valid {path.suffix[1:].upper()}: {said}") from error


def _yaml(text: str, path: Path) -> Any:
    level = 0
    for token in yaml.scan(text):
        # A few lines of nested aliases can expand to gigabytes.
        if isinstance(token, yaml.AliasToken):
            raise InputError(f"{path}: YAML aliases are not allowed; write out the values")
        level += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if level > _MAX_LEVELS:
            raise InputError(f"{path}: lists or settings are nested more than {_MAX_LEVELS} deep")
    loader = yaml.SafeLoader(text)
    try:
        document = loader.get_single_node()
        if document is None:
            return None
        _check_keys(document, path)
        return loader.construct_document(document)
    finally:
        loader.dispose()


def _check_keys(node: yaml.Node, path: Path) -> None:
    """Reject duplicate keys; PyYAML silently drops all but the last.

    Raises:
        InputError: A key occurs twice.
    """
    inner = node.value if isinstance(node, yaml.CollectionNode) else []
    if isinstance(node, yaml.MappingNode):
        seen = set[tuple[str, str]]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise InputError(
                        f"{path}: duplicate key {in_short(key.value)} in line "
                        f"{key.start_mark.line + 1}"
                    )
                seen.add((key.tag, key.value))
        inner = [each for pair in node.value for each in pair]
    for each in inner:
        _check_keys(each, path)
