"""Results are bitwise reproducible for a number of threads, else equal up to rounding."""

import pytest

from benchmarks.threads import difference, in_fresh_process, losses, specs, weights
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec

# A few steps of the CoordConv networks on the full canvas.
SETTINGS = {"data.square": 59, "training.epochs": 1, "training.curve_points": 2}
SPECS = specs(SETTINGS, ["coordconv"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, RunStore]:
    """Run two processes with one thread each, and the second one also with two threads."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    processes = [
        in_fresh_process(first, [1], SETTINGS, ["coordconv"]),
        in_fresh_process(second, [1, 2], SETTINGS, ["coordconv"]),
    ]
    assert [process.wait() for process in processes] == [0, 0]
    stores = {"one": first / "1", "one again": second / "1", "two": second / "2"}
    return {name: RunStore(root) for name, root in stores.items()}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.task)
def test_two_processes_with_one_thread_give_the_same_bits(runs, spec: ExperimentSpec):
    one, again = runs["one"], runs["one again"]
    first, second = one.record(spec), again.record(spec)
    assert first.weights_sha256 == second.weights_sha256
    assert first.scores == second.scores
    assert losses(one, spec).equal(losses(again, spec))
    assert weights(one, spec).equal(weights(again, spec))
    assert (first.provenance.threads, runs["two"].record(spec).provenance.threads) == (1, 2)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.task)
def test_with_two_threads_a_few_steps_agree_within_the_stated_tolerance(runs, spec: ExperimentSpec):
    found = difference(runs["one"], runs["two"], spec)
    assert found["loss"] <= 1e-3
    assert found["score"] <= 1e-3
    assert found["weight"] <= found["steps"]
