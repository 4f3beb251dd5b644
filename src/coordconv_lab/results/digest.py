"""Detect later changes of a JSON object by a digest that is stored in the object."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from coordconv_lab.errors import DamagedError

DIGEST = "content_sha256"
"""The key of the digest, which is the sha256 of the object's canonical JSON without this key."""


def sha256(content: bytes) -> str:
    """Return the sha256 of a file's content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def with_digest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with its digest added.

    Example:
        >>> fields = with_digest({"reason": "the loss became nan"})
        >>> without_digest(fields, "failure.json")
        {'reason': 'the loss became nan'}
    """
    return {**fields, DIGEST: _digest(fields)}


def without_digest(fields: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Check the digest in a JSON object, if it has one, and return the object without it.

    Args:
        fields: The JSON object.
        source: Name of the object, for error messages.

    Raises:
        DamagedError: The digest does not match the object.
    """
    rest = {name: value for name, value in fields.items() if name != DIGEST}
    if DIGEST in fields and fields[DIGEST] != _digest(rest):
        raise DamagedError(
            f"{source} is damaged: its content does not match its {DIGEST}; restore it, or delete "
            "it and repeat the run"
        )
    return rest


def _digest(fields: Mapping[str, Any]) -> str:
    return sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode())
