"""No name in a file leads out of the directory of runs, and none from the command line."""

import json
import os
from pathlib import Path

import pytest

from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.recipes import tuned, with_settings
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import parse_spec
from coordconv_lab.sweep.space_file import read_space
from tests.report.conftest import record

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
def test_what_names_a_run_is_never_a_path(name, path):
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


def test_every_run_lies_just_below_its_directory(tmp_path):
    for seed in (0, 1, 2**32 - 1):
        spec = SPEC.model_copy(update={"seed": seed})
        path = RunStore(tmp_path).directory(spec)
        assert path.parent == tmp_path
        assert path.resolve().parent == tmp_path.resolve()
        assert not set(path.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@names
def test_a_sweep_has_no_such_name(name, tmp_path):
    if name == "con":
        pytest.skip("a plain word")
    path = tmp_path / "space.toml"
    path.write_text(f"name = {json.dumps(name)}\nrows = [{{ task = 'regression' }}]\n")
    with pytest.raises(InputError, match=r"space\.toml: name|no valid TOML"):
        read_space(path)
    path = tmp_path / "space.yaml"
    path.write_text(json.dumps({"name": name, "rows": [{"task": "regression"}]}))
    with pytest.raises(InputError, match=r"space\.yaml: name"):
        read_space(path)


@names
def test_no_study_and_no_sweep_is_looked_for_there(name, tmp_path, capsys):
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
    assert (precious / "file").read_text() == "kept"


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "directory", "loop", "sparse"])
@pytest.mark.parametrize("name", ["record.json", "spec.json", "failure.json", "stopped.json"])
def test_what_is_no_file_or_no_size_for_one_is_not_read(kind, name, tmp_path):
    """A pipe would wait for ever, and a device or a sparse file fill the memory."""
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
    if kind == "loop":  # to nothing, as if it were not there
        readers[name]()
        return
    with pytest.raises(InputError, match=r"it is no file|more than 32,000,000"):
        readers[name]()


@pytest.mark.parametrize("kind", ["fifo", "sparse"])
@pytest.mark.parametrize("name", ["weights.safetensors", "checkpoint.ckpt", "space.yaml"])
def test_other_files_are_not_waited_for_either(kind, name, tmp_path):
    from coordconv_lab.models.trained import trained_net
    from coordconv_lab.results.files import write_json
    from coordconv_lab.train import run

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
        with pytest.raises(InputError, match=r"no weights\.safetensors|bytes, more than"):
            trained_net(path.parent)
    elif name == "checkpoint.ckpt":
        with pytest.raises(InputError, match=r"checkpoint\.ckpt is damaged"):
            run(SPEC, store)
    else:
        with pytest.raises(InputError, match=r"cannot read .*space\.yaml"):
            read_space(path)


def test_a_directory_that_may_not_be_entered_is_named(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    path = store.open(SPEC)

    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(InputError, match=f"cannot read {path}.*Permission denied"):
        store.files("record.json")
