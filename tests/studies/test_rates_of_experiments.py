"""The learning rates of the recipes are the best of the recorded tuning, for every network."""

import pytest

from coordconv_lab.experiments.brains import recipes as brains
from coordconv_lab.experiments.climate import recipes as climate
from coordconv_lab.experiments.digits import recipes as digits
from coordconv_lab.experiments.signal import recipes as signal
from coordconv_lab.experiments.tiles import recipes as tiles
from coordconv_lab.experiments.volume import recipes as volume
from coordconv_lab.results import RunStore
from coordconv_lab.studies import study_named
from tests.committed import RESULTS

RECIPES = {
    "digits": digits,
    "brains": brains,
    "climate": climate,
    "tiles": tiles,
    "signal": signal,
    "volume": volume,
}

ROWS = ("digits", "signal", "volume")
"""Studies with a row for each of several tasks, whose networks are tuned apart."""


def _key(spec):
    """The key of `RATES` for a run."""
    if spec.task == "digit-boxes":
        return spec.model.boxes, spec.model.told
    in_rows = spec.task.startswith(("digit-", "signal-", "volume-"))
    return (spec.task, spec.model.told) if in_rows else spec.model.told


@pytest.mark.parametrize("name", RECIPES)
def test_the_best_rate_on_validation_data_is_chosen(name):
    study, rates = study_named(f"{name}-tuning"), RECIPES[name].RATES
    store = RunStore(RESULTS / study.name)
    tried = {}
    for arm, specs in study.arms.items():
        assert all(spec.data.held_out == "validation" for spec in specs)
        records = [store.record(spec) for spec in specs]
        assert None not in records, arm
        best = max(records, key=lambda record: record.test_score)
        assert rates[_key(specs[0])] == best.spec.training.learning_rate
        tried[arm] = [spec.training.learning_rate for spec in specs]
    for arm, found in tried.items():
        same_row = [other for one, other in tried.items() if one.split(",")[0] == arm.split(",")[0]]
        assert name not in ROWS or all(other == found for other in same_row)
    assert name in ROWS or len({tuple(found) for found in tried.values()}) == 1


@pytest.mark.parametrize("name", RECIPES)
def test_every_arm_of_a_study_has_the_rate_of_its_coordinates(name):
    rates = RECIPES[name].RATES
    for specs in study_named(name).arms.values():
        for spec in specs:
            key = _key(spec)
            told = key[-1] if isinstance(key, tuple) else key
            seen = (
                "nothing"
                if told == "nothing"
                else "both"
                if name in ("climate", "tiles")
                else "true"
            )
            wanted = (key[0], seen) if isinstance(key, tuple) else seen
            assert spec.training.learning_rate == rates[wanted]


@pytest.mark.parametrize("name", RECIPES)
def test_the_arms_of_a_study_have_five_seeds_and_the_same_number_of_steps(name):
    study = study_named(name)
    assert study.question.endswith("?")
    for specs in study.arms.values():
        assert [spec.seed for spec in specs] == list(range(5))
    by_task = {}
    for specs in study.arms.values():
        training = specs[0].training
        steps = training.epochs, training.batch_size
        assert by_task.setdefault(specs[0].task, steps) == steps
