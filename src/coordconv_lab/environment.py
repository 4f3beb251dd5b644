"""Environment variables: temporary changes, and the variables that OpenMP reads."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables that set how threads of OpenMP wait, for all of its runtimes."""


def passive_waiting() -> dict[str, str]:
    """Return the variables that make threads of OpenMP sleep while they wait for one another.

    By default, waiting threads keep their cores busy for a while. On a machine with other work this
    wastes time: each operation then waits until all of its threads run at the same time. OpenMP
    reads the variables when torch is imported.

    Returns:
        The variables; empty if the user has set how threads wait.
    """
    return {} if any(name in os.environ for name in _WAITING) else {"OMP_WAIT_POLICY": "PASSIVE"}


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
