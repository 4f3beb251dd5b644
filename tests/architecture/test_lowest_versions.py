"""The library and its tests run with the oldest torch that it allows, and with nothing beside it.

The matrix (noxfile.py) runs them there. These tests notice early what broke the matrix before.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.matrix import TESTS

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "src" / "coordconv").rglob("*.py"))
INSTALLED = {
    "torch",
    "functorch",
    "pytest",
    "hypothesis",
    "coordconv",
    "tests",
    *sys.stdlib_module_names,
}


def has_union(node: ast.AST) -> bool:
    return any(isinstance(part, ast.BitOr) for part in ast.walk(node))


def names_of_unions(source: str) -> set[str]:
    """Return the names of a module that stand for unions."""
    given = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id for node in given if has_union(node.value)}


def checks_of_unions(source: str, unions: set[str]) -> Iterator[int]:
    """Yield the lines that call `isinstance` with a union."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "isinstance":
            names = {part.id for part in ast.walk(call.args[1]) if isinstance(part, ast.Name)}
            if has_union(call.args[1]) or names & unions:
                yield call.lineno


UNIONS = set().union(*(names_of_unions(file.read_text()) for file in LIBRARY))


def imported_at_once(source: str) -> set[str]:
    """Return the top-level names of the packages that a module imports when it is imported."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def library_tests() -> list[Path]:
    """Return the files that the matrix runs with only the library installed."""
    ignored = {part.partition("=")[2] for part in TESTS["library"] if part.startswith("--ignore=")}
    folders = [ROOT / part for part in TESTS["library"] if not part.startswith("--ignore=")]
    files = [file for folder in folders for file in (folder.rglob("*.py") or [folder])]
    return [file for file in files if str(file.relative_to(ROOT)) not in ignored]


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_check_of_a_type_uses_a_union_which_old_compilers_cannot_trace(file):
    # torch.compile of torch 2.7 ends with an error at `isinstance(x, A | B)`.
    assert not list(checks_of_unions(file.read_text(), UNIONS))


def test_the_tests_of_the_library_import_only_what_its_cell_installs():
    files = library_tests()
    assert len(files) > 50
    missing = {file.name: imported_at_once(file.read_text()) - INSTALLED for file in files}
    assert {name: packages for name, packages in missing.items() if packages} == {}
