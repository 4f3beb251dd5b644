"""Sweeps that run in a second, and a progress object that records its calls."""

from collections.abc import Mapping, Sequence

import pytest

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.train import Attempt

TINY = {"data.canvas": (14, 18), "data.square": 5, "training.curve_points": 2}


def tiny_specs(count: int, split: str = "uniform") -> list[ExperimentSpec]:
    """Return runs that take a quarter of a second each."""
    base = with_settings(tuned("regression", split, "coordconv"), TINY)  # pyright: ignore
    rates = [0.001 * (number + 1) for number in range(count)]
    return [with_settings(base, {"training.learning_rate": rate}) for rate in rates]


def tiny_sweep(count: int) -> Sweep:
    """Return a sweep of two rows with ``count`` runs each."""
    rows = {f"regression, {split}, coordconv": tiny_specs(count, split) for split in SPLITS}
    return Sweep(Study("tiny", "Does it run?", rows))


SPLITS = ("uniform", "quadrant")


class Listener:
    """Progress that records its calls."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int, int]] = []
        self.attempts: dict[str, Attempt] = {}
        self.stops: dict[str, Mapping[str, float]] = {}

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        self.begun.append((to_do, total, at_once))

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        assert spec.id not in self.attempts, "a run ended twice"
        self.attempts[spec.id] = attempt

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        self.stops[spec.id] = row

    def of_run(self, number: int) -> None:
        return None


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def by_id(store: RunStore, specs: Sequence[ExperimentSpec]) -> dict[str, object]:
    """Return the results of a sweep without times."""
    found = {spec.id: store.record(spec) for spec in specs}
    return {
        id: (record.scores, record.weights_sha256, record.steps) if record else None
        for id, record in found.items()
    }
