"""Damage of every kind of file, a subset of `python -m tests.faults.damage`."""

import re
from collections.abc import Iterator

import pytest

from tests.faults.damage import KINDS, Laboratory, cuts, laboratory


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as made:
        yield made


def one_digit_changed(content: bytes) -> bytes:
    """Return content with another number in its second half, which only a checksum detects."""
    past_middle = range(len(content) // 2, len(content))
    # The first digit, since the seventeenth may not change the value.
    at = next(i for i in past_middle if re.fullmatch(rb"[^\d.]\d", content[i - 1 : i + 1], re.S))
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("name", KINDS)
def test_damage_is_named_and_affects_nothing_else(name, lab):
    kind = KINDS[name]
    content, command = lab.path(kind).read_bytes(), next(iter(kind.said))
    for damaged in (cuts(content)[3], one_digit_changed(content)):
        shown = lab.outcome(kind, command, damaged)
        assert shown == "named" or not kind.is_ours
