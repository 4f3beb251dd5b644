"""Importing the library needs torch and the standard library, nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import coordconv

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
    assert imports_of("coordconv", Path(coordconv.__file__).parents[1]) == {"torch"}


def test_the_import_test_can_fail(tmp_path):
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text("import json\nfrom heavy import inner\n")
    (tmp_path / "heavy" / "inner.py").write_text("import numpy.linalg\n")
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").touch()
    (tmp_path / "numpy" / "linalg.py").touch()
    assert imports_of("heavy", tmp_path) == {"numpy"}
