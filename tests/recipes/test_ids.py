"""An id names what is not at its default, so that one setting more loses no run of today."""

from pathlib import Path
from typing import Literal

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import SquaresTrainingSpec
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec


class LaterTraining(SquaresTrainingSpec):
    smoothing: float = 0.0
    averaging: Literal["none", "swa"] = "none"


class LaterExperiment(ExperimentSpec):
    training: LaterTraining
    notes: str = ""


def test_a_setting_that_a_later_release_adds_does_not_change_old_ids():
    spec = tuned("rendering", "quadrant", "coordconv", seed=3)
    later = LaterExperiment.model_validate(spec.model_dump())
    assert later.id == spec.id
    changed = spec.model_dump()
    changed["training"]["smoothing"] = 0.9
    assert LaterExperiment.model_validate(changed).id != spec.id


def test_nets_of_different_kinds_with_all_settings_at_their_defaults_have_different_ids():
    spec = tuned("classification", "uniform", "coordconv")
    fields = spec.model_dump()
    fields["model"] = {"kind": "deconv"}
    assert ExperimentSpec.model_validate(fields).id != spec.id


def test_every_committed_record_is_in_the_directory_of_its_spec():
    """A default that changes, or an id that is made otherwise, would lose them."""
    results = Path(__file__).parents[2] / "results"
    found = [
        (directory.name, record.spec.run_name)
        for study in results.glob("*/")
        for directory, record in RunStore(study).records()
    ]
    assert len(found) > 100
    assert [name for name, _ in found] == [wanted for _, wanted in found]
