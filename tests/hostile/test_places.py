"""Names in files and on the command line never lead out of the directory of runs."""

import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from coordconv_lab.claims.ledger import ledger
from coordconv_lab.cli import main
from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.report import write_report
from coordconv_lab.report.material import gather
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import parse_spec
from coordconv_lab.sweep.space_file import read_space
from coordconv_lab.train import run
from coordconv_lab.train.checkpoint import Checkpoint
from tests.committed import OF_A_RUN, copy_runs
from tests.report.conftest import add_run, record, store
from tests.train.conftest import tiny

__all__ = ["add_run", "store", "tiny"]

OUTSIDE = (
    "../../precious",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "..\\..\\precious",
    "C:\\precious",
    "\\\\machine\\share",
    "precious\0.json",
    "%2e%2e%2fprecious",
    "con",
    "~",
    "a\nb",
    "\u2025/\u2025",
)
SPEC = tuned("regression", "quadrant", "coordconv")
names = pytest.mark.parametrize("name", OUTSIDE)


@names
@pytest.mark.parametrize(
    "path", ["task", "seed", "version", "model.kind", "data.split", "data.split_variant"]
)
def test_names_of_runs_are_never_paths(name, path):
    fields = json.loads(SPEC.model_dump_json())
    *parents, last = path.split(".")
    (fields[parents[0]] if parents else fields)[last] = name
    with pytest.raises(InputError, match=r"here\.json: "):
        parse_spec(fields, "here.json")
    if path != "version":
        with pytest.raises(InputError):
            with_settings(SPEC, {path: name})
    kept = json.loads(record(SPEC, 1, 1, 1).model_dump_json()) | {"spec": fields}
    with pytest.raises(InputError, match=r"here\.json: "):
        Record.parse(kept, "here.json")


def test_every_run_is_directly_in_the_directory_of_runs(tmp_path):
    for seed in (0, 1, 2**32 - 1):
        spec = SPEC.model_copy(update={"seed": seed})
        path = RunStore(tmp_path).directory(spec)
        assert path.parent == tmp_path
        assert path.resolve().parent == tmp_path.resolve()
        assert not set(path.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@names
def test_a_sweep_cannot_be_named_like_a_path(name, tmp_path):
    if name == "con":
        pytest.skip("a plain word")
    path = tmp_path / "space.toml"
    path.write_text(f"name = {json.dumps(name)}\nrows = [{{ task = 'regression' }}]\n")
    with pytest.raises(InputError, match=r"space\.toml: name|not valid TOML"):
        read_space(path)
    path = tmp_path / "space.yaml"
    path.write_text(json.dumps({"name": name, "rows": [{"task": "regression"}]}))
    with pytest.raises(InputError, match=r"space\.yaml: name"):
        read_space(path)


@names
def test_paths_are_not_accepted_as_names_of_studies_and_sweeps(name, tmp_path, capsys):
    inside = tmp_path / "here"
    inside.mkdir()
    (tmp_path / "precious").write_text("secret")
    before = os.getcwd()
    os.chdir(inside)
    try:
        for line in (["study", name], ["sweep", name], ["sweep", "show", name]):
            assert main(line) == 2
    finally:
        os.chdir(before)
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err
    assert not list(inside.iterdir())


def test_a_run_that_is_a_link_is_not_deleted(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    store = RunStore(tmp_path / "runs")
    store.root.mkdir()
    store.directory(SPEC).symlink_to(precious, target_is_directory=True)
    with pytest.raises(InputError, match="cannot delete"):
        store.delete(SPEC)
    assert [path.name for path in precious.iterdir()] == ["file"]


@pytest.mark.parametrize("other", ["link", "locked"])
def test_runs_are_deleted_together_or_not_at_all(tmp_path, other):
    store = RunStore(tmp_path / "runs")
    again = with_settings(SPEC, {"seed": SPEC.seed + 1})
    store.open(SPEC)
    with ExitStack() as held:
        if other == "link":
            store.directory(again).symlink_to(tmp_path, target_is_directory=True)
        else:
            held.enter_context(RunStore(store.root).held(again))
        with pytest.raises(InputError, match=r"link|locked"):
            store.delete(SPEC, again)
        assert (store.directory(SPEC) / "spec.json").exists()
    if other == "link":
        store.directory(again).unlink()
    store.delete(SPEC, again)
    assert not list(store.root.iterdir())


def test_a_run_that_is_a_link_does_not_affect_its_target(tiny, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    for name in ("metrics.csv", "run.lock", "checkpoint.ckpt"):
        (precious / name).write_text("kept")
    before = {path: path.read_bytes() for path in precious.iterdir()}
    store = RunStore(tmp_path / "runs")
    store.root.mkdir()
    store.directory(tiny).symlink_to(precious, target_is_directory=True)
    with pytest.raises(InputError, match="is a link"):
        run(tiny, store)
    store.tidy(tiny)
    Checkpoint(store.directory(tiny), [tiny], 0).delete()
    assert {path: path.read_bytes() for path in precious.iterdir()} == before


def test_the_directory_of_runs_can_be_a_link(tiny, tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "large disk", target_is_directory=True)
    assert run(tiny, RunStore(tmp_path / "runs"), scores_only=True).spec == tiny


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero"])
def test_a_checkpoint_that_is_not_a_regular_file_is_refused(kind, tiny, tmp_path):
    """Reading a pipe would block forever, and a device would fill the memory."""
    store = RunStore(tmp_path)
    checkpoint = store.open(tiny) / "checkpoint.ckpt"
    if kind == "fifo":
        os.mkfifo(checkpoint)
    else:
        checkpoint.symlink_to(kind)
    with pytest.raises(DamagedError, match=r"checkpoint\.ckpt is damaged .*; delete it"):
        run(tiny, store)


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "directory", "loop", "sparse"])
@pytest.mark.parametrize("name", ["record.json", "spec.json", "failure.json", "stopped.json"])
def test_only_regular_files_of_limited_size_are_read(kind, name, tmp_path):
    """A pipe would block forever, and a device or a sparse file would fill the memory."""
    store = RunStore(tmp_path)
    path = store.directory(SPEC) / name
    path.parent.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "sparse":
        path.touch()
        os.truncate(path, 10**12)
    else:
        path.symlink_to(kind)
    readers = {
        "record.json": lambda: (store.record(SPEC), list(store.records())),
        "spec.json": lambda: (list(store.specs()), store.open(SPEC)),
        "failure.json": lambda: store.failure(SPEC),
        "stopped.json": lambda: store.stopped(SPEC),
    }
    if kind == "loop":  # a link to itself counts as missing
        readers[name]()
        return
    with pytest.raises(InputError, match=r"it is not a regular file|at most 32,000,000"):
        readers[name]()


@pytest.mark.parametrize("kind", ["fifo", "sparse"])
@pytest.mark.parametrize("name", ["weights.safetensors", "space.yaml"])
def test_other_readers_do_not_block_either(kind, name, tmp_path):
    from coordconv_lab.results.files import write_json
    from coordconv_lab.trained import trained_net

    store = RunStore(tmp_path)
    path = store.open(SPEC) / name
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
        os.truncate(path, 10**12)
    if name == "weights.safetensors":
        kept = record(SPEC, 1, 1, 1).model_dump(mode="json")
        write_json(path.with_name("record.json"), kept)
        with pytest.raises(InputError, match=r"no weights\.safetensors|bytes; at most"):
            trained_net(path.parent)
    else:
        with pytest.raises(InputError, match=r"cannot read .*space\.yaml"):
            read_space(path)


def test_an_inaccessible_directory_is_named(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    path = store.open(SPEC)

    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(InputError, match=f"cannot read {path}.*Permission denied"):
        store.files("record.json")


def closed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a directory inaccessible, even for root."""
    place.mkdir(parents=True, exist_ok=True)
    usual = Path.exists

    def exists(self: Path) -> bool:
        if place in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return usual(self)

    monkeypatch.setattr(Path, "exists", exists)
    return place


def test_an_inaccessible_directory_does_not_prevent_the_report(
    store, add_run, tmp_path, monkeypatch
):
    add_run()
    place = closed(store.root / "lost+found", monkeypatch)
    found = gather(store)
    assert len(found.runs) == 1
    assert found.damaged == [f"cannot read {place}: Permission denied"]
    assert write_report(store, tmp_path / "page.html").exists()


@pytest.mark.parametrize("name", ["lost+found", "hand-built", "tiling/a-run"])
def test_an_inaccessible_directory_does_not_prevent_the_claims(name, tmp_path, monkeypatch):
    copy_runs(tmp_path, "hand-built", "tiling", "radius", names=OF_A_RUN)
    if name == "tiling/a-run":
        name = min((tmp_path / "tiling").iterdir()).relative_to(tmp_path).as_posix()
    usual = {entry.claim.id: entry.finding for entry in ledger(tmp_path)}
    place = closed(tmp_path / name, monkeypatch)
    damaged: list[str] = []
    found = {entry.claim.id: entry.finding for entry in ledger(tmp_path, damaged)}
    assert len(damaged) == 1
    assert damaged[0].startswith(f"cannot read {place}")
    hurt = {"lost+found": None, "hand-built": "hand-built"}.get(name, "tiling-fails")
    assert {each for each in usual if found[each] != usual[each]} == ({hurt} - {None})


def test_an_inaccessible_run_does_not_stop_a_sweep(tmp_path, monkeypatch):
    store, other = RunStore(tmp_path), SPEC.model_copy(update={"seed": 1})
    for spec in (SPEC, other):
        store.open(spec)
    closed(store.directory(SPEC), monkeypatch)
    damaged: list[str] = []
    assert list(usable([SPEC, other], store.record, damaged)) == [None]
    assert len(damaged) == 1
