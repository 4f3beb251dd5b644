"""Studies are fair and whole: arms differ in what they name, and every run is trained once."""

import re

import pytest

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies import STUDIES
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.run_study import run_study
from coordconv_lab.studies import Study, known_studies, study_named
from coordconv_lab.train import run
from tests.claims.virtual import RESULTS


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_its_own_name_and_arms_that_differ(name):
    study = study_named(name)
    assert study.name == name
    assert study.question.endswith("?")
    ids = [spec.id for specs in study.arms.values() for spec in specs]
    assert len(set(ids)) == len(ids)
    assert sorted(ids) == sorted(spec.id for spec in study.specs)


@pytest.mark.parametrize("name", sorted(set(STUDIES) - {"search", "tuning", "tuning-around"}))
def test_the_runs_of_an_arm_only_differ_in_their_seed(name):
    for specs in study_named(name).arms.values():
        assert len({spec.model_copy(update={"seed": 0}).id for spec in specs}) == 1


def test_a_search_uses_the_same_optimizers_for_both_networks_of_a_task():
    arms = study_named("search").arms
    for arm, specs in arms.items():
        task, split, model = arm.split(", ")
        if model != "coordconv":
            others = arms[f"{task}, {split}, coordconv"]
            for ours, theirs in zip(others, specs, strict=True):
                same = {"learning_rate", "weight_decay", "optimizer", "betas", "schedule"}
                assert ours.training.model_dump(include=same) == theirs.training.model_dump(
                    include=same
                )


def test_the_aided_deconv_network_is_the_deconv_classifier_with_our_painter():
    arms = study_named("crisp").arms
    for split in ("uniform", "quadrant"):
        finder = tuned("classification", split, "deconv").model_dump(mode="json")
        ours, aided = (
            arms[f"{split}, {name}"][0].model_dump(mode="json")
            for name in ("coordconv", "deconv with the same aids")
        )
        for name, value in ours["model"].items():
            assert not name.startswith("painter") or aided["model"][name] == value
        for name, value in finder["model"].items():
            assert name == "kind" or aided["model"][name] == value
        aids = {"point_loss": ours["training"]["point_loss"]}
        assert aided["training"] == finder["training"] | aids
        assert aided["data"] == finder["data"] == ours["data"]


def test_if_arms_take_turns_the_first_run_of_every_arm_comes_first():
    study = study_named("tiling")
    assert [spec.seed for spec in study.specs] == [0, 0, 1, 1, 2, 2]
    assert [spec.seed for spec in study._replace(arm_by_arm=True).specs] == [0, 1, 2, 0, 1, 2]


def test_a_run_that_diverges_is_recorded_and_the_study_continues(tmp_path, capsys):
    tiny = {"data.canvas": (14, 18), "data.square": 5, "training.batch_size": 1}
    spec = with_settings(tuned("regression", "uniform", "coordconv"), tiny)
    wild = with_settings(spec, {"training.learning_rate": 1e30})
    study = Study("wild", "Does it diverge?", {"wild": [wild], "tame": [spec]})
    run_study(study, tmp_path)
    store = RunStore(tmp_path / "wild")
    assert "the loss became" in store.failure(wild)
    assert store.record(wild) is None
    assert store.record(spec) is not None
    before = (store.directory(wild) / "failure.json").stat().st_mtime_ns
    run_study(study, tmp_path)
    assert (store.directory(wild) / "failure.json").stat().st_mtime_ns == before


def test_the_arms_of_a_study_can_be_chosen_by_a_part_of_their_name():
    study = study_named("tutorial")
    assert set(study.only("regression, quadrant").arms) == {
        "regression, quadrant, coordconv",
        "regression, quadrant, conv",
    }
    with pytest.raises(InputError, match="no arm of the study tutorial has 'regresion'"):
        study.only("regresion")


def test_an_unknown_study_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean tiling"):
        study_named("tilling")


def test_a_study_trains_missing_runs_except_those_locked_by_another_process(tmp_path, capsys):
    whole = study_named("hand-built")
    arms = {name: specs for name, specs in whole.arms.items() if "40 x 88" in name}
    study = Study("small", "Does it run?", arms)
    store = RunStore(tmp_path / "small")
    first, second, third = study.specs
    run(first, store)
    before = store.record(first)
    with store.held(second) as is_ours:
        assert is_ours
        run_study(study, tmp_path)
    assert store.record(first) == before
    assert store.record(second) is None
    assert store.record(third) is not None
    assert "0 of 1" in capsys.readouterr().out
    run_study(study, tmp_path)
    assert store.record(second) is not None


def test_a_damaged_file_affects_only_its_run_in_a_study(tmp_path, capsys):
    whole = study_named("hand-built")
    arms = {name: specs for name, specs in whole.arms.items() if "40 x 88" in name}
    study, store = Study("small", "Does it run?", arms), RunStore(tmp_path / "small")
    first, second, third = study.specs
    path = store.open(second) / "record.json"
    path.write_bytes(b"{")
    with pytest.raises(DamagedError, match=re.escape(str(path))):
        run_study(study, tmp_path)
    assert store.record(first)
    assert store.record(third)
    assert path.read_bytes() == b"{"
    assert "Does it run?" in capsys.readouterr().out


def test_every_recorded_run_of_a_study_belongs_to_an_arm():
    """Runs whose settings were replaced are apart, in results/superseded."""
    for directory in sorted(RESULTS.glob("*/")):
        if directory.name in known_studies():
            wanted = {spec.id for spec in study_named(directory.name).specs}
            strays = [
                path.name
                for path, record in RunStore(directory).records()
                if record.spec.id not in wanted
            ]
            assert strays == []
        else:
            assert directory.name in {"superseded", "tuned"}
