"""A program for the tests: train specs, and die by signal 9 after a number of steps.

It imports torch once. Every line of its input starts a fork, which dies; its exit code is printed.
"""

import json
import os
import signal
import sys

from coordconv_lab.results import RunStore
from coordconv_lab.specs import parse_spec
from coordconv_lab.train import SilentProgress, run


class KillAt(SilentProgress):
    def __init__(self, step: int) -> None:
        self.step = step

    def advance(self, step: int, loss) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    for line in sys.stdin:
        fields, runs, step = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run(parse_spec(fields, "stdin"), RunStore(runs), KillAt(step), checkpoint_seconds=0)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
