"""An id names what is not at its default, so that one setting more loses no run of today."""

from typing import Literal

from coordconv_lab.recipes import tuned
from coordconv_lab.specs import ExperimentSpec, TrainingSpec


class LaterTraining(TrainingSpec):
    momentum: float = 0.0
    averaging: Literal["none", "swa"] = "none"


class LaterExperiment(ExperimentSpec):
    training: LaterTraining
    notes: str = ""


def test_a_setting_that_a_later_release_adds_leaves_old_ids_alone():
    spec = tuned("rendering", "quadrant", "coordconv", seed=3)
    later = LaterExperiment.model_validate(spec.model_dump())
    assert later.id == spec.id
    changed = spec.model_dump()
    changed["training"]["momentum"] = 0.9
    assert LaterExperiment.model_validate(changed).id != spec.id


def test_nets_of_different_kinds_with_all_settings_at_their_defaults_have_different_ids():
    spec = tuned("classification", "uniform", "coordconv")
    fields = spec.model_dump()
    fields["model"] = {"kind": "deconv"}
    assert ExperimentSpec.model_validate(fields).id != spec.id
