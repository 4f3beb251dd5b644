"""Atomic writes: no partial files if a writer dies, and leftovers are deleted."""

import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coordconv.export.files import replaced_when_done
from coordconv_lab.errors import DamagedError
from coordconv_lab.results.digest import DIGEST, with_digest
from coordconv_lab.results.files import (
    UNFINISHED,
    parse_json,
    read_json,
    read_text,
    remove_leftovers,
    whole_file,
    write_atomically,
    write_json,
)

NAMES = (
    *("spec.json", "record.json", "failure.json", "stopped.json", "proposals.json"),
    *("summary.json", "checkpoint.ckpt", "metrics.csv", "weights.safetensors", "predictions.npz"),
    *("sheet.png", "report.html", "report.md", "maps.pdf", "notsoclevr.npz", "[a] *.json"),
)


def exported(path: Path, content: bytes) -> None:
    with replaced_when_done(path) as unfinished:
        unfinished.write_bytes(content)
        unfinished.with_suffix(".data").write_bytes(content)


WRITERS: list[tuple[Callable[[Path, bytes], None], str]] = [
    *((write_atomically, name) for name in NAMES),
    (exported, "model.onnx"),
    (exported, "program.pt2"),
]


def killed(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Call a function in a process that kills itself as it flushes or renames a file."""
    pid = os.fork()
    if pid == 0:
        target = (os, "fsync") if at == "fsync" else (Path, "replace")
        monkeypatch.setattr(*target, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.slow("processes")
@pytest.mark.parametrize("at", ["fsync", "rename"])
@pytest.mark.parametrize(("write", "name"), WRITERS, ids=[name for _, name in WRITERS])
def test_a_killed_writer_leaves_the_old_file_and_its_leftovers_are_deleted(
    write, name, at, tmp_path, monkeypatch
):
    path = tmp_path / name
    write(path, b"old")
    before = set(tmp_path.iterdir())
    killed(lambda: write(path, b"new" * 1000), monkeypatch, at)
    assert path.read_bytes() == b"old"
    (leftover,) = set(tmp_path.iterdir()) - before
    assert leftover.name.startswith(f".{name}.")
    write(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "directory"])
@pytest.mark.parametrize("write", [write_atomically, exported])
def test_only_regular_files_are_replaced(write, kind, tmp_path):
    path = tmp_path / "there"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind == "directory":
        path.mkdir()
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except OSError:
            pytest.skip("no device can be made here")
    before = path.lstat()
    with pytest.raises(ValueError, match=r"(no|not a regular) file; choose another name"):
        write(path, b"new")
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_to_a_link_writes_its_target(tmp_path):
    target, link = tmp_path / "there" / "net.onnx", tmp_path / "link.onnx"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    exported(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_in_a_run_is_replaced_and_its_target_is_kept(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "record.json"
    precious.write_bytes(b"kept")
    link.symlink_to(precious)
    write_atomically(link, b"new")
    assert (precious.read_bytes(), link.read_bytes()) == (b"kept", b"new")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("write", [write_atomically, exported])
def test_a_new_file_has_the_default_permissions_of_the_umask(write, mask, umask, tmp_path):
    umask(mask)
    write(tmp_path / "file", b"ours")
    (tmp_path / "theirs").write_bytes(b"of another program")
    assert {mode(each) for each in tmp_path.iterdir()} == {mode(tmp_path / "theirs")}


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664, 0o666, 0o444])
@pytest.mark.parametrize("write", [write_atomically, exported])
def test_a_replaced_file_keeps_its_permissions(write, kept, mask, umask, tmp_path):
    path = tmp_path / "file"
    write(path, b"old")
    path.chmod(kept)
    umask(mask)
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == kept


def test_a_private_file_is_private_while_it_is_written(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with whole_file(path):
        assert {mode(each) for each in tmp_path.iterdir()} == {0o600}


def test_writers_in_threads_do_not_change_the_umask(umask, tmp_path):
    umask(0o077)
    threads = [
        threading.Thread(target=write_atomically, args=(tmp_path / f"file{number % 3}", b"x" * 99))
        for number in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert umask(0o077) == 0o077
    assert [mode(each) for each in tmp_path.iterdir()] == [0o600] * 3


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_is_read_with_and_without_a_byte_order_mark(start, end, tmp_path):
    (tmp_path / "file").write_bytes(f"{start}caf\u00e9{end}".encode())
    assert read_text(tmp_path / "file") == f"caf\u00e9{end}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_in_another_encoding_is_refused(encoding, tmp_path):
    (tmp_path / "file").write_bytes("name: x".encode(encoding))
    with pytest.raises(UnicodeError, match="its encoding is not UTF-8; save it as UTF-8"):
        read_text(tmp_path / "file")


def test_the_temporary_file_of_a_running_writer_is_kept(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as slow:
        slow.write(b"slow")
        other = threading.Thread(target=write_atomically, args=(path, b"fast"))
        other.start()
        other.join()
        assert path.read_bytes() == b"fast"
        remove_leftovers(path)
    assert path.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_of_a_running_export_is_kept(tmp_path):
    path = tmp_path / "model.onnx"
    with replaced_when_done(path) as slow:
        exported(path, b"fast")
        slow.write_bytes(b"slow")
    assert path.read_bytes() == b"slow"


def test_a_failed_export_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    exported(path, b"old")
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space left"):
        exported(path, b"new")
    assert path.read_bytes() == b"old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.data", "model.onnx"]


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_files_that_only_look_like_leftovers_are_kept(tmp_path):
    path = tmp_path / "file"
    kept = [".file.backup", f".other.12345678{UNFINISHED}", f"file.12345678{UNFINISHED}"]
    for name in kept:
        (tmp_path / name).write_text("mine")
    write_atomically(path, b"new")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*kept, "file"])


FIELDS = {
    "reason": "the loss became nan",
    "at": [1, 2.5, float("inf")],
    "café": {"b": 1, "a": None},
}


def test_an_object_with_its_digest_reads_back_without_it(tmp_path):
    write_json(tmp_path / "file", with_digest(FIELDS))
    assert DIGEST in (tmp_path / "file").read_text()
    assert read_json(tmp_path / "file") == FIELDS


@pytest.mark.parametrize("start", ['{"a": ', '{"content_sha256": "x", "a": '])
def test_deeply_nested_objects_are_read_or_refused(start):
    """Python's JSON reader and writer, which is used for the digest, have different limits."""
    for depth in [1, 10, *range(300, 1100)]:
        content = start + "[" * depth + "]" * depth + "}"
        with suppress(DamagedError):
            parse_json(content.encode(), "file")
    with pytest.raises(DamagedError, match="file is not a complete JSON file"):
        parse_json((start + "[" * 10**5 + "]" * 10**5 + "}").encode(), "file")


@pytest.mark.parametrize("fields", [{"a": "\ud800x"}, {"\udfff": 1}, {"a": [{"b\udc00": {}}]}])
def test_lone_surrogates_are_refused(fields, tmp_path):
    """Lone surrogates cannot be encoded for a page or a terminal."""
    for content in (fields, with_digest(fields)):
        write_json(tmp_path / "file", content)
        with pytest.raises(DamagedError, match=r"file is not a complete JSON file.*surrogates"):
            read_json(tmp_path / "file")
    write_json(tmp_path / "file", {"a": "\U0001f9ed"})  # written as a pair of surrogates
    assert read_json(tmp_path / "file") == {"a": "\U0001f9ed"}


def test_an_object_without_a_digest_is_read_as_it_is(tmp_path):
    write_json(tmp_path / "file", FIELDS)
    assert read_json(tmp_path / "file") == FIELDS


def test_a_flipped_bit_never_changes_what_is_read(tmp_path):
    write_json(tmp_path / "file", with_digest(FIELDS))
    content = (tmp_path / "file").read_bytes()
    found = 0
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        try:
            read = parse_json(bytes(changed), "file")
        except DamagedError:
            found += 1
        else:  # changed white space, or a changed key of the digest
            assert {key: read[key] for key in FIELDS} == FIELDS
    assert found > 7 * len(content)
