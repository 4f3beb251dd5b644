"""Packed runs are the runs that were packed, byte for byte, and damage costs only what it hits."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordconv_lab.cli import main
from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results import RunStore
from coordconv_lab.results.checking import check
from coordconv_lab.results.curve import read_curve
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import json_bytes
from coordconv_lab.results.locks import locked
from coordconv_lab.results.packed.archive import archive_of, read_member
from coordconv_lab.results.packed.curves import COLUMNS
from coordconv_lab.results.packing import pack, unpack
from coordconv_lab.results.store import LOCK
from coordconv_lab.results.stored import is_stored, read_stored
from tests.committed import OF_A_RUN, RESULTS, copy_runs
from tests.results.test_store import SPEC, make_record

SPECS = [SPEC.model_copy(update={"seed": seed}) for seed in range(4)]
ROW = b"49,0.0833333,0.836342,0.00408663,7.87586,0.104167,0\n"
WEIGHTS = bytes(range(256)) * 3


def write_run(root: Path, spec=SPEC, **files: bytes | None) -> Path:
    """Write a run with weights and a curve, or with other files in their place."""
    contents = {
        "spec.json": json_bytes(spec.model_dump(mode="json")),
        "metrics.csv": COLUMNS + ROW,
        "weights.safetensors": WEIGHTS,
    } | {name.replace("__", "/").replace("_", "."): each for name, each in files.items()}
    record = make_record(spec, weights_sha256=sha256(contents["weights.safetensors"] or b""))
    contents.setdefault("record.json", json_bytes(record.model_dump(mode="json")))
    directory = root / spec.run_name
    for name, content in contents.items():
        if content is not None:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(content)
    return directory


def files(place: Path) -> dict[str, bytes]:
    """All files below a directory but those of packing."""
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != "pack.lock"
    }


def packed(results: Path, *studies: str) -> list[str]:
    """Pack, and return what is damaged."""
    damaged: list[str] = []
    pack(results, studies, damaged)
    return damaged


def unpacked(results: Path) -> list[str]:
    damaged: list[str] = []
    unpack(results, (), damaged)
    return damaged


def problems(results: Path) -> list[str]:
    damaged: list[str] = []
    check(results, (), damaged)
    return damaged


@pytest.fixture
def results(tmp_path) -> Path:
    """Four packed runs in two studies."""
    for spec in SPECS[:3]:
        write_run(tmp_path / "one", spec)
    write_run(tmp_path / "two", SPECS[3], predictions_npz=b"no archive")
    assert packed(tmp_path) == []
    return tmp_path


CURVES = st.one_of(
    st.lists(st.just(ROW), max_size=3).map(lambda rows: COLUMNS + b"".join(rows)),
    st.sampled_from([COLUMNS + ROW[:-1], COLUMNS[:-1], b"", b"a,b\n1,2\n", COLUMNS + b'"x"\n']),
    st.sampled_from([COLUMNS + b"1,2\r\n", COLUMNS + b"\n\n", COLUMNS + "\u00e9\n".encode()]),
)
DOCUMENTS = st.one_of(
    st.none(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_subnormal=False)
        | st.integers()
        | st.text(max_size=5),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each),
        max_leaves=8,
    ).map(lambda each: json_bytes({"reason": each})),
    st.sampled_from([b"{}", b'{"a": 1e400}\n', b'{"a": 1, "a": 2}', b"\xff", b"[1]", b"9" * 5000]),
)
RUNS = st.fixed_dictionaries(
    {
        "metrics_csv": CURVES | st.none(),
        "stopped_json": DOCUMENTS,
        "spec_json": st.sampled_from([json_bytes(SPEC.model_dump(mode="json")), None, b"{}\n"]),
        "sheet_png": st.binary(max_size=20) | st.none(),
        "tensorboard__events": st.binary(max_size=20) | st.none(),
    }
)


@given(st.lists(RUNS, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=12)
def test_unpacking_gives_back_every_file_and_the_order_of_packing_does_not_matter(
    tmp_path_factory, runs, random
):
    place = tmp_path_factory.mktemp("law")
    for index, run in enumerate(runs):
        write_run(place / "a" / "study", SPECS[index], **run)
    before = files(place / "a")
    assert packed(place / "a") == []
    at_once = files(place / "a")
    assert {path.split("/")[-1] for path in at_once} <= {"records.jsonl", "files.zip", "curves.csv"}
    for index in random.sample(range(len(runs)), len(runs)):
        write_run(place / "b" / "study", SPECS[index], **runs[index])
        assert packed(place / "b") == []
    assert files(place / "b") == at_once
    assert problems(place / "b") == []
    assert unpacked(place / "b") == []
    assert files(place / "b") == before


def test_records_and_claims_are_the_same_in_both_forms(tmp_path):
    studies = ("hand-built", "long-training", "tiling", "tuned")
    one = copy_runs(tmp_path / "one", *studies, names=OF_A_RUN)
    two = copy_runs(tmp_path / "two", *studies, names=OF_A_RUN)
    assert packed(two) == []
    assert not list(two.glob("*/*/record.json"))
    for study in studies:
        found = [list(RunStore(place / study).records()) for place in (one, two)]
        assert [record for _, record in found[0]] == [record for _, record in found[1]]
        assert [path.name for path, _ in found[0]] == [path.name for path, _ in found[1]]
        for path, record in found[1]:
            record.check_file(path / "metrics.csv")
            assert read_stored(path / "metrics.csv") == read_stored(
                one / study / path.name / "metrics.csv"
            )
    printed = []
    for place in (one, two):
        with redirect_stdout(StringIO()) as said:
            assert main(["claims", "--json", "--results", str(place)]) == 0
        printed.append(said.getvalue().replace(str(place), ""))
    assert printed[0] == printed[1]
    assert "reproduced" in printed[0]


def test_all_committed_files_are_undamaged():
    assert problems(RESULTS) == []


def test_at_most_60_files_are_committed():
    if not (RESULTS.parent / ".git").exists():
        pytest.skip("no checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--", "."], cwd=RESULTS, capture_output=True, check=True
    )
    assert len(listed.stdout.splitlines()) <= 60


def test_a_record_is_parsed_once(results):
    first, second = (dict(RunStore(results / "one").records()) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(first[path] is second[path] for path in first)


def test_a_finished_run_is_not_repeated_and_not_deleted(results):
    store = RunStore(results / "one")
    assert store.record(SPEC) == make_record(SPEC, weights_sha256=sha256(WEIGHTS))
    assert [spec.seed for spec in store.specs()] == [0, 1, 2]
    with pytest.raises(InputError, match="coordconv results unpack"):
        store.delete(SPEC)


def test_a_failed_run_stays_failed(tmp_path):
    store = RunStore(tmp_path / "study")
    store.open(SPEC)
    store.give_up(SPEC, "the loss became nan")
    before = files(tmp_path)
    assert packed(tmp_path) == []
    assert not store.directory(SPEC).exists()
    assert store.failure(SPEC) == "the loss became nan"
    assert store.record(SPEC) is None
    assert unpacked(tmp_path) == []
    assert files(tmp_path) == before


def test_unfinished_runs_are_not_packed(tmp_path):
    store = RunStore(tmp_path / "study")
    begun = store.open(SPECS[0])
    busy = write_run(store.root, SPECS[1])
    (store.root / "summary.json").write_text("{}")
    (write_run(store.root, SPECS[2]) / "checkpoint.ckpt").write_bytes(b"resume")
    with locked(busy / LOCK):
        damaged: list[str] = []
        [change] = pack(tmp_path, (), damaged)
    assert change.left == [begun.name]
    assert [message for message in damaged if busy.name in message] == damaged
    assert (busy / "record.json").exists()
    assert (begun / "spec.json").exists()
    assert (store.directory(SPECS[2]) / "checkpoint.ckpt").exists()
    assert not (store.directory(SPECS[2]) / "record.json").exists()
    assert (store.root / "summary.json").read_text() == "{}"
    assert packed(tmp_path) == []
    assert not busy.exists()


def test_files_that_git_ignores_are_not_packed_and_are_still_found(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / ".gitignore").write_text("*/*/weights.safetensors\n")
    run = write_run(tmp_path / "results" / "study")
    assert packed(tmp_path / "results") == []
    assert [path.name for path in run.iterdir()] == ["weights.safetensors"]
    assert read_stored(run / "weights.safetensors") == WEIGHTS
    assert not (tmp_path / "results" / "study" / "files.zip").exists()
    assert len(list(RunStore(run.parent).records())) == 1
    # They are added when they are no longer ignored, if they are those of the record.
    (tmp_path / "results" / ".gitignore").unlink()
    (run / "weights.safetensors").write_bytes(b"others")
    [said] = packed(tmp_path / "results")
    assert "not the file that the record" in said
    (run / "weights.safetensors").write_bytes(WEIGHTS)
    assert packed(tmp_path / "results") == []
    assert not run.exists()
    assert read_stored(run / "weights.safetensors") == WEIGHTS
    shutil.rmtree(tmp_path / ".git")
    (tmp_path / ".git").write_text("damaged")
    with pytest.raises(InputError, match="git cannot list the ignored files"):
        packed(tmp_path / "results")


def test_a_run_in_both_forms_counts_once_and_a_different_one_is_refused(results):
    store = RunStore(results / "one")
    again = write_run(store.root)
    assert len(list(store.records())) == 3
    assert packed(results) == []
    assert not again.exists()
    other = make_record(SPEC, weights_sha256=sha256(WEIGHTS), seconds=5.0)
    write_run(store.root, record_json=json_bytes(other.model_dump(mode="json")))
    with pytest.raises(DamagedError, match=r"record.json and .*records.jsonl, line 1 .* different"):
        store.record(SPEC)
    before = files(results)
    [said] = packed(results)
    assert "are different records of the same run" in said
    assert files(results) == before


def test_more_files_of_a_packed_run_are_added(results):
    directory = write_run(results / "one", sheet_png=b"image", metrics_csv=None)
    assert packed(results) == []
    assert read_stored(directory / "sheet.png") == b"image"
    assert read_stored(directory / "metrics.csv") == COLUMNS + ROW
    directory.mkdir()
    (directory / "sheet.png").write_bytes(b"other")
    [said] = packed(results)
    assert "sheet.png differs from the file of the packed run" in said


def _lines(results: Path) -> list[bytes]:
    return (results / "one" / "records.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"test":{"accuracy":0.75', b'"test":{"accuracy":0.85'),
        lambda line: line[: len(line) // 2] + b"\n",
        lambda line: line.replace(b'"sha256"', b'"sha257"'),
        lambda line: line.replace(b"spec.json", b"../a.json"),
        lambda line: line[:90] + b"\xff\0" + line[92:],
        lambda line: line[:60] + b"[" * 100_000 + b"\n",
    ],
)
def test_a_damaged_line_is_named_and_affects_only_its_run(results, change):
    lines = _lines(results)
    lines[1] = change(lines[1])
    (results / "one" / "records.jsonl").write_bytes(b"".join(lines))
    store, damaged = RunStore(results / "one"), []
    assert [record.spec.seed for _, record in store.records(damaged)] == [0, 2]
    [said] = damaged
    assert "records.jsonl, line 2" in said
    assert SPECS[1].run_name in said
    with pytest.raises(DamagedError, match="line 2"):
        store.record(SPECS[1])
    assert problems(results) == damaged
    # Packing and unpacking leave it for its owner.
    write_run(store.root, SPECS[3])
    assert packed(results) == []
    assert lines[1] in _lines(results)
    assert len(list(store.records([]))) == 3
    assert unpacked(results)
    assert _lines(results) == [lines[1]]
    assert len(list(store.records([]))) == 3


def test_the_files_of_a_lost_line_are_not_deleted_with_the_others(results):
    lines = _lines(results)
    (results / "one" / "records.jsonl").write_bytes(b"".join(lines[1:]))
    archive = results / "one" / "files.zip"
    [said] = unpacked(results)
    assert "restore records.jsonl, or delete" in said
    assert lines[0].split(b'"')[3].decode() in said
    assert archive.exists()
    (results / "one" / "records.jsonl").write_bytes(lines[0])
    assert unpacked(results) == []
    assert len(list(RunStore(results / "one").records())) == 3
    assert not archive.exists()


def test_a_line_without_a_name_or_with_a_duplicate_name_is_reported(results):
    path = results / "one" / "records.jsonl"
    lines = _lines(results)
    path.write_bytes(b"".join([*lines, lines[0], b"???\n"]))
    damaged: list[str] = []
    assert len(list(RunStore(path.parent).records(damaged))) == 3
    assert "line 4 repeats" in damaged[0]
    assert "line 5 does not begin with the name of a run" in damaged[1]
    with pytest.raises(DamagedError, match="line 4"):
        list(RunStore(path.parent).records())


@pytest.mark.parametrize("name", ["one/records.jsonl", "curves.csv"])
def test_a_line_that_belongs_to_no_run_is_not_lost(name, results):
    """Such as the mark of a conflict between two branches."""
    path = results / name
    path.write_bytes(path.read_bytes() + b"<<<<<<< ours\n")
    write_run(results / "one", SPECS[3])
    before = files(results)
    [said] = packed(results)
    assert f"{path}, line " in said
    assert files(results) == before
    assert f"{path}, line " in " ".join(problems(results))
    assert unpacked(results)
    assert path.read_bytes().endswith(b"<<<<<<< ours\n")


def test_a_damaged_row_affects_only_the_curve_of_its_run(results):
    path = results / "curves.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"0.104167", b"0.204167")
    path.write_bytes(b"".join(lines))
    runs = [results / "one" / spec.run_name for spec in SPECS[:3]]
    broken = next(run for run in runs if run.name.encode() in lines[1])
    for run in runs:
        if run == broken:
            with pytest.raises(InputError, match=r"metrics.csv in curves.csv is damaged"):
                read_curve(run / "metrics.csv")
        else:
            assert len(read_curve(run / "metrics.csv")) == 1
    assert len(list(RunStore(results / "one").records())) == 3
    [said] = problems(results)
    assert broken.name in said


@pytest.mark.parametrize("start", [WEIGHTS[:20], b"PK\1\2"])
def test_a_damaged_member_affects_only_its_file(results, start):
    path = results / "one" / "files.zip"
    content = bytearray(path.read_bytes())
    at = content.index(start) + 10
    content[at] ^= 9
    path.write_bytes(content)
    runs = [results / "one" / spec.run_name for spec in SPECS[:3]]
    if start == WEIGHTS[:20]:
        with pytest.raises(DamagedError, match=r"weights.safetensors in files.zip is damaged"):
            read_stored(min(runs) / "weights.safetensors")
        assert read_stored(max(runs) / "weights.safetensors") == WEIGHTS
    assert len(list(RunStore(results / "one").records())) == 3
    assert problems(results)
    # The archive is not written again, so that nothing is lost.
    write_run(results / "one", SPECS[3])
    before = files(results)
    assert packed(results)
    assert files(results) == before


@pytest.mark.parametrize("left", [0, 1, 30, -1])
def test_an_incomplete_archive_does_not_affect_records_and_curves(results, left):
    path = results / "one" / "files.zip"
    path.write_bytes(path.read_bytes()[:left])
    run = results / "one" / SPEC.run_name
    with pytest.raises(DamagedError, match="not a complete archive"):
        read_stored(run / "weights.safetensors")
    assert len(read_curve(run / "metrics.csv")) == 1
    assert len(list(RunStore(results / "one").records())) == 3
    path.unlink()
    with pytest.raises(DamagedError, match=r"missing in files\.zip"):
        read_stored(run / "weights.safetensors")


@cache
def in_both_forms() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of runs in two studies, as directories and packed."""
    with TemporaryDirectory() as folder:
        for study, spec in zip(("one", "one", "one", "two"), SPECS, strict=True):
            write_run(Path(folder) / study, spec)
        source = files(Path(folder))
        assert packed(Path(folder)) == []
        return source, files(Path(folder))


@given(st.data())
@settings(max_examples=80)
def test_any_damaged_byte_is_found_and_affects_only_the_data_around_it(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("damage")
    source, whole = in_both_forms()
    copy = dict(whole)
    name = data.draw(st.sampled_from(sorted(copy)))
    content = bytearray(copy[name])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    is_cut = data.draw(st.booleans())
    copy[name] = bytes(content[: at + 1] if is_cut else content)
    for path, each in copy.items():
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_bytes(each)
    lost = 0
    for path, original in source.items():
        try:
            assert read_stored(place / path) == original
        except (OSError, DamagedError):
            lost += path.endswith("record.json")
    # A damaged end of a line can hide the next one.
    assert lost <= (0 if not name.endswith(".jsonl") else len(SPECS) if is_cut else 2)
    seen: list[str] = []
    records = [len(list(RunStore(place / study).records(seen))) for study in ("one", "two")]
    assert sum(records) >= len(SPECS) - lost
    problems(place)


def _archive() -> bytes:
    return archive_of({"run/sheet.png": b"\0"})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: _archive()[:-12] + b"\xff" * 12, "not a complete archive"),
        (lambda: _archive().replace(b"PK\1\2", b"PK\1\3"), "not a complete archive"),
        (lambda: _archive().replace(b"PK\3\4", b"PK\3\5"), "is damaged"),
    ],
)
def test_a_damaged_archive_is_refused(make, said, tmp_path):
    (tmp_path / "files.zip").write_bytes(make())
    with pytest.raises(DamagedError, match=said):
        read_member(tmp_path / "files.zip", "run/sheet.png", 100)


def test_sizes_are_checked_before_anything_is_read(tmp_path):
    (tmp_path / "files.zip").write_bytes(archive_of({"run/sheet.png": bytes(200)}))
    with pytest.raises(OSError, match="at most 100"):
        read_member(tmp_path / "files.zip", "run/sheet.png", 100)
    with (tmp_path / "large.zip").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(OSError, match="at most 100,000,000"):
        read_member(tmp_path / "large.zip", "run/sheet.png", 100)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.zip")
        with pytest.raises(OSError, match="not a regular file"):
            read_member(tmp_path / "pipe.zip", "run/sheet.png", 100)


def test_links_are_not_packed(tmp_path):
    run = write_run(tmp_path / "study")
    (run / "sheet.png").symlink_to("/etc/hostname")
    [said] = packed(tmp_path)
    assert "sheet.png is a link" in said
    assert (run / "record.json").exists()
    (run / "sheet.png").unlink()
    shutil.move(run, tmp_path / "elsewhere")
    run.symlink_to(tmp_path / "elsewhere")
    [said] = packed(tmp_path, "study")
    assert "is a link" in said


def test_the_commands_report_what_they_did(tmp_path, capsys):
    write_run(tmp_path / "study")
    options = ["--results", str(tmp_path)]
    assert main(["results", "pack", *options]) == 0
    assert main(["results", "check", *options]) == 0
    assert main(["results", "unpack", "study", *options, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "study: 1 runs packed",
        "study: 1 runs with 4 files",
        "study: 1 runs unpacked",
    ]
    assert is_stored(tmp_path / "out" / "study" / SPEC.run_name / "record.json")
    (tmp_path / "study" / "records.jsonl").write_text(json.dumps({"run": "x"}) + "\n")
    assert main(["results", "check", *options]) == 2
    assert main(["results", "pack", "nothing", *options]) == 2
    assert "has no study 'nothing'" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_a_killed_process_and_two_parallel_ones_lose_nothing(tmp_path):
    """At every change of a directory; afterwards the same command completes the work."""
    for study, spec in zip(("one", "two"), SPECS, strict=False):
        write_run(tmp_path / "source" / study, spec)
    program = Path(__file__).with_name("killed_packing.py")
    command = [sys.executable, str(program), str(tmp_path)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    report = json.loads(printed)
    assert report["pack"] >= 15
    assert report["unpack"] >= 15
    assert report["together"] == [0, 0, 0, 0]
    assert report["same"]
    assert report["problems"] == []
