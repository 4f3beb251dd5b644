"""The command line of the laboratory.

Commands import slow modules such as torch when they are called, so that ``--help`` is fast.
"""

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from cyclopts import CycloptsError

# Importing these modules registers their commands.
from coordconv_lab.cli import (
    data,
    evidence,
    inspect,
    reproduce,
    results,
    sweep,
    sweep_show,
    train,
    trial,
)
from coordconv_lab.cli.app import app
from coordconv_lab.cli.output import printing
from coordconv_lab.cli.plugins import split_plugins
from coordconv_lab.errors import InputError, printable
from coordconv_lab.interrupts import INTERRUPTED
from coordconv_lab.plotting import own_settings
from coordconv_lab.python_files import file_of_error

__all__ = [
    "app",
    "data",
    "evidence",
    "inspect",
    "main",
    "reproduce",
    "results",
    "sweep",
    "sweep_show",
    "train",
    "trial",
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Returns:
        0 on success. 1 if code of a plug-in called `sys.exit`. 2 for invalid input, or if something
        could not be read, written or printed.
        130 after Ctrl-C. 141 if the command succeeded but the reader of its output closed the pipe.
    """
    try:
        rest, plugins = split_plugins(sys.argv[1:] if arguments is None else arguments)
        with own_settings(), printing() as output:
            if plugins:
                from coordconv_lab.registry import use_plugins

                use_plugins(plugins)
            app(rest, exit_on_error=False, print_error=False, result_action="return_value")
    except OSError as error:
        _say(f"cannot use {error.filename}: {error.strerror}" if error.filename else str(error))
        return 2
    except (CycloptsError, InputError, UnicodeError) as error:
        _say(str(error))
        return 2
    except SystemExit as error:
        file = file_of_error(error)
        if file is None:
            raise
        traceback.print_exc()
        _say(f"{file} called sys.exit({error.code!r}), so the command has ended early")
        return 1
    except KeyboardInterrupt:
        _say(INTERRUPTED)
        return 130
    if isinstance(output.error, BrokenPipeError):
        return 128 + 13  # the exit code of a process that SIGPIPE ends
    if output.error:
        _say(f"cannot print: {output.error.strerror}; everything else has succeeded")
        return 2
    return 0


def _say(words: str) -> None:
    with suppress(OSError):
        print(f"coordconv: {printable(' '.join(words.split()))}", file=sys.stderr)
