"""Importing the library needs torch and the standard library, and is quick."""

import os
import subprocess
import sys
from pathlib import Path

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
MODULES = ("export", "costs", "testing", "conversion")
# Small modules of torch or of the standard library that torch did not load itself.
MAX_OTHER_MODULES = 10

# Each argument names modules, which a copy of the process imports after torch.
NEW_MODULES = """
import os
import sys
import torch
before = set(sys.modules)
for names in sys.argv[1:]:
    if os.fork() == 0:
        for name in names.split():
            __import__(name)
        print(*sorted(set(sys.modules) - before), flush=True)
        os._exit(0)
    os.wait()
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


def modules_after_torch(*imports: str, folder: Path) -> list[set[str]]:
    """Return the modules that each import of packages adds to torch."""
    result = subprocess.run(
        [sys.executable, "-c", NEW_MODULES, *imports],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [set(line.split()) for line in result.stdout.splitlines()]
    own = {name.partition(".")[0] for names in imports for name in names.split()}
    return [{name for name in names if name.partition(".")[0] not in own} for names in found]


def heavy(modules: set[str]) -> set[str]:
    """Return those of the modules that take long to import."""
    return {name for name in modules if name.startswith(HEAVY)}


def test_an_import_loads_no_compiler_and_few_other_modules():
    modules = ["coordconv", *(f"coordconv.{name}" for name in MODULES)]
    found = modules_after_torch(*modules, folder=SOURCE)
    assert len(found) == len(modules)
    for module, added in zip(modules, found, strict=True):
        assert heavy(added) == set(), module
        assert len(added) <= MAX_OTHER_MODULES, module


def test_the_test_of_modules_can_fail(tmp_path):
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text(
        "import torch\n@torch.compiler.assume_constant_result\ndef constant(): pass\n"
    )
    (added,) = modules_after_torch("slow", folder=tmp_path)
    assert {"torch._dynamo", "sympy"} <= heavy(added)
    assert len(added) > MAX_OTHER_MODULES
