"""Stores of runs: unusable files are named and not overwritten."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.registry import registry
from coordconv_lab.results import Provenance, Record, RunStore
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import read_json, write_atomically, write_json
from coordconv_lab.train.checkpoint import Checkpoint

SPEC = tuned("classification", "uniform", "coordconv")


def make_record(spec=SPEC, **changes) -> Record:
    provenance = Provenance(
        versions={"torch": "2.13.0"},
        machine="Linux",
        processor="a processor",
        threads=2,
        precision="float32",
        seed=0,
        commit="unknown",
        finished="2026-01-01T00:00:00+00:00",
    )
    names = [score.name for score in registry().task(spec.task).scores if score.required]
    fields = {
        "spec": spec,
        "scores": {"train": dict.fromkeys(names, 1.0), "test": dict.fromkeys(names, 0.75)},
        "parameters": 7553,
        "steps": 628,
        "epochs": 2,
        "seconds": 12.344,
        "weights_sha256": "0" * 64,
        "provenance": provenance,
    }
    return Record(**fields | changes)


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path)


@pytest.fixture
def record_file(store):
    path = store.open(SPEC) / "record.json"
    write_json(path, make_record().model_dump(mode="json"))
    return path


def test_a_record_reads_back_as_it_was_written(store, record_file):
    assert store.record(SPEC) == make_record()
    assert [record for _, record in store.records()] == [make_record()]


def test_a_run_without_a_record_is_not_done(store):
    store.open(SPEC)
    assert store.record(SPEC) is None
    assert list(store.records()) == []


@pytest.mark.parametrize("keep", [0, 1, 100, -2])
def test_a_truncated_record_is_named_and_not_changed(store, record_file, keep):
    cut = record_file.read_bytes()[:keep]
    record_file.write_bytes(cut)
    with pytest.raises(InputError, match=r"record\.json is not a complete JSON file"):
        store.record(SPEC)
    assert record_file.read_bytes() == cut


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda record: record.update(version=9), "record of version 1, got version 9"),
        (lambda record: record["spec"].update(version=7), "spec of version 1, got version 7"),
        (lambda record: record.pop("seconds"), "seconds: Field required"),
        (lambda record: record.update(weights_sha256="x"), "weights_sha256"),
        (lambda record: record.update(surprise=1), "surprise"),
        (lambda record: record.pop("spec"), "spec of version 1, got version None"),
    ],
)
def test_a_record_of_another_version_or_schema_is_refused(record_file, damage, said):
    fields = read_json(record_file)
    damage(fields)
    with pytest.raises(InputError, match=said):
        Record.parse(fields, "record.json")


@pytest.mark.parametrize("task", ["classification", "regression", "rendering"])
def test_a_record_has_every_score_of_its_task(task):
    fields = make_record(tuned(task, "uniform", "coordconv")).model_dump(mode="json")
    Record.parse(fields, "record.json")
    for name in list(fields["scores"]["test"]):
        kept = {side: dict(scores) for side, scores in fields["scores"].items()}
        for scores in kept.values():
            del scores[name]
        with pytest.raises(DamagedError, match=rf"record\.json has no train score '{name}'"):
            Record.parse(fields | {"scores": kept}, "record.json")


def test_a_record_may_be_older_than_the_scores_of_probabilities():
    fields = make_record(tuned("rendering", "uniform", "coordconv")).model_dump(mode="json")
    for scores in fields["scores"].values():
        assert "soft_iou" not in scores
    Record.parse(fields, "record.json")
    for scores in fields["scores"].values():
        scores |= {"soft_iou": 0.98, "mean_absolute_error": 0.001}
    Record.parse(fields, "record.json")
    for name, value in (("soft_iou", 1.5), ("mean_absolute_error", float("nan"))):
        wrong = fields["scores"]["test"] | {name: value}
        scores = fields["scores"] | {"test": wrong}
        with pytest.raises(DamagedError, match=rf"test score '{name}' that is not in \[0, 1\]"):
            Record.parse(fields | {"scores": scores}, "record.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seconds": 0}, "trained for 0.0 seconds"),
        ({"seconds": 1e-300}, "trained for 1e-300 seconds"),
        ({"seconds": 1e308}, "seconds: Input should be less than"),
        ({"parameters": 0}, "a trained network without parameters"),
        ({"accuracy": float("nan")}, r"'accuracy' that is not in \[0, 1\]: nan"),
        ({"accuracy": 1e308}, r"'accuracy' that is not in \[0, 1\]: 1e\+308"),
        ({"coordinate_accuracy": -0.5}, r"'coordinate_accuracy' that is not in \[0, 1\]: -0.5"),
        ({"mean_distance": -1.0}, "'mean_distance' below 0: -1"),
    ],
)
def test_impossible_values_of_a_record_are_refused(changes, said):
    fields = make_record(tuned("regression", "uniform", "coordconv")).model_dump(mode="json")
    scores = fields["scores"]["test"]
    (fields if changes.keys() <= fields.keys() else scores).update(changes)
    with pytest.raises(DamagedError, match=rf"record\.json.*{said}"):
        Record.parse(fields, "record.json")


def test_an_infinite_distance_is_valid():
    fields = make_record(tuned("regression", "uniform", "coordconv")).model_dump(mode="json")
    fields["scores"]["test"] |= {"mean_distance": float("nan"), "worst_distance": float("inf")}
    Record.parse(fields, "record.json")


def test_a_spec_of_another_version_stops_the_run_before_it_starts(store):
    path = store.open(SPEC) / "spec.json"
    write_json(path, SPEC.model_dump(mode="json") | {"version": 2})
    with pytest.raises(InputError, match=r"spec\.json: expected a spec of version 1"):
        store.open(SPEC)


def test_a_directory_with_another_spec_is_refused(store):
    path = store.open(SPEC) / "spec.json"
    write_json(path, SPEC.model_copy(update={"seed": 5}).model_dump(mode="json"))
    with pytest.raises(InputError, match="does not match the name of its directory"):
        store.open(SPEC)


def test_a_spec_in_the_wrong_directory_is_named_and_others_are_read(store):
    other = SPEC.model_copy(update={"seed": 5})
    store.open(other)
    path = store.open(SPEC) / "spec.json"
    write_json(path, SPEC.model_copy(update={"seed": 1}).model_dump(mode="json"))
    damaged: list[str] = []
    assert list(store.specs(damaged)) == [other]
    assert [str(path) in words for words in damaged] == [True]
    with pytest.raises(DamagedError, match="does not match the name of its directory"):
        list(store.specs())


@pytest.mark.parametrize("name", ["{}-copy", "copy-of-{}", "zzz-{}"])
def test_a_copied_run_is_named_and_not_counted(name, store, record_file):
    shutil.copytree(record_file.parent, store.root / name.format(record_file.parent.name))
    for read in (store.records, store.specs):
        damaged: list[str] = []
        assert len(list(read(damaged))) == 1
        assert [record_file.parent.name in words for words in damaged] == [True]
        with pytest.raises(DamagedError):
            list(read())


def test_a_record_in_the_wrong_directory_is_named_and_not_counted(store, record_file):
    other = SPEC.model_copy(update={"seed": 1})
    path = store.open(other) / "record.json"
    shutil.copy(record_file, path)
    damaged: list[str] = []
    assert [record.spec for _, record in store.records(damaged)] == [SPEC]
    assert damaged == [f"{path} does not match the name of its directory; move it elsewhere"]


def test_all_committed_records_are_in_the_right_directories():
    results = Path(__file__).parents[2] / "results"
    for study in results.glob("*/"):
        found = [path.name for path, _ in RunStore(study).records()]
        lines = study / "records.jsonl"
        packed = [json.loads(line)["run"] for line in lines.open()] if lines.exists() else []
        assert found == sorted(
            {*packed, *(path.parent.name for path in study.glob("*/record.json"))}
        )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_leftovers_in_an_unwritable_directory_are_kept(number, store, record_file, monkeypatch):
    left = [record_file.with_name(name) for name in ("run.lock", "checkpoint.ckpt")]
    for path in left:
        path.touch()

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    store.tidy(SPEC)
    Checkpoint(record_file.parent, [SPEC], 0).delete()
    with store.held(SPEC) as is_held:
        assert is_held
    assert all(path.exists() for path in left)


def test_a_finished_run_is_read_without_a_lock_and_any_other_run_is_locked(store, record_file):
    with store.record_or_lock(SPEC) as record:
        assert record == make_record()
        assert not (record_file.parent / "run.lock").exists()
    other = tuned("classification", "uniform", "coordconv", seed=1)
    with store.record_or_lock(other) as record, store.held(other) as is_ours:
        assert (record, is_ours) == (None, False)
    with (
        store.held(other),
        pytest.raises(LockedError, match="is locked by another process"),
        store.record_or_lock(other),
    ):
        pass


def test_a_file_that_does_not_match_its_record_is_named(tmp_path):
    record = make_record(files_sha256={"metrics.csv": sha256(b"1")})
    for name, content in {"metrics.csv": b"2", "somebodys.csv": b"2"}.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(
        DamagedError, match=r"metrics\.csv is not the file that the record describes"
    ):
        record.check_file(tmp_path / "metrics.csv")
    record.check_file(tmp_path / "somebodys.csv")
    (tmp_path / "metrics.csv").write_bytes(b"1")
    record.check_file(tmp_path / "metrics.csv")


def test_a_record_from_before_digests_is_read(store, record_file):
    fields = read_json(record_file)
    del fields["files_sha256"]
    write_json(record_file, fields)
    assert store.record(SPEC) == make_record()


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_one(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_cannot_be_created_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="choose another directory"):
        RunStore(tmp_path / "file").open(SPEC)


def test_json_that_is_not_an_object_is_refused(tmp_path):
    path = tmp_path / "list.json"
    path.write_text(json.dumps([1, 2]))
    with pytest.raises(InputError, match="expected a JSON object, got list"):
        read_json(path)
