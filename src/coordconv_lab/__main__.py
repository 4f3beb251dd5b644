"""`python -m coordconv_lab` is the command `coordconv`."""

import os
import sys
from collections.abc import Sequence

from coordconv_lab.environment import passive_waiting
from coordconv_lab.interrupts import INTERRUPTED, interrupts_after_imports
from coordconv_lab.python_files import file_of_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; if packages of the laboratory are missing, say how to install them.

    Returns:
        The exit code of the command, 2 if a package is missing, or 130 after Ctrl-C.
    """
    os.environ.update(passive_waiting())  # before any command imports torch
    # The command is installed with the library, but the packages that it needs are not.
    try:
        with interrupts_after_imports():
            from coordconv_lab.cli import main as run

            return run(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "coordconv").startswith("coordconv"):
            raise
        file = file_of_error(error)
        print(
            f"coordconv: the commands need {error.name}, which is not installed; run "
            "pip install 'torch-coordconv[lab]'"
            if file is None
            else f"coordconv: {file} needs {error.name}, which is not installed; install it",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:  # before the command started
        print(f"coordconv: {INTERRUPTED}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
