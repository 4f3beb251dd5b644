"""Recipes run what their sources say: figures from the tutorial, its code and the paper's code."""

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.networks import build, count_parameters
from coordconv_lab.experiments.notsoclevr.recipes import (
    RECIPES,
    paper,
    tuned,
    tutorial,
    tutorial_text,
)
from coordconv_lab.experiments.notsoclevr.specs import MLPRegressor, TransformerRegressor
from coordconv_lab.recipes import recipe_names, spec_by_recipe, with_settings
from coordconv_lab.train.batches import batches_of

TASKS = ("classification", "regression", "rendering")
SPLITS = ("uniform", "quadrant")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_every_recipe_has_both_nets_of_every_row(recipe, task, split):
    rows = [RECIPES[recipe](task, split, model) for model in ("coordconv", "baseline")]
    assert [row.model_name for row in rows] == ["coordconv", BASELINE[task]]
    assert rows[1] == RECIPES[recipe](task, split, BASELINE[task])
    assert RECIPES[recipe](task, split, "coordconv", seed=7).seed == 7
    for row in rows:
        assert count_parameters(build(row.model)) > 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_model_that_the_task_does_not_have_is_refused(recipe):
    with pytest.raises(InputError, match=r"coordconv and conv; got 'deconv'"):
        RECIPES[recipe]("regression", "uniform", "deconv")


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (("classification", "uniform", "coordconv"), 7_553),
        (("classification", "uniform", "deconv"), 182_017),
        (("regression", "quadrant", "coordconv"), 906),
        (("regression", "uniform", "conv"), 2_883_730),
        (("rendering", "quadrant", "coordconv"), 15_010),
    ],
)
def test_the_tutorials_nets_have_the_sizes_of_its_code(row, count):
    assert count_parameters(build(tutorial(*row).model)) == count


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (("classification", "uniform", "coordconv"), 7_553),
        (("classification", "uniform", "deconv"), 409_921),
        (("regression", "quadrant", "coordconv"), 906),
        (("regression", "uniform", "conv"), 72_850),
        (("regression", "quadrant", "conv"), 12_914),
        (("rendering", "quadrant", "coordconv"), 11_850),
    ],
)
def test_the_papers_nets_have_the_sizes_of_its_code(row, count):
    assert count_parameters(build(paper(*row).model)) == count


@pytest.mark.parametrize("split", SPLITS)
def test_the_tutorial_takes_73_full_batches_of_32_an_epoch(split):
    spec = tutorial("classification", split, "coordconv")
    points = NotSoClevr(spec.data).train_points
    batches = batches_of(spec, points)
    assert (len(points), len(batches), spec.training.batch_size) == (2352, 73, 32)


def test_the_tutorials_code_decays_in_only_one_row_and_its_text_in_all():
    def decays(recipe):
        return [
            recipe(task, split, model).training.weight_decay
            for task in TASKS
            for split in SPLITS
            for model in ("coordconv", "baseline")
        ]

    assert sorted(decays(tutorial)) == [0] * 11 + [0.01]
    assert all(decay > 0 for decay in decays(tutorial_text))
    assert tutorial("rendering", "uniform", "deconv").training.optimizer == "adamw_unscaled"


def test_the_recipes_are_those_of_the_descriptor():
    assert list(RECIPES) == recipe_names("regression")
    for name, recipe in RECIPES.items():
        spec = spec_by_recipe("regression", "quadrant", "baseline", seed=2, recipe=name)
        assert spec == recipe("regression", "quadrant", "baseline", seed=2)


def test_a_kind_of_network_is_trained_with_its_defaults_and_the_settings_of_the_main_network():
    spec = spec_by_recipe("regression", "quadrant", "transformer-regressor")
    assert spec.model == TransformerRegressor()
    assert spec.training == tuned("regression", "quadrant", "coordconv").training
    changed = with_settings(spec, {"model.kind": "mlp-regressor", "model.width": 7})
    assert changed.model == MLPRegressor(width=7)
    with pytest.raises(InputError, match="no setting 'model"):
        with_settings(spec, {"model.kind": "mlp-regressor", "model.heads": 2})
