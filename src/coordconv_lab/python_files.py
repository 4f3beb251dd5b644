"""Import Python files of the user under unique names, and find errors of such files."""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from sysconfig import get_path
from traceback import walk_tb
from types import ModuleType

from coordconv_lab.errors import InputError

__all__ = ["file_of_error", "import_file", "module_name", "working_directory"]

_INSTALLED = (
    Path(__file__).parent,
    *(Path(get_path(name)) for name in ("stdlib", "purelib", "platlib")),
)


def module_name(path: Path) -> str:
    """Return the name under which `import_file` imports a file."""
    path = path.resolve()
    return f"coordconv_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def import_file(path: Path, kind: str) -> ModuleType:
    """Import a Python file that is not in a package.

    Args:
        path: The file.
        kind: The kind of file, for messages, such as "the plug-in".

    Raises:
        InputError: The file is not a Python file, or raises an error on import.
    """
    path = path.resolve()
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{kind} {path} must be a Python file with the suffix .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickle looks for the classes of the file there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        said = " ".join(str(error).split())
        raise InputError(
            f"{kind} {path} cannot be loaded: {type(error).__name__}: {said}"
        ) from error
    return module


def file_of_error(error: BaseException) -> Path | None:
    """Return the file of the user in whose call an error was raised, or None if there is none.

    Files of the laboratory and of installed packages are not files of the user.
    """
    names = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    paths = [Path(name) for name in names if not name.startswith("<")]
    own = [path for path in paths if not any(map(path.is_relative_to, _INSTALLED))]
    return own[-1] if own else None


def working_directory() -> str | None:
    """Return the working directory, which code of the user may change; None if it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return None
