"""Nothing in the source can run what a file holds, and the check that says so can fail."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "shutil.unpack_archive"}
METHODS = {"extract", "extractall", "load_from_checkpoint"}
UNSAFE = {  # a call of that name needs this argument, or lacks this one
    "torch.load": ("weights_only", True, True),
    "np.load": ("allow_pickle", False, False),
    "numpy.load": ("allow_pickle", False, False),
}
YAML = {"load", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}


def breaches(tree: ast.AST) -> Iterator[str]:
    """Yield the calls of a program that may run code from a file or start a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (f"import {n}" for n in names if n.split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    given = {word.arg: getattr(word.value, "value", word.value) for word in node.keywords}
    owner, _, last = name.rpartition(".")
    if name in CALLS or (owner and last in METHODS):
        yield name
    if name in UNSAFE:
        argument, value, must_be_there = UNSAFE[name]
        if given.get(argument, not must_be_there and value) is not value:
            yield f"{name} with another {argument} than {value}"
    if (owner == "yaml" and last in YAML) or (
        last == "load" and owner.endswith(("torch.export", "fabric"))
    ):
        yield name
    if given.get("shell", False) is not False:
        yield f"{name} with a shell"


FILES = sorted(SOURCE.rglob("*.py"))


def test_no_file_is_unpickled_evaluated_or_given_to_a_shell():
    found = {
        str(path.relative_to(SOURCE)): said
        for path in FILES
        if (said := list(breaches(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert len(FILES) > 100
    assert found == {}


@pytest.mark.parametrize(
    "breach",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, yaml.Loader)",
        "yaml.unsafe_load(text)",
        "eval(text)",
        "exec(text)",
        "os.system(line)",
        "subprocess.run(line, shell=True)",
        "shutil.unpack_archive(path)",
        "archive.extractall(place)",
        "torch.export.load(path)",
        "self._fabric.load(path)",
        "Trained.load_from_checkpoint(path)",
    ],
)
def test_a_breach_is_caught(breach):
    assert list(breaches(ast.parse(breach)))


@pytest.mark.parametrize(
    "fine",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=False)",
        "yaml.safe_load(text)",
        "net.eval()",
        "torch.compile(net)",
        "subprocess.run(parts)",
    ],
)
def test_safe_calls_are_allowed(fine):
    assert not list(breaches(ast.parse(fine)))
