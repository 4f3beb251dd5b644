"""Small files that describe huge objects are refused before memory is allocated."""

import io
import json
import os
import re
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from coordconv.export import conventions_in_file
from coordconv_lab.errors import FailingRunError, InputError, in_short
from coordconv_lab.experiments.notsoclevr.figures.answers import read_answers
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import parse_data_spec
from coordconv_lab.experiments.notsoclevr.tasks.sheet import LARGEST
from coordconv_lab.parts import MOST_PARAMETERS
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.curve import read_curve
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import read_json
from coordconv_lab.results.record import MOST_FILE_BYTES, MOST_SHEET_BYTES
from coordconv_lab.specs import parse_spec
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.sweep.space_file import read_space
from tests.report.conftest import add_run, store

__all__ = ["add_run", "store"]

SPEC = tuned("regression", "quadrant", "coordconv")


def packed(parts: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_the_largest_files_of_a_run_are_read(add_run, tmp_path):
    directory = add_run("classification", "quadrant")
    row = ",".join(["-1.23457e-100"] * 7)
    header = (directory / "metrics.csv").read_text().splitlines()[0]
    assert (len(row) + 1) * 10**6 < MOST_FILE_BYTES
    (directory / "metrics.csv").write_text("\n".join([header, *[row] * 350_000]))
    assert len(read_curve(directory / "metrics.csv")) == 350_000
    assert LARGEST / 2 * 1.001 < MOST_SHEET_BYTES
    assert 4 * MOST_PARAMETERS < MOST_FILE_BYTES
    names = ("metrics.csv", "sheet.png", "weights.safetensors")
    for name in names[1:]:
        (directory / name).touch()
        os.truncate(directory / name, 33_500_000)
    digests = {name: sha256((directory / name).read_bytes()) for name in names}
    fields = read_json(directory / "record.json")
    fields |= {"weights_sha256": digests.pop("weights.safetensors"), "files_sha256": digests}
    kept = Record.parse(fields, "record.json")
    for name in names:
        kept.check_file(directory / name)


def test_predictions_that_are_too_large_are_not_decompressed(add_run):
    path = add_run() / "predictions.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(path, **arrays, more=np.zeros(1_500_000))
    assert path.stat().st_size < 300_000
    with pytest.raises(InputError, match="unpacks to 12,"):
        read_answers(path, tuned("classification", "quadrant", "coordconv", 0))


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_predictions_in_formats_that_decompress_without_limit_are_refused(kind, add_run):
    """Declared sizes of an archive can be false, and these two formats decompress a full chunk."""
    path = add_run() / "predictions.npz"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=r"predictions\.npz is damaged: .* has a compression"):
        read_answers(path, tuned("classification", "quadrant", "coordconv", 0))


def test_a_member_larger_than_declared_is_not_decompressed(add_run):
    path = add_run() / "predictions.npz"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(300_000_000))
        archive.filelist[-1].file_size = 100  # as declared in the directory of the archive
    tracemalloc.start()
    with pytest.raises(InputError, match=r"is not a complete \.npz file"):
        read_answers(path, tuned("classification", "quadrant", "coordconv", 0))
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_predictions_are_read_in_all_formats_of_numpy(save, add_run):
    path = add_run() / "predictions.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    save(path, **arrays)
    read_answers(path, tuned("classification", "quadrant", "coordconv", 0))


def test_many_distinct_positions_do_not_allocate_a_full_grid(add_run):
    path = add_run() / "predictions.npz"
    spec = tuned("classification", "quadrant", "coordconv", 0)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    many = np.arange(30_000, dtype=np.int32)  # A full grid of these would take seven gigabytes.
    np.savez_compressed(path, **arrays | {"x": many, "y": many})
    with pytest.raises(InputError, match="not all combinations of its rows"):
        read_answers(path, spec)


def test_the_metadata_of_a_program_is_decompressed_with_a_limit(tmp_path):
    path = tmp_path / "given.pt2"
    path.write_bytes(packed({"given/extra/coordconv.json": b" " * 11_000_000}))
    with pytest.raises(ValueError, match="more than 10,000,000 bytes"):
        conventions_in_file(path)


def claimed(archive: bytes, true: int, said: int) -> bytes:
    """Return the archive with a false size of its member."""
    return archive.replace(true.to_bytes(4, "little"), said.to_bytes(4, "little"))


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_declared_sizes_of_an_archive_are_not_trusted(compression, tmp_path):
    path, size = tmp_path / "given.pt2", 300_000_011
    content = packed({"given/extra/coordconv.json": bytes(size)}, compression)
    path.write_bytes(claimed(content, size, 2))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="coordconv"):
            conventions_in_file(path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("net", "settings"),
    [
        (("classification", "uniform", "coordconv"), {"model.widths": (4096,) * 64}),
        (("rendering", "uniform", "coordconv"), {"model.painter_widths": (4096,) * 3}),
        (("classification", "uniform", "deconv"), {"model.width": 4096}),
        (("regression", "quadrant", "conv"), {"model.width": 4096}),
        (("regression", "uniform", "conv"), {"model.width": 4096, "model.hidden": 4096}),
    ],
)
def test_a_network_that_is_too_large_is_refused_before_it_is_built(net, settings):
    spec = with_settings(tuned(*net), settings)
    with pytest.raises(FailingRunError, match=r"parameters; at most 100,000,000"):
        build(spec.model, spec.data.canvas)


def test_checking_the_size_of_a_network_does_not_change_its_weights(monkeypatch):
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        weights.append(build(SPEC.model).state_dict())
        module = sys.modules[
            "coordconv_lab.experiments.notsoclevr.networks.build"
        ]  # the package attribute `build` is the function
        monkeypatch.setattr(module, "_check_size", lambda *_: None)
    for one, other in zip(*(each.values() for each in weights), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    "settings",
    [
        {"data.canvas": (10**9, 10**9)},
        {"data.canvas": (10**400, 64)},
        {"model.width": 10**9},
        {"training.epochs": 10**18},
        {"training.curve_points": 10**9},
        {"training.early_stop_epochs": 16**5000},
        {"seed": 16**5000},
        {"training.learning_rate": 10**400},
        {"training.betas": [0.9] * 100_000},
    ],
)
def test_a_huge_setting_is_refused_in_a_short_line(settings):
    with pytest.raises(InputError) as caught:
        with_settings(SPEC, settings)
    assert len(str(caught.value)) < 1000


def test_a_long_or_deep_file_is_refused_in_a_short_line(tmp_path):
    path = tmp_path / "spec.json"
    fields = json.loads(SPEC.model_dump_json())
    for value in (["a" * 10**5], {str(n): n for n in range(10**3)}, "b" * 10**5):
        path.write_text(json.dumps(fields | {"model": value, "c" * 10**5: 1, "version": 1}))
        with pytest.raises(InputError) as caught:
            parse_spec(read_json(path), "spec.json")
        assert len(str(caught.value)) < 2000
    path.write_text('{"a":' * 100_000)
    with pytest.raises(InputError, match="not a complete JSON file"):
        read_json(path)
    path.write_text('{"version": ' + "1" * 10_000 + "}")
    with pytest.raises(InputError, match="not a complete JSON file"):
        read_json(path)
    assert len(in_short([["x" * 10**5]])) < 210


def refused(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_space(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 15_000, "recursion depth"),
        ("- " * 7_000, "recursion depth"),
        ("{a: " * 3_000, "recursion depth"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: [*c, *c]", "aliases"),
        ("a: " + "x" * 16_000, "at most 16,000"),
        ("name: 0x" + "f" * 9_000, "too long to write"),
        ("seed: 1" + ":1" * 7_000, "too long to write"),
    ],
)
def test_malicious_yaml_is_refused(text, said, tmp_path):
    found = refused(tmp_path / "given.yaml", text)
    assert said in found
    assert len(found) < 1500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 15_000, "not valid TOML"),
        (".".join("a" * 2_000) + " = 1", "Extra inputs"),
        ("name = 0x" + "f" * 9_000, "too long to write"),
        ("a = '" + "x" * 16_000 + "'", "at most 16,000"),
    ],
)
def test_malicious_toml_is_refused(text, said, tmp_path):
    found = refused(tmp_path / "given.toml", text)
    assert said in found
    assert len(found) < 1500


def test_a_long_name_of_a_model_or_setting_is_refused_in_a_short_line(tmp_path):
    path = tmp_path / "space.yaml"
    for more in ({"model": "x" * 9000}, {"settings": {"y" * 9000: [1]}}):
        path.write_text(json.dumps({"name": "long", "rows": [{"task": "regression"} | more]}))
        with pytest.raises(InputError) as caught:
            sweep_named(str(path))
        assert len(str(caught.value)) < 2000


def test_a_huge_grid_is_counted_without_creating_it(tmp_path):
    path = tmp_path / "space.yaml"
    steps = {"low": 0.1, "high": 1, "steps": 1000}
    settings = {f"training.{name}": steps for name in ("learning_rate", "weight_decay", "warmup")}
    rows = [{"task": "regression", "settings": {"model.input_scale": steps}}]
    path.write_text(json.dumps({"name": "big", "rows": rows, "settings": settings}))
    with pytest.raises(InputError, match="2,000,000,000,000 runs; at most 100,000"):
        sweep_named(str(path))


def test_a_huge_canvas_is_refused():
    for canvas in ((10**9, 10**9), (4097, 64), (-1, 64), (0, 0), (2**63, 2**64)):
        with pytest.raises(InputError, match="canvas"):
            parse_data_spec({"canvas": canvas})


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "high", 10**400, None, [1.0]])
def test_a_search_ignores_nan_scores(score, tmp_path):
    """Optuna would stop the sweep with an exception."""
    pytest.importorskip("optuna")
    from coordconv_lab.sweep.search import Searched
    from coordconv_lab.sweep.space import Space

    fields = {
        "name": "x",
        "search": "optuna",
        "trials": 3,
        "rows": [{"task": "regression", "split": "uniform"}],
        "settings": {"model.width": [4, 8]},
    }
    space, runs = Space.model_validate(fields), RunStore(tmp_path)
    (one,) = space.listed_rows()
    spec = with_settings(one.base, {"model.width": 4})
    runs.note(spec, "stopped.json", {"epoch": 1, "score": score})

    damaged: list[str] = []
    known = Searched(space, one, [{"model.width": 4}], runs, stops_count=True, damaged=damaged)
    assert len(known.proposed) == 1
    if not isinstance(score, float):
        [said] = damaged
        assert re.fullmatch(r"the stopped\.json of .* has no score; .*", said)
    asked = Searched(space, one, [], runs)
    first = asked.next()
    assert first is not None
    asked.tell(first, score if isinstance(score, float) else None)
