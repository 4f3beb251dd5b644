"""Settings are chosen on a validation part, the same number of runs for each network."""

from pathlib import Path

import pytest

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies.tuning import (
    AROUND,
    BEST_OF_BOTH,
    BEST_OF_BROAD,
    BROAD,
    best_of,
    tuning,
    tuning_around,
    tuning_seeds,
)
from coordconv_lab.studies import recorded, study_named

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize(("name", "runs"), [("tuning", BROAD), ("tuning-around", AROUND)])
def test_every_network_has_the_same_number_of_runs_and_none_sees_the_test_positions(name, runs):
    arms = study_named(name).arms
    assert set(map(len, arms.values())) == {runs}
    specs = [spec for arm in arms.values() for spec in arm]
    assert {spec.data.held_out for spec in specs} == {"validation"}
    assert all(spec.seed >= 1000 for spec in specs)


@pytest.mark.parametrize("row", BEST_OF_BROAD)
def test_the_second_stage_starts_from_the_best_run_of_the_first(row):
    runs = [recorded(RESULTS, "tuning", spec) for spec in tuning().arms[row]]
    assert None not in runs
    assert best_of([run[1] for run in runs if run]) == BEST_OF_BROAD[row]


@pytest.mark.parametrize("row", BEST_OF_BOTH)
def test_new_seeds_compare_the_recipe_with_the_best_run_of_both_stages(row):
    specs = [*tuning().arms[row], *tuning_around().arms[row]]
    runs = [recorded(RESULTS, "tuning", spec) for spec in specs]
    assert None not in runs
    best = specs[best_of([run[1] for run in runs if run])]
    arms = tuning_seeds().arms
    task, split, _ = row.split(", ")
    for arm, expected in (
        (f"{row}, best drawn settings", best.training),
        (f"{row}, our recipe", tuned(task, split, "coordconv").training),
    ):
        assert {spec.data.held_out for spec in arms[arm]} == {"validation"}
        assert all(spec.training == expected for spec in arms[arm])
        assert len({spec.seed for spec in arms[arm]}) == 10


@pytest.mark.parametrize("split", ["uniform", "quadrant"])
@pytest.mark.parametrize(("task", "model"), [("regression", "conv"), ("classification", "deconv")])
def test_the_recipe_has_the_best_settings_of_both_stages_for_the_baselines(task, model, split):
    row = f"{task}, {split}, {model}"
    specs = [*tuning().arms[row], *tuning_around().arms[row]]
    runs = [recorded(RESULTS, "tuning", spec) for spec in specs]
    assert None not in runs
    best = specs[best_of([run[1] for run in runs if run])]
    ours = tuned(task, split, model)
    assert (ours.training, ours.model) == (best.training, best.model)
