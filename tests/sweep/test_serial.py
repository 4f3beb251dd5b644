"""Sequential sweeps: runs are not repeated, and nothing is lost."""

import errno
import os
from pathlib import Path

import pytest

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.results.remote import RemoteRunStore, store_at
from coordconv_lab.studies import Study
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.outcome import outcome
from coordconv_lab.sweep.plan import missing_specs, planned
from coordconv_lab.sweep.proposals import InTurns, Listed
from coordconv_lab.sweep.search import PROPOSALS
from coordconv_lab.sweep.serial import run_serially
from coordconv_lab.sweep.space import Space
from coordconv_lab.train import run
from tests.sweep.conftest import TINY, Listener, by_id, tiny_specs, tiny_sweep


def drained(source: InTurns | Listed) -> list[str]:
    found = []
    while (spec := source.next()) is not None:
        found.append(spec.id)
        source.tell(spec, 0.5)
    return found


def test_rows_take_turns_until_all_are_done():
    long, short = tiny_specs(3), tiny_specs(1, "quadrant")
    turns = drained(InTurns([Listed(long), Listed(short)]))
    assert turns == [long[0].id, short[0].id, long[1].id, long[2].id]


def test_a_duplicate_run_in_a_list_is_done_once():
    specs = tiny_specs(3)
    assert drained(Listed([*specs, specs[0]])) == [spec.id for spec in specs]


def test_a_sweep_does_only_missing_runs(store):
    sweep = tiny_sweep(2)
    first, *_ = sweep.study.specs
    run(first, store)
    before = (store.directory(first) / "record.json").stat().st_mtime_ns
    limited, rest, again = Listener(), Listener(), Listener()
    run_serially(sweep, store, limited, limit=1)
    assert limited.begun == [(1, 4, 1)]
    run_serially(sweep, store, rest)
    assert rest.begun == [(2, 4, 1)]
    run_serially(sweep, store, again)
    assert again.begun == [(0, 4, 1)]
    assert not again.attempts
    assert {first.id, *limited.attempts, *rest.attempts} == {s.id for s in sweep.study.specs}
    assert len(limited.attempts) + len(rest.attempts) == 3
    assert (store.directory(first) / "record.json").stat().st_mtime_ns == before


def test_an_extended_sweep_does_only_the_new_runs(store):
    run_serially(tiny_sweep(1), store, Listener())
    wider = Listener()
    run_serially(tiny_sweep(2), store, wider)
    assert len(wider.attempts) == 2


def test_only_scores_are_kept_by_default(store, tmp_path):
    sweep, whole = tiny_sweep(1), RunStore(tmp_path / "whole")
    run_serially(sweep, store, Listener())
    run_serially(sweep, whole, Listener(), scores_only=False)
    (spec, _) = sweep.study.specs
    names = {path.name for path in store.directory(spec).iterdir()}
    assert names == {"spec.json", "metrics.csv", "record.json"}
    assert (whole.directory(spec) / "weights.safetensors").exists()
    assert by_id(store, sweep.study.specs) == by_id(whole, sweep.study.specs)


def test_a_failing_run_is_recorded_and_the_sweep_continues(store, listener):
    good, other = tiny_specs(2)
    wild = with_settings(good, {"training.learning_rate": 1e30, "training.batch_size": 1})
    sweep = Sweep(Study("tiny", "Does it run?", {"all": [wild, good, other]}))
    run_serially(sweep, store, listener)
    assert "the loss became" in listener.attempts[wild.id].failure
    assert listener.attempts[other.id].record
    again = Listener()
    run_serially(sweep, store, again)
    assert not again.attempts
    (row,) = outcome(sweep, store)
    assert (len(row.records), len(row.failures), row.total) == (2, 1, 3)
    assert missing_specs(sweep, store) == ([], 3)


def test_a_full_disk_ends_the_sweep_in_one_line_and_loses_nothing(store, monkeypatch):
    sweep = tiny_sweep(2)
    run_serially(sweep, store, Listener(), limit=2)
    done = by_id(store, sweep.study.specs)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="No space left on device"):
            run_serially(sweep, store, Listener())
    assert by_id(store, sweep.study.specs) == done
    assert not list(store.root.glob("*/.*"))
    run_serially(sweep, store, Listener())
    assert None not in by_id(store, sweep.study.specs).values()


def test_a_damaged_file_affects_only_its_run(store, listener):
    first, second, third = specs = tiny_specs(3)
    record, checkpoint = store.open(first) / "record.json", store.open(second) / "checkpoint.ckpt"
    record.write_bytes(b"{")
    checkpoint.write_bytes(b"PK")
    sweep = Sweep(Study("tiny", "Does it run?", {"all": specs}))
    damaged = run_serially(sweep, store, listener)
    assert [str(record) in damaged[0], str(checkpoint) in damaged[1]] == [True, True]
    assert listener.begun == [(2, 3, 1)]
    assert listener.attempts[second.id].damage == damaged[1]
    assert listener.attempts[third.id].record
    assert (record.read_bytes(), checkpoint.read_bytes()) == (b"{", b"PK")
    noted: list[str] = []
    (row,) = outcome(sweep, store, noted)
    assert set(row.records) == {third.id}
    assert noted == damaged[:1]
    with pytest.raises(DamagedError, match=r"record\.json"):
        outcome(sweep, store)
    told: list[str] = []
    assert [spec.id for spec in missing_specs(sweep, store, told)[0]] == [second.id]
    assert told == damaged[:1]
    with pytest.raises(DamagedError, match=r"record\.json"):
        missing_specs(sweep, store)


def test_leftovers_of_finished_runs_are_deleted_by_the_next_sweep(store, listener):
    sweep = tiny_sweep(1)
    run_serially(sweep, store, listener)
    names = sorted(store.root.rglob("*"))
    directory = store.directory(sweep.study.specs[0])
    for name in ("checkpoint.ckpt", ".checkpoint.ckpt.12345678.unfinished", "run.lock"):
        (directory / name).write_bytes(b"left")
    run_serially(sweep, store, Listener())
    assert sorted(store.root.rglob("*")) == names


def test_runs_under_a_url_equal_those_in_a_directory(store, tmp_path):
    sweep, url = tiny_sweep(1), f"local://{tmp_path}/remote"
    remote, listener = store_at(url), Listener()
    assert isinstance(remote, RemoteRunStore)
    run_serially(sweep, remote, listener)
    assert len(listener.attempts) == 2
    run_serially(sweep, store, Listener())
    assert by_id(remote, sweep.study.specs) == by_id(store, sweep.study.specs)
    assert [r.spec for _, r in remote.records()] == [r.spec for _, r in store.records()]
    names = {path.name for path in (tmp_path / "remote").glob("*/*")}
    assert names == {"spec.json", "metrics.csv", "record.json"}
    assert not remote.root.exists()
    again = Listener()
    run_serially(sweep, remote, again)
    assert not again.attempts


def test_a_failure_under_a_url_is_read_back():
    store = store_at("memory://failures")
    (spec,) = tiny_specs(1)
    assert store.failure(spec) is None
    store.give_up(spec, "too small")
    store.stop(spec, {"epoch": 1.0, "score": 0.5})
    assert store.failure(spec) == "too small"
    assert store.stopped(spec) == {"epoch": 1.0, "score": 0.5}


@pytest.mark.parametrize(
    "url", ["nothing://here", "s3://bucket/path", "github://a", "reference://x", "dir://x"]
)
def test_an_unsupported_url_says_what_to_install(url):
    with pytest.raises(InputError, match=f"cannot open {url}"):
        store_at(url)


def test_a_damaged_file_under_a_url_is_named(tmp_path):
    store = store_at(f"local://{tmp_path}/damaged")
    (spec,) = tiny_specs(1)
    path = tmp_path / "damaged" / spec.run_name / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"version"')
    with pytest.raises(InputError, match=r"record\.json is not a complete JSON file"):
        store.record(spec)


def searching(trials: int) -> Sweep:
    rows = [{"task": "regression", "split": "uniform", "settings": {p: [v] for p, v in FIXED}}]
    rate = {"low": 1e-4, "high": 1e-1, "log": True}
    settings = {"training.learning_rate": rate, "model.head": ["max", "sum"]}
    fields = {"name": "mine", "search": "optuna", "trials": trials, "rows": rows}
    space = Space.model_validate({**fields, "settings": settings})
    return Sweep(Study(space.name, space.question, {}), space)


FIXED = [(path, list(value) if isinstance(value, tuple) else value) for path, value in TINY.items()]


def test_a_search_resumes(store):
    first, second = Listener(), Listener()
    run_serially(searching(4), store, first, limit=3)
    assert first.begun == [(3, 4, 1)]
    proposed = store.read_beside(PROPOSALS)
    run_serially(searching(6), store, second)
    assert second.begun == [(3, 6, 1)]
    (name,) = proposed
    assert store.read_beside(PROPOSALS)[name][:3] == proposed[name]
    assert not {*first.attempts} & {*second.attempts}
    (row,) = outcome(searching(6), store)
    assert len(row.records) == row.total == 6


def test_unfinished_proposals_are_done_first(store):
    run_serially(searching(3), store, Listener(), limit=2)
    (name, proposed) = next(iter(store.read_beside(PROPOSALS).items()))
    (row,) = outcome(searching(3), store)
    lost = row.specs[0]
    (store.directory(lost) / "record.json").unlink()
    again = Listener()
    run_serially(searching(3), store, again, limit=1)
    assert list(again.attempts) == [lost.id]
    assert sorted(map(str, store.read_beside(PROPOSALS)[name])) == sorted(map(str, proposed))


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    ("before", "after"), [([0.0, 1], [0, 1.0]), ([0.0, 2], [2.0, 1, 0]), ([1], [1.0, 3])]
)
def test_a_search_resumes_if_values_are_written_differently(before, after, done, store):
    def sweep(values: list[float]) -> Sweep:
        settings = {p: [v] for p, v in FIXED} | {"training.weight_decay": values}
        rows = [{"task": "regression", "split": "uniform", "settings": settings}]
        fields = {"name": "edited", "search": "optuna", "trials": len(values), "rows": rows}
        space = Space.model_validate(fields)
        return Sweep(Study(space.name, space.question, {}), space)

    if done:
        run_serially(sweep(before), store, Listener())
    else:
        with planned(sweep(before), store) as plan:
            for _ in before:
                assert plan.in_turns().next() is not None
    listener = Listener()
    assert run_serially(sweep(after), store, listener) == []
    assert len(listener.attempts) == len(after) - len(before) * done
    (row,) = outcome(sweep(after), store)
    assert len({spec.id for spec in row.specs}) == row.total == len(after) == len(row.records)


def test_a_search_is_locked_against_other_processes(store):
    with (
        planned(searching(2), store),
        pytest.raises(InputError, match="is locked by another process"),
        planned(searching(2), store),
    ):
        pass


def test_a_search_ends_if_the_space_is_exhausted(store, listener: Listener):
    rows = [{"task": "regression", "split": "uniform", "settings": {p: [v] for p, v in FIXED}}]
    fields = {"name": "two", "search": "optuna", "trials": 5, "rows": rows}
    space = Space.model_validate({**fields, "settings": {"model.head": ["max", "sum"]}})
    sweep = Sweep(Study("two", "?", {}), space)
    run_serially(sweep, store, listener)
    assert listener.begun == [(2, 2, 1)]
    assert len(listener.attempts) == 2
    assert outcome(sweep, store)[0].total == 2
    assert missing_specs(sweep, store) == ([], 2)


def test_an_unwritable_directory_is_named(tmp_path: Path, listener):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run_serially(tiny_sweep(1), RunStore(tmp_path / "file" / "runs"), listener)


def test_a_directory_under_a_file_url_is_a_directory(tmp_path):
    assert type(store_at(f"file://{tmp_path}/with space")) is RunStore
    assert store_at(f"file://{tmp_path}/with space").root == tmp_path / "with space"


def test_a_locked_run_does_not_count_towards_the_limit(store, listener):
    sweep = tiny_sweep(2)
    first, second, *_ = sweep.study.specs
    with store.held(first):
        run_serially(sweep, store, listener, limit=1)
        with pytest.raises(LockedError, match="is locked by another process"):
            run(first, store)
    assert listener.attempts[first.id].held_elsewhere
    assert listener.attempts[second.id].record
    assert len(listener.attempts) == 2


def test_a_network_too_large_for_its_canvas_fails_and_the_sweep_continues(store, listener):
    good = tiny_specs(1)[0]
    no_room = with_settings(good, {"model.kernel": 31, "model.padding": "reflect"})
    sweep = Sweep(Study("tiny", "Does it run?", {"all": [no_room, good]}))
    run_serially(sweep, store, listener)
    assert "cannot be used on a canvas of height 14" in listener.attempts[no_room.id].failure
    assert listener.attempts[good.id].record


def test_the_record_of_another_run_is_refused(store):
    one, other = tiny_specs(2)
    run(one, store)
    store.open(other)
    record = (store.directory(one) / "record.json").read_bytes()
    (store.directory(other) / "record.json").write_bytes(record)
    with pytest.raises(InputError, match="does not match the name of its directory"):
        store.record(other)


def edited(trials: int, **settings: object) -> Sweep:
    """Return the search of `searching` with an edited file."""
    space = searching(trials).space
    assert space is not None
    changed = Space.model_validate({**space.model_dump(), "trials": trials, "settings": settings})
    return Sweep(Study(space.name, space.question, {}), changed)


@pytest.mark.slow("training")
@pytest.mark.parametrize(
    "settings",
    [
        {"training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}},
        {"training.learning_rate": {"low": 5e-2, "high": 1e-1}, "model.head": ["max"]},
        {"training.learning_rate": [0.5], "model.head": ["max", "sum"]},
        {"training.batch_size": [4, 8], "model.head": ["max", "sum"]},
    ],
)
def test_a_search_in_an_edited_space_resumes_with_matching_proposals(store, settings):
    run_serially(searching(3), store, Listener())
    (name, before) = next(iter(store.read_beside(PROPOSALS).items()))
    run_serially(edited(2, **settings), store, Listener())
    # Proposals are kept, so that the original space finds its runs again.
    assert store.read_beside(PROPOSALS)[name][:3] == before
    again = Listener()
    run_serially(searching(3), store, again)
    assert not again.attempts


def test_a_search_of_fewer_rows_keeps_the_proposals_of_the_others(store):
    other = {"regression, quadrant, conv": [{"training.learning_rate": 0.5}]}
    store.write_beside(PROPOSALS, other)
    run_serially(searching(1), store, Listener())
    assert store.read_beside(PROPOSALS).items() >= other.items()


def test_a_search_with_fewer_trials_than_done_has_nothing_left(store, listener):
    run_serially(searching(3), store, Listener())
    run_serially(searching(2), store, listener)
    assert listener.begun == [(0, 2, 1)]


def test_an_invalid_value_stops_a_search_before_its_first_run(store, listener):
    with pytest.raises(InputError, match="greater than 0; got -1"):
        run_serially(edited(4, **{"training.learning_rate": [0.1, -1]}), store, listener)
    assert not listener.attempts


def test_an_early_stopped_run_of_a_search_counts_as_done_with_stops_count(store):
    with planned(searching(2), store) as plan:
        specs = [plan.in_turns().next() for _ in range(2)]
    for spec in specs:
        store.stop(spec, {"epoch": 1.0, "score": 0.5})
    with planned(searching(2), store, stops_count=True) as plan:
        assert (plan.left, plan.in_turns().next()) == (0, None)
    with planned(searching(2), store) as plan:
        assert plan.left == 2
        assert plan.in_turns().next() == specs[0]


@pytest.mark.parametrize("content", [{"row": 5}, {"row": None}, {"row": [1]}])
def test_damaged_proposals_are_named(store, content):
    store.write_beside(PROPOSALS, content)
    with pytest.raises(
        InputError, match=r"proposals\.json in the directory of runs does not have a list"
    ):
        outcome(searching(2), store)


def test_a_setting_counts_as_solved_if_all_of_its_seeds_solve_the_task(store):
    good = tiny_specs(1)[0]
    seeds = [with_settings(good, {"seed": seed}) for seed in range(2)]
    run_serially(Sweep(Study("tiny", "?", {"row": seeds})), store, Listener())
    (row,) = outcome(Sweep(Study("tiny", "?", {"row": seeds})), store)
    assert row.tried.n == 1
    solved = [record.test_score == 1 for record in row.records.values()]
    assert row.tried.solved == all(solved)


def test_a_setting_is_not_counted_before_all_of_its_seeds_have_ended(store):
    good = tiny_specs(1)[0]
    seeds = [with_settings(good, {"seed": seed}) for seed in range(2)]
    run_serially(Sweep(Study("tiny", "?", {"row": seeds[:1]})), store, Listener())
    (row,) = outcome(Sweep(Study("tiny", "?", {"row": seeds})), store)
    assert (len(row.records), row.tried) == (1, (0, 0))
