"""Importing the library needs torch and the standard library, and is quick."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import coordconv

SOURCE = Path(coordconv.__file__).parents[1]
# Records who imports what, because torch itself may have loaded a package that we must not use.
RECORD_IMPORTS = """
import builtins, sys
package, found, original = sys.argv[1], set(), builtins.__import__

def recording_import(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    if level == 0 and importer == package:
        found.add(name.partition(".")[0])
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = recording_import
original(package)
print(*sorted(found))
"""

# Modules of torch that take long to import, and that a layer does not need.
HEAVY = ("torch._dynamo", "torch._inductor", "torch._functorch.aot", "torch.distributed", "sympy")
HEAVY += ("torch.onnx", "torch.export", "torch.fx.experimental", "torch.testing", "numpy", "mpmath")
# Small modules of torch or of the standard library that torch did not load itself.
MAX_OTHER_MODULES = 10

NEW_MODULES = """
import sys
import torch
before = set(sys.modules)
for name in sys.argv[1:]:
    __import__(name)
print(*sorted(set(sys.modules) - before))
"""


def imports_of(package: str, folder: Path) -> set[str]:
    """Return the top-level names that the package imports in a fresh interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", RECORD_IMPORTS, package],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split()) - set(sys.stdlib_module_names) - {package}


def test_the_library_imports_torch_and_the_standard_library_only():
    assert imports_of("coordconv", SOURCE) == {"torch"}


def test_the_import_test_can_fail(tmp_path):
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text("import json\nfrom heavy import inner\n")
    (tmp_path / "heavy" / "inner.py").write_text("import numpy.linalg\n")
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").touch()
    (tmp_path / "numpy" / "linalg.py").touch()
    assert imports_of("heavy", tmp_path) == {"numpy"}


def modules_after_torch(*packages: str, folder: Path) -> set[str]:
    """Return the modules that importing the packages adds to torch, in a fresh interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", NEW_MODULES, *packages],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in result.stdout.split() if name.partition(".")[0] not in packages}


def heavy(modules: set[str]) -> set[str]:
    """Return those of the modules that take long to import."""
    return {name for name in modules if name.startswith(HEAVY)}


@pytest.mark.parametrize("module", ["", ".export", ".costs", ".testing", ".conversion"])
def test_an_import_loads_no_compiler_and_few_other_modules(module):
    added = modules_after_torch("coordconv", f"coordconv{module}", folder=SOURCE)
    assert heavy(added) == set()
    assert len(added) <= MAX_OTHER_MODULES


def test_the_test_of_modules_can_fail(tmp_path):
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text(
        "import torch\n@torch.compiler.assume_constant_result\ndef constant(): pass\n"
    )
    added = modules_after_torch("slow", folder=tmp_path)
    assert {"torch._dynamo", "sympy"} <= heavy(added)
    assert len(added) > MAX_OTHER_MODULES
