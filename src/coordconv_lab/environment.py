"""Temporary changes of environment variables."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def variables(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, or unset those given as None, and restore them after the block.

    Example:
        >>> with variables({"COORDCONV_EXAMPLE": "1"}):
        ...     os.environ["COORDCONV_EXAMPLE"]
        '1'
        >>> "COORDCONV_EXAMPLE" in os.environ
        False
    """
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
