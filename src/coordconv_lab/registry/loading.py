"""Find and load plug-ins, which are built in, installed as a package, or given as a file.

A plug-in is code that runs with the permissions of the user. It is only loaded if it is built in or
installed, or if its file is named on the command line or in ``COORDCONV_PLUGINS``. It is not loaded
just because a record names it.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.python_files import import_file, working_directory
from coordconv_lab.registry.descriptors import Plugin
from coordconv_lab.registry.entries import Registry

GROUP = "coordconv_lab.experiments"
"""Group of the entry points by which installed packages declare plug-ins."""

VARIABLE = "COORDCONV_PLUGINS"
"""Environment variable with the files of plug-ins, separated like PATH, for worker processes."""

ATTRIBUTE = "PLUGIN"
"""Name of the variable that contains the `Plugin` in a file."""

# These modules are named by strings, so that this module does not import experiments.
_BUILT_IN = tuple(
    f"coordconv_lab.experiments.{name}"
    for name in ("notsoclevr", "digits", "brains", "climate", "tiles", "signal", "volume")
)

_registry = Registry()
_files: dict[Path, Plugin] = {}
_is_loaded = False


def registry() -> Registry:
    """Return the registry. The first call loads the plug-ins.

    Raises:
        InputError: A plug-in cannot be loaded.
    """
    global _is_loaded
    if not _is_loaded:
        _is_loaded = True  # set before loading, because a plug-in may call this function
        try:
            for name in _BUILT_IN:
                _registry.add(_plugin_of(import_module(name), name))
            for point in entry_points(group=GROUP):
                _add_installed(point)
            for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
                _add_file(Path(name))
        except BaseException:
            _is_loaded = False
            _forget()
            raise
    return _registry


def use_plugins(files: Sequence[Path | str]) -> None:
    """Load the files of plug-ins in this process, and in all processes that it starts.

    Raises:
        InputError: A file cannot be loaded.
    """
    registry()
    before = [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    for name in files:
        path = Path(name).resolve()
        if os.pathsep in str(path):
            raise InputError(
                f"--plugin: the path of a file cannot contain {os.pathsep}; got {path}"
            )
        _add_file(path)
        if str(path) not in before:
            before.append(str(path))
    if files:
        os.environ[VARIABLE] = os.pathsep.join(before)


def plugin_versions() -> dict[str, str]:
    """Return the versions of the plug-ins that were loaded from files, by the path of the file."""
    return {str(path): plugin.version for path, plugin in _files.items()}


def _forget() -> None:
    """Empty the registry after an error, so that the next call raises the same error again."""
    global _registry
    _registry = Registry()
    _files.clear()


def _add_installed(point: EntryPoint) -> None:
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"the installed plug-in {point.name} ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}; fix or uninstall its package"
        ) from error
    plugin = _plugin_of(found, point.value) if isinstance(found, ModuleType) else found
    if not isinstance(plugin, Plugin):
        raise InputError(
            f"the installed plug-in {point.name} ({point.value}) must be a "
            f"coordconv_lab.registry.Plugin; got {in_short(plugin)}"
        )
    _registry.add(plugin)


def _add_file(path: Path) -> None:
    path = path.resolve()
    if path in _files:
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the plug-in {path}: {error.strerror or error}") from error
    before = working_directory()
    plugin = _plugin_of(import_file(path, "the plug-in"), str(path))
    if before is not None and working_directory() != before:
        os.chdir(before)
        raise InputError(
            f"the plug-in {path} changes the working directory, to which the directory of runs is "
            "relative; remove the call of os.chdir"
        )
    # Add a digest to the version, because a file may be changed without a new version number.
    digest = hashlib.sha256(content).hexdigest()[:12]
    plugin = replace(plugin, version=f"{plugin.version}+{digest}")
    _registry.add(plugin)
    _files[path] = plugin


def _plugin_of(module: ModuleType, source: str) -> Plugin:
    plugin = getattr(module, ATTRIBUTE, None)
    if not isinstance(plugin, Plugin):
        raise InputError(
            f"{source} must define {ATTRIBUTE}, a coordconv_lab.registry.Plugin; got "
            f"{in_short(plugin)}"
        )
    return plugin
