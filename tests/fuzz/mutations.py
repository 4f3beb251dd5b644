"""Mutate valid values: replace, add, delete and nest parts."""

import json
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from coordconv_lab.errors import in_short

NUMBERS = (
    0, 1, -1, 2, 3, 64, 2**31, 2**32, 2**53 + 1, 2**63, -(2**63), 10**18, 10**400, 16**5000,
    0.0, -0.0, 0.5, 1e-320, 1e-5, 1e16, 1e308, -1e308, math.nan, math.inf, -math.inf,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "1e5", "nan", "true", "coordconv", "uniform", "../..", "a\0b", "\ud800", "\u2028",
    "x" * 5000, "<b>", "{{ x }}", "[/red]", "%s%n", "${HOME}", "é", "٣", "1_000",
)  # fmt: skip


def _deep(times: int) -> Any:
    value: Any = 1
    for number in range(times):
        value = [value] if number % 2 else {"a": value}
    return value


OTHERS = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"": {}},
    [1, 2],
    [1] * 1000,
    _deep(90),
    {"kind": "conv"},
)
junk = st.one_of(
    st.sampled_from((*NUMBERS, *TEXTS, *OTHERS)),
    st.integers(-5, 5000),
    st.floats(allow_subnormal=False),
    st.text(max_size=8),
)

Place = tuple[Any, Any]


def places(value: Any) -> Iterator[Place]:
    """Yield every container in a value with each of its keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from places(inner)


def _replace(found: Place, value: Any, _: list[Place]) -> None:
    found[0][found[1]] = value


def _delete(found: Place, _: Any, __: list[Place]) -> None:
    del found[0][found[1]]


def _add(found: Place, value: Any, _: list[Place]) -> None:
    container = found[0]
    if isinstance(container, list):
        container.append(value)
    else:
        container[value if isinstance(value, str) else in_short(value)[:9]] = value


def _nest(found: Place, _: Any, __: list[Place]) -> None:
    found[0][found[1]] = [found[0][found[1]]]


def _as_text(found: Place, _: Any, __: list[Place]) -> None:
    found[0][found[1]] = in_short(found[0][found[1]])


def _negate(found: Place, value: Any, _: list[Place]) -> None:
    old = found[0][found[1]]
    known = isinstance(old, int | float) and not isinstance(old, bool)
    found[0][found[1]] = -old if known else value


def _swap(found: Place, _: Any, others: list[Place]) -> None:
    other = others[len(others) // 2]
    found[0][found[1]], other[0][other[1]] = (
        deepcopy(other[0][other[1]]),
        deepcopy(found[0][found[1]]),
    )


CHANGES: tuple[Callable[[Place, Any, list[Place]], None], ...] = (
    _replace, _replace, _replace, _delete, _add, _nest, _as_text, _negate, _swap,
)  # fmt: skip
changes = st.lists(
    st.tuples(st.integers(0, 10**4), st.sampled_from(CHANGES), junk), min_size=1, max_size=3
)


def mutated(valid: Any, drawn: list[Any]) -> Any:
    """Return a changed copy of a value."""
    value = deepcopy(valid)
    for at, change, new in drawn:
        found = list(places(value))
        if found:
            # Swaps may put a container into itself, which is impossible in a file.
            change(found[at % len(found)], deepcopy(new), found)
    return value


edits = st.lists(
    st.tuples(
        st.integers(0, 10**5),
        st.integers(0, 3),
        st.sampled_from(
            [*'[]{},:"\\-.&*!#=|>\n\t\0 0e', "NaN", "null", "[" * 300, "9" * 5000, '{"a":' * 300]
        ),
    ),
    min_size=1,
    max_size=3,
)


def edited(text: str, drawn: list[tuple[int, int, str]]) -> str:
    """Return a text with some parts replaced or deleted."""
    for at, length, new in drawn:
        at %= len(text) + 1
        text = text[:at] + (new if at % 5 else "") + text[at + length :]
    return text


def as_json(value: Any) -> str:
    """Return JSON in the format of Python, with NaN, and with long integers in hexadecimal."""
    try:
        return json.dumps(value)
    except ValueError:
        return json.dumps(value, default=str) if not _is_long(value) else json.dumps(_short(value))


def _is_long(value: Any) -> bool:
    return any(isinstance(box[key], int) and abs(box[key]) > 10**4000 for box, key in places(value))


def _short(value: Any) -> Any:
    value = deepcopy(value)
    for box, key in list(places(value)):
        if isinstance(box[key], int) and abs(box[key]) > 10**4000:
            box[key] = 10**4000
    return value
