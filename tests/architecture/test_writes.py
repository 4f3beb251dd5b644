"""Every file is written under a temporary name, flushed, then renamed: by two modules only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

WRITERS = {"coordconv/export/files.py", "coordconv_lab/results/files.py"}
"""Where whole files are made."""

MEMORY = "into memory, which a whole file is made of then"

ALLOWED = {
    ("coordconv/export/exported_program.py", "save"): "inside replaced_when_done",
    ("coordconv/export/onnx_file.py", "save"): "inside replaced_when_done",
    ("coordconv/integrations/batchgenerators.py", "move"): "how a transform moves pixels, no file",
    ("coordconv_lab/experiments/notsoclevr/data/export.py", "ZipFile"): "inside whole_file",
    ("coordconv_lab/experiments/notsoclevr/data/export.py", "open"): "a member of that archive",
    ("coordconv_lab/experiments/notsoclevr/data/export.py", "savefig"): MEMORY,
    ("coordconv_lab/hub.py", "save"): MEMORY,
    ("coordconv_lab/interactive/drawing.py", "savefig"): MEMORY,
    ("coordconv_lab/report/pictures.py", "save"): MEMORY,
    ("coordconv_lab/report/write.py", "savefig"): MEMORY,
    ("coordconv_lab/results/packed/archive.py", "ZipFile"): MEMORY,
    ("coordconv_lab/results/remote.py", "pipe_file"): "an object of a store is there whole or not",
    ("coordconv_lab/sweep/cluster.py", "touch"): "an empty file, which is deleted again",
    ("coordconv_lab/train/checkpoint.py", "save"): MEMORY,
    ("coordconv_lab/train/events.py", "open"): "events for onlookers, read while they grow",
    ("coordconv_lab/train/predictions.py", "savez_compressed"): MEMORY,
    ("coordconv_lab/train/writing.py", "save"): MEMORY,
    ("coordconv_lab/experiments/notsoclevr/tasks/sheet.py", "save"): MEMORY,
    ("coordconv_lab/trials/drawing.py", "savefig"): MEMORY,
    ("coordconv_lab/trials/memory.py", "write_text"): "a switch of the kernel, no file",
}

WRITING = {
    *("write_text", "write_bytes", "touch", "save", "savez", "savez_compressed", "savetxt"),
    *("save_file", "savefig", "imsave", "dump", "to_csv", "tofile", "pipe_file", "put_file"),
    *("copy2", "copyfile", "copytree", "move", "rename", "NamedTemporaryFile", "mkstemp"),
    *("TensorBoardLogger", "SummaryWriter", "CSVLogger", "FileHandler"),
}
OPENING = {"open", "fdopen", "ZipFile", "TarFile"}


def direct_writes(source: str) -> Iterator[str]:
    """The names of the calls that write files, or can."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        if name in WRITING or (name in OPENING and _opens_for_writing(node)):
            yield name


def _opens_for_writing(call: ast.Call) -> bool:
    """Whether a mode of writing is among the arguments."""
    named = [each.value for each in call.keywords if each.arg == "mode"]
    texts = [each.value for each in [*call.args, *named] if isinstance(each, ast.Constant)]
    modes = [text for text in texts if isinstance(text, str) and set(text) <= set("rwaxbt+U")]
    return any(set(mode) & set("wax+") for mode in modes)


def found() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(SRC)), name)
        for path in SRC.rglob("*.py")
        for name in direct_writes(path.read_text(encoding="utf-8"))
        if str(path.relative_to(SRC)) not in WRITERS
    }


def test_no_file_is_written_under_its_own_name():
    assert not found() - set(ALLOWED)


def test_every_exception_is_still_needed():
    assert not set(ALLOWED) - found()


@pytest.mark.parametrize(
    "breach",
    [
        'open(path, "w")',
        'open(path, mode="xb")',
        'path.open("a")',
        'path.write_text("...")',
        'path.write_bytes(b"")',
        "torch.save(state, path)",
        "np.savez(path, x=x)",
        "figure.savefig(path)",
        "json.dump(fields, file)",
        "safetensors.torch.save_file(state, path)",
        'zipfile.ZipFile(path, "w")',
        "shutil.move(a, b)",
    ],
)
def test_a_breach_is_caught(breach):
    assert list(direct_writes(breach))


@pytest.mark.parametrize("reading", ["open(path)", 'open(path, "rb")', "path.read_text()"])
def test_reading_is_allowed(reading):
    assert not list(direct_writes(reading))


@pytest.mark.parametrize("file", sorted(WRITERS))
def test_both_writers_flush_before_they_rename(file):
    text = (SRC / file).read_text()
    assert "os.fsync" in text
    assert ".replace(" in text
