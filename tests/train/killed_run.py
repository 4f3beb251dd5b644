"""A program for the tests: train a spec, and die by kill -9 once so many steps are done."""

import os
import signal
import sys
from pathlib import Path

from coordconv_lab.results import RunStore
from coordconv_lab.results.files import read_json
from coordconv_lab.specs import parse_spec
from coordconv_lab.train import SilentProgress, run


class KillAt(SilentProgress):
    def __init__(self, step: int) -> None:
        self.step = step

    def advance(self, step: int, loss) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    spec_file, runs, step, seconds = sys.argv[1:]
    spec = parse_spec(read_json(Path(spec_file)), spec_file)
    run(spec, RunStore(runs), KillAt(int(step)), checkpoint_seconds=float(seconds))
