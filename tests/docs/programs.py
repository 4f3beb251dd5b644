"""Run a program that writes pages in this process, because importing torch anew takes longer."""

import runpy
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "tools" / "pages"


def is_current(program: str) -> bool:
    """Whether the pages of a program in tools/pages match what they are made from."""
    path = PROGRAMS / program
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(path), "--check"])
        patch.syspath_prepend(PROGRAMS)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(path), run_name="__main__")
    return not end.value.code
