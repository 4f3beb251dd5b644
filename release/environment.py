"""An empty environment outside the checkout, like that of a user who installs a release."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"


class Environment:
    """A virtual environment without pip, in a directory of its own.

    Args:
        directory: Where to make it; commands run there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "environment" / "bin"
        command = [sys.executable, "-m", "venv", "--without-pip", directory / "environment"]
        subprocess.run(command, check=True)

    def install(self, what: str, *options: str) -> None:
        """Install with pip, at the versions of the constraints file."""
        command = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install"]
        command += ["--quiet", "--constraint", str(ROOT / "constraints.txt"), *options, what]
        subprocess.run(command, cwd=self.directory, env=_clean(), check=True)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs and return what it said."""
        command = [str(self.bin / program), *arguments]
        return subprocess.run(
            command, cwd=self.directory, env=_clean(), capture_output=True, text=True, check=False
        )


@contextmanager
def bare_environment() -> Iterator[Environment]:
    """Make an environment outside the checkout, and delete it afterwards."""
    with TemporaryDirectory(prefix="bare-") as directory:
        yield Environment(Path(directory))


def released(suffix: str) -> Path:
    """Return the file under dist/ that ends so.

    Raises:
        SystemExit: If there is not exactly one.
    """
    found = sorted(DIST.glob(f"torch_coordconv-*{suffix}"))
    if len(found) != 1:
        raise SystemExit(f"release: expected one {suffix} in {DIST}, found {len(found)}")
    return found[0]


def _clean() -> dict[str, str]:
    """The surroundings without what would lead an interpreter back to the checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
