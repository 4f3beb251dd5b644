"""The commands; whatever is heavy is imported inside them, so that help comes at once."""

import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

# Importing the files adds their commands.
from coordconv_lab.cli import data, evidence, inspect, runs, sweep
from coordconv_lab.cli.app import app
from coordconv_lab.errors import InputError, printable

__all__ = ["app", "data", "evidence", "inspect", "main", "runs", "sweep"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 2 for bad input, 130 for Ctrl-C."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, InputError) as error:
        print(f"coordconv: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("coordconv: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
