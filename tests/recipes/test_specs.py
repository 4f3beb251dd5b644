"""Specs are validated, frozen, and identified by their content."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import parse_data_spec
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec, parse_spec

SPEC = tuned("classification", "quadrant", "coordconv")


def test_a_spec_reads_back_as_it_was_written():
    assert parse_spec(SPEC.model_dump(mode="json"), "spec.json") == SPEC


def test_the_id_is_the_same_in_every_process():
    program = (
        "from coordconv_lab.experiments.notsoclevr.recipes import tuned;"
        "print(tuned('classification', 'quadrant', 'coordconv').id)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert other.stdout.decode().strip() == SPEC.id


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("training.learning_rate", 0.02),
        ("model.radius", True),
        ("data.split_seed", 3),
        ("data.canvas", (64, 65)),
    ],
)
def test_the_id_changes_with_every_setting(path, value):
    assert with_settings(SPEC, {path: value}).id != SPEC.id


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"training.learning_rate": -1}, "training.learning_rate: .*greater than 0; got -1"),
        ({"training.learning_rate": float("nan")}, "training.learning_rate"),
        ({"training.epochs": 0}, "training.epochs must be .* at least 1"),
        ({"training.epochs": -1}, "training.epochs"),
        ({"training.batch_size": 2.5}, "training.batch_size"),
        (
            {"data.canvas": (5, 5)},
            "a 9 x 9 square does not fit on a canvas of height 5 and width 5",
        ),
        ({"data.canvas": (9, 30)}, "only one position"),
        ({"data.split": "diagonal"}, "data.split: .*'uniform' or 'quadrant'; got 'diagonal'"),
        ({"training.point_loss": 1}, "a model of kind coordconv-renderer or deconv-renderer has"),
        ({"model.kind": "deconv-2"}, "model"),
        ({"model.grid": "off_centre_radius"}, "set model.radius to true"),
        ({"model": {"kind": "hand-built-classifier"}}, "must be 0 for a hand-built net"),
        (
            {"training.optimizer": "adamw_unscaled", "training.weight_decay": 2},
            "must be less than 1; got 2",
        ),
        ({"training.momentum": 0.9}, "got momentum 0.9 with adam"),
        (
            {"training.optimizer": "sgd", "training.betas": (0.5, 0.9)},
            r"sgd has no betas; expected the default \(0.9, 0.999\), got \(0.5, 0.9\)",
        ),
        (
            {
                "task": "rendering",
                "training.epochs": 0,
                "training.point_loss": 0,
                "model": {"kind": "hand-built-renderer", "square": 5},
            },
            "paints squares 5 pixels wide",
        ),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed: expected a number, got True"),
        ({"training.epochs": True}, "training.epochs: expected a number, got True"),
        ({"training.weight_decay": False}, "training.weight_decay: expected a number, got False"),
        ({"training.betas": (False, 0.9)}, "training.betas: expected a number, got False"),
        ({"task": "rendring"}, "task"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_one_line(settings, said):
    with pytest.raises(InputError, match=said) as caught:
        with_settings(SPEC, settings)
    assert "\n" not in str(caught.value)


def test_a_setting_that_does_not_exist_suggests_the_nearest():
    with pytest.raises(InputError, match=r"did you mean training\.learning_rate\?"):
        with_settings(SPEC, {"training.lerning_rate": 1})


@pytest.mark.parametrize("path", ["seed.x", "model.widths.0", "nothing", ""])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(InputError, match="there is no setting"):
        with_settings(SPEC, {path: 1})


def test_a_spec_of_another_version_says_which_versions():
    fields = SPEC.model_dump(mode="json") | {"version": 99}
    with pytest.raises(
        InputError, match=r"here\.json: expected a spec of version 1, got version 99"
    ):
        parse_spec(fields, "here.json")


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        SPEC.seed = 4  # pyright: ignore[reportAttributeAccessIssue]


def test_deconv_requires_its_own_canvas():
    deconv = tuned("rendering", "uniform", "deconv")
    with pytest.raises(InputError, match="64 x 64 canvas; got 40 x 88"):
        with_settings(deconv, {"data.canvas": (40, 88)})


def test_a_data_spec_is_also_checked_by_itself():
    with pytest.raises(InputError, match="canvas"):
        parse_data_spec({"canvas": (0, 3)})


@pytest.mark.parametrize("task", ["classification", "regression", "rendering"])
def test_tuned_knows_both_models_of_every_task_and_no_other(task):
    for split in ("uniform", "quadrant"):
        coordconv, baseline = (tuned(task, split, model) for model in ("coordconv", "baseline"))
        assert isinstance(coordconv, ExperimentSpec)
        assert coordconv.model_name == "coordconv"
        assert baseline.model_name == ("conv" if task == "regression" else "deconv")
        assert tuned(task, split, baseline.model_name) == baseline
    with pytest.raises(InputError, match="has the models coordconv and"):
        tuned(task, "uniform", "conv" if task != "regression" else "deconv")
