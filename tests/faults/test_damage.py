"""Damage of every kind of file, a part of what `python -m tests.faults.damage` does."""

import random
from collections.abc import Iterator

import pytest

from tests.faults.damage import KINDS, Laboratory, cuts, flips, laboratory


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as made:
        yield made


@pytest.mark.parametrize("name", KINDS)
def test_damage_is_named_and_costs_nothing_else(name, lab):
    kind = KINDS[name]
    content, command = lab.path(kind).read_bytes(), next(iter(kind.said))
    (changed,) = flips(content, 1, random.Random(name))
    shown = [lab.outcome(kind, command, damaged) for damaged in (cuts(content)[3], changed)]
    assert shown[0] == "named"
    assert shown[1] != "valid, with another meaning" or not kind.is_ours
