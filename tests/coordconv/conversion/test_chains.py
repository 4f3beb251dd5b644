"""Conversions in random order: a sample of benchmarks/chains.py."""

import pytest

from coordconv.conversion import fuse
from tests.coordconv.conversion import chains


@pytest.mark.parametrize("seed", range(60))
def test_outputs_are_preserved_or_a_step_raises_a_clear_error(seed):
    assert len(chains.run(seed)) == 7


def test_a_fuser_that_drops_the_coordinates_is_detected(monkeypatch):
    monkeypatch.setattr(fuse, "_guard_of", lambda convolution: None)

    def many_chains() -> None:
        for seed in range(60):
            chains.run(seed)

    with pytest.raises((AssertionError, RuntimeError)):
        many_chains()
