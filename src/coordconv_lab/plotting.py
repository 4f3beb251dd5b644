"""Matplotlib with its own defaults, whatever a notebook or the user's matplotlibrc says."""

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
    """Import matplotlib, also where the user's settings would make its import fail.

    It reads MPLBACKEND and a matplotlibrc as it is imported, and fails if a notebook's backend is
    not installed or the file is not text. So it is imported without them, and gets them afterwards
    if it can use them: programs that import this package keep their settings.
    """
    if "matplotlib" in sys.modules or (defaults := _defaults()) is None:
        return
    # The matplotlibrc of the working directory comes before all others.
    elsewhere = chdir(defaults) if os.path.lexists("matplotlibrc") else nullcontext()
    with variables({"MPLBACKEND": None, "MATPLOTLIBRC": str(defaults)}), elsewhere:
        import matplotlib
    try:
        matplotlib.rcParams.update(matplotlib.rc_params())
        if backend := os.environ.get("MPLBACKEND"):
            matplotlib.rcParams["backend"] = backend
    except Exception as error:  # a file can fail in as many ways as there are kinds of values
        _log.warning("settings of matplotlib are ignored: %s", " ".join(str(error).split()))


@contextmanager
def own_settings() -> Iterator[None]:
    """Have matplotlib, in this process and those it starts, read no settings of the user.

    It is for commands: they draw files and show no windows.
    """
    defaults = _defaults()
    changes = {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(defaults)}
    # They warn of each line of a matplotlibrc that cannot be used.
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
    """Draw and save figures as matplotlib does by default, and restore the settings at the end."""
    import_matplotlib()
    import matplotlib

    defaults: Any = {
        key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"
    }
    with matplotlib.rc_context(defaults):
        yield


def _defaults() -> Path | None:
    """The directory with the matplotlibrc that comes with matplotlib, if that is installed."""
    spec = find_spec("matplotlib")
    return Path(spec.origin).parent / "mpl-data" if spec and spec.origin else None
