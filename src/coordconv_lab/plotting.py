"""Matplotlib with its default settings, independent of notebooks and matplotlibrc files."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from coordconv_lab.environment import variables

_log = logging.getLogger(__name__)


def import_matplotlib() -> None:
    """Import matplotlib even if the user's settings would make the import fail.

    On import, matplotlib reads MPLBACKEND and a matplotlibrc file. It fails if the backend of a
    notebook is not installed, or if the file is not text. This function therefore imports
    matplotlib without the user's settings. If possible, it applies them afterwards, so that
    programs that import this package keep them.
    """
    if "matplotlib" in sys.modules or (defaults := _defaults()) is None:
        return
    # A matplotlibrc in the working directory takes precedence over all others.
    elsewhere = chdir(defaults) if os.path.lexists("matplotlibrc") else nullcontext()
    with variables({"MPLBACKEND": None, "MATPLOTLIBRC": str(defaults)}), elsewhere:
        import matplotlib
    try:
        matplotlib.rcParams.update(matplotlib.rc_params())
        if backend := os.environ.get("MPLBACKEND"):
            matplotlib.rcParams["backend"] = backend
    except Exception as error:  # matplotlib raises different exceptions for different settings
        _log.warning("ignoring the settings of matplotlib: %s", " ".join(str(error).split()))


@contextmanager
def own_settings() -> Iterator[None]:
    """Make matplotlib ignore the user's settings, in this process and its subprocesses.

    This is for commands, which write files and do not open windows.
    """
    defaults = _defaults()
    changes = {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(defaults)}
    # These loggers warn about each invalid line of a matplotlibrc.
    loggers = [_log, logging.getLogger("matplotlib")]
    levels = [logger.level for logger in loggers]
    with variables({} if defaults is None else changes):
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def default_style() -> Iterator[None]:
    """Use matplotlib's default style in the block, and restore the settings at the end."""
    import_matplotlib()
    import matplotlib

    defaults: Any = {
        key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"
    }
    with matplotlib.rc_context(defaults):
        yield


def _defaults() -> Path | None:
    """Return the directory of matplotlib's own matplotlibrc, if matplotlib is installed."""
    spec = find_spec("matplotlib")
    return Path(spec.origin).parent / "mpl-data" if spec and spec.origin else None
