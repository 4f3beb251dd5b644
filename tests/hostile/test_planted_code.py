"""Code planted in or beside a file of a run is never executed, and the error is clear."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from coordconv import CoordConv2d
from coordconv.conversion import from_concatenated
from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.hub import SharedNet
from coordconv_lab.train import run
from tests.report.conftest import add_run, store
from tests.train.conftest import tiny

__all__ = ["add_run", "store", "tiny"]


class Planted:
    """Creates a directory when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "this ran"


def bare(mark: Path) -> bytes:
    return pickle.dumps(Planted(mark))


def as_torch_saves(mark: Path) -> bytes:
    file = io.BytesIO()
    torch.save({"losses": Planted(mark), "nets": [], "optimizer": {}}, file)
    return file.getvalue()


def as_torch_saved_once(mark: Path) -> bytes:
    file = io.BytesIO()
    torch.save(Planted(mark), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def as_numpy_saves(mark: Path) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, x=np.array([Planted(mark)], dtype=object), y=np.zeros(1))
    return file.getvalue()


def as_numpy_saves_one(mark: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Planted(mark)], dtype=object), allow_pickle=True)
    return file.getvalue()


FORMS = (bare, as_torch_saves, as_torch_saved_once, as_numpy_saves, as_numpy_saves_one)
forms = pytest.mark.parametrize("form", FORMS)


@forms
def test_planted_code_runs_if_it_is_unpickled(form, mark, tmp_path):
    """Check the premise of the tests below."""
    path = tmp_path / "file"
    path.write_bytes(form(mark))
    if form in (as_torch_saves, as_torch_saved_once):
        torch.load(path, weights_only=False)
    elif form is bare:
        pickle.loads(path.read_bytes())
    else:
        found = np.load(path, allow_pickle=True)
        found if isinstance(found, np.ndarray) else found["x"]
    assert mark.exists()


@forms
def test_a_run_does_not_resume_from_planted_code(form, mark, tiny, store):
    checkpoint = store.open(tiny) / "checkpoint.ckpt"
    checkpoint.write_bytes(form(mark))
    with pytest.raises(InputError, match=r"checkpoint\.ckpt is damaged .*; delete it"):
        run(tiny, store)
    assert not mark.exists()
    assert checkpoint.read_bytes() == form(mark)


def test_planted_code_in_the_state_of_the_optimizer_is_refused(mark, tiny, store):
    file = io.BytesIO()
    torch.save({"losses": {}, "nets": [], "optimizer": {"state": {0: Planted(mark)}}}, file)
    (store.open(tiny) / "checkpoint.ckpt").write_bytes(file.getvalue())
    with pytest.raises(InputError, match="is damaged"):
        run(tiny, store)
    assert not mark.exists()


@pytest.mark.slow("every record")
@forms
def test_the_report_names_a_planted_file_as_damaged(form, mark, store, add_run, tmp_path, capsys):
    names = ("predictions.npz", "metrics.csv", "sheet.png")
    directory = add_run()
    for name in names:
        (directory / name).write_bytes(form(mark))
    (add_run(seed=1) / "sheet.png").write_bytes(form(mark))
    options = ["--runs", str(store.root), "--results", "nowhere", "--format", "markdown"]
    out = tmp_path / "report"
    assert main(["report", "--out", str(out), *options]) == 0
    assert all(f": {name} " in out.read_text().replace("\\", "") for name in names)
    assert not mark.exists()


@forms
@pytest.mark.parametrize("name", ["record.json", "spec.json", "weights.safetensors"])
def test_inspect_refuses_planted_code_in_a_run(form, name, mark, add_run, capsys):
    directory = add_run()
    (directory / name).write_bytes(form(mark))
    assert main(["inspect", str(directory)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not mark.exists()


@forms
@pytest.mark.parametrize("suffix", ["safetensors", "onnx", "pt2", "ckpt", "pt", "npz", "bin", "x"])
def test_inspect_refuses_a_planted_file(form, suffix, mark, tmp_path, capsys):
    path = tmp_path / f"given.{suffix}"
    path.write_bytes(form(mark))
    assert main(["inspect", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("coordconv: ")
    assert str(path) in said
    assert not mark.exists()


def test_inspect_does_not_load_a_program_of_torch_export(mark, tmp_path, capsys):
    path = tmp_path / "given.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data/weights/w.pt", "models/model.json", "data.pkl", "version"):
            archive.writestr(f"given/{name}", bare(mark))
        archive.writestr("given/extra/coordconv.json", '{"0": {"order": "xy"}}')
    assert main(["inspect", str(path)]) == 0
    assert "xy" in capsys.readouterr().out
    assert not mark.exists()


@forms
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_shared_network_is_not_loaded_from_planted_code(form, name, mark, tiny, tmp_path):
    SharedNet(tiny.model_dump(mode="json")).save_pretrained(tmp_path / "shared")
    (tmp_path / "shared" / "model.safetensors").unlink()
    (tmp_path / "shared" / name).write_bytes(form(mark))
    with pytest.raises(InputError, match=r"does not contain the weights|model\.safetensors"):
        SharedNet.from_pretrained(tmp_path / "shared")
    assert not mark.exists()


def test_importing_weights_accepts_only_tensors(mark):
    with pytest.raises(ValueError, match="floating-point tensor, got Planted"):
        from_concatenated(CoordConv2d(3, 8, 1), {"weight": Planted(mark)})
    with pytest.raises(TypeError, match="mapping from names to tensors"):
        from_concatenated(CoordConv2d(3, 8, 1), Planted(mark))  # pyright: ignore
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [
        "name: !!python/object/apply:os.mkdir ['{mark}']",
        "name: !!python/object/new:os.mkdir ['{mark}']",
        "!!python/object/apply:os.mkdir ['{mark}']",
        "? !!python/object/apply:os.mkdir ['{mark}']\n: 1",
        "--- !!python/name:os.mkdir",
    ],
)
def test_a_search_space_executes_nothing(text, mark, tmp_path, capsys):
    path = tmp_path / "given.yaml"
    path.write_text(text.replace("{mark}", str(mark)))
    assert main(["sweep", str(path), "--dry-run"]) == 2
    assert "is not valid YAML" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.slow("processes")
def test_inspecting_a_file_does_not_import_modules_beside_it(mark, tmp_path):
    place = tmp_path / "downloaded"
    (place / "run").mkdir(parents=True)
    for target in ("given.safetensors", "given.onnx"):
        (place / target).write_bytes(b"")
    for module in ("torch", "numpy", "onnx", "safetensors", "pydantic", "json"):
        (place / f"{module}.py").write_text(f"import os; os.mkdir({str(mark)!r})")
    program = (
        "import sys; from coordconv_lab.cli import main;"
        "sys.exit(sum(main(['inspect', target]) for target in sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "given.safetensors", "run", "given.onnx"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not mark.exists(), done.stderr
    assert done.returncode == 3 * 2
    assert done.stderr.count("coordconv: ") == 3


@pytest.mark.parametrize("victim", ["run.lock", "spec.json", "checkpoint.ckpt", "record.json"])
def test_a_link_in_a_run_does_not_redirect_writes(victim, tiny, store, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("{}")
    (store.root / tiny.run_name).mkdir(parents=True)
    (store.root / tiny.run_name / victim).symlink_to(precious)
    with pytest.raises(InputError):
        run(tiny, store)
    assert precious.read_text() == "{}"
