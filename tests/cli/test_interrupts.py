"""Ctrl-C at any moment ends a command with one line and exit code 130."""

import signal
import subprocess
import sys
import threading

import pytest

from coordconv_lab import interrupts
from coordconv_lab.interrupts import interrupts_after_imports

PROGRAM = """
import os, signal, sys

name, rest = sys.argv[1], sys.argv[2:]

class Watch:
    def find_spec(self, found, *_):
        if found == name:
            sys.meta_path.remove(self)
            try:  # as in a C extension that ignores errors of its imports
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000):
                    pass
            except KeyboardInterrupt:
                pass

sys.meta_path.insert(0, Watch())
from coordconv_lab.__main__ import main
sys.exit(main(rest))
"""


@pytest.mark.slow("processes")
@pytest.mark.parametrize("module", ["cyclopts", "coordconv_lab.cli.train", "torch", "numpy.linalg"])
def test_ctrl_c_during_an_import_ends_a_command_in_one_line(module, tmp_path):
    command = ["train", "regression", "--epochs", "1000", "--runs", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        # A job in the background ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines() == [f"coordconv: {interrupts.INTERRUPTED}"]


def test_ctrl_c_outside_of_imports_is_not_delayed():
    with interrupts_after_imports(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_another_handler_of_ctrl_c_is_kept(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with interrupts_after_imports():
            assert signal.getsignal(signal.SIGINT) is handler
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_commands_run_in_other_threads():
    entered: list[bool] = []

    def work() -> None:
        with interrupts_after_imports():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]
