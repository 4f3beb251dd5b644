"""The laws of the Keras layers on every backend that is installed, each in its own interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAWS = Path(__file__).with_name("laws.py")
ROOT = Path(__file__).parents[2]
# TensorFlow is in an environment on top of this one; see the Makefile.
ON_TOP = Path(sys.prefix) / "tensorflow" / "bin" / "python"
INTERPRETERS = {"torch": sys.executable, "jax": sys.executable, "tensorflow": str(ON_TOP)}

# Nothing here is called twice: JAX need not optimise it; TensorFlow need not tell about itself.
QUICKLY = {"XLA_FLAGS": "--xla_backend_optimization_level=0", "TF_CPP_MIN_LOG_LEVEL": "3"}


def has(interpreter: str, backend: str) -> bool:
    program = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({backend!r}))"
    exists = Path(interpreter).exists()
    return exists and subprocess.run([interpreter, "-c", program]).returncode == 0


@pytest.mark.parametrize("backend", INTERPRETERS)
def test_the_laws_hold_on_the_backend(backend, capsys):
    interpreter = INTERPRETERS[backend]
    if not has(interpreter, backend):
        pytest.skip(f"{backend} is not installed")
    result = subprocess.run(
        [interpreter, "-m", "pytest", "-p", "no:cacheprovider", str(LAWS)],
        cwd=ROOT,
        env=os.environ | QUICKLY | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    with capsys.disabled():
        print(f" {backend}: {result.stdout.strip().splitlines()[-1]} ", end="")
