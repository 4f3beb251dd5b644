"""Digests of files, stored in JSON objects, to detect later changes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from coordconv_lab.errors import DamagedError

DIGEST = "content_sha256"
"""The key of an object's digest: the sha256 of the canonical JSON of all its other keys."""


def sha256(content: bytes) -> str:
    """The sha256 of a file's content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def with_digest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add the digest of a JSON object to it.

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
        source: Its name, for the message of an error.

    Raises:
        DamagedError: The digest does not match the object.
    """
    rest = {name: value for name, value in fields.items() if name != DIGEST}
    if DIGEST in fields and fields[DIGEST] != _digest(rest):
        raise DamagedError(
            f"{source} is damaged: it is not what was written, by the {DIGEST} in it; restore it, "
            "or delete it and run again"
        )
    return rest


def _digest(fields: Mapping[str, Any]) -> str:
    return sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode())
