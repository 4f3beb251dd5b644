"""Number of fuzz cases: a few by default, COORDCONV_FUZZ_CASES in long runs."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

CASES = int(os.environ.get("COORDCONV_FUZZ_CASES", "0"))
RESULT = os.environ.get("COORDCONV_FUZZ_RESULT")
SECONDS_PER_CASE = 60
"""No case takes a hundredth of it: one that does has no end."""


def fuzzed(share: float = 1.0) -> settings:
    """Return the settings of a test; expensive tests only do a share of the cases."""
    return settings(
        max_examples=max(5, round(share * (CASES or 25))),
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


FUZZED = fuzzed()

_counted: dict[str, dict[str, Any]] = {}


class Endless(BaseException):
    """A case that does not end; not an Exception, so that no handler catches it."""


@contextmanager
def _with_an_end() -> Iterator[None]:
    def stop(_: int, __: FrameType | None) -> None:
        raise Endless(f"a case took more than {SECONDS_PER_CASE} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_PER_CASE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(
    kind: str, call: Callable[[], Any], documented: tuple[type[Exception], ...]
) -> tuple[Any, str | None]:
    """Return the result of a call, or the text of its documented error; raise other errors."""
    count = _counted.setdefault(kind, {"cases": 0, "accepted": 0, "seconds": 0.0})
    count["cases"] += 1
    started = time.perf_counter()
    try:
        with _with_an_end():
            found = call()
    except documented as error:
        assert str(error), type(error)  # noqa: PT017
        return None, str(error)
    finally:
        count["seconds"] += time.perf_counter() - started
    count["accepted"] += 1
    return found, None


@pytest.fixture(scope="session", autouse=True)
def written_down() -> Iterator[None]:
    """Write the counts of a long run to a file."""
    yield
    if RESULT:
        Path(RESULT).write_text(json.dumps(_counted))
