"""Environment variables: temporary changes, and those that OpenMP reads."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables that say how threads of OpenMP wait, in any of its runtimes."""


def passive_waiting() -> dict[str, str]:
    """Return the variables with which threads of OpenMP sleep while they wait for one another.

    By default they keep their cores busy for a while, which is a waste of time on a machine with
    other work: each operation then waits until the system runs all of its threads at once. OpenMP
    reads the variables when torch is imported.

    Returns:
        The variables; none if the user has chosen how threads wait.
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
