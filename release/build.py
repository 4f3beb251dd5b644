"""Build the sdist and the wheel of a commit twice; keep them only if every byte is the same.

The second build happens elsewhere, later, and under another time zone, language and umask. A third
wheel comes from the tree without the detour over the sdist, and must be that of the sdist.

    python release/build.py [--out dist]
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from long_description import write_for_the_index

ROOT = Path(__file__).parents[1]
HERE = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}
ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "4711"}
LATER_SECONDS = 2.1  # A zip file knows times to two seconds.


class ReleaseError(Exception):
    """There is nothing to release; the message says why."""


def main() -> int:
    """Build, compare and keep; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out
    try:
        with TemporaryDirectory() as directory:
            files = built_twice(Path(directory))
            keep(files, out)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    return 0


def built_twice(directory: Path) -> list[Path]:
    """Return the files of the first build, if the others are the same."""
    if git("status", "--porcelain", "--untracked-files=no"):
        raise ReleaseError("a release is made of a commit; commit what is changed, or stash it")
    first = build(export(directory / "a"), HERE, umask=0o022)
    time.sleep(LATER_SECONDS)
    second_tree = export(directory / "another folder, with a longer name")
    for path in second_tree.rglob("*"):
        os.utime(path)  # An export gives every file the time of the commit.
    second = build(second_tree, ELSEWHERE, umask=0o077)
    compare(first, second)
    from_tree = build(export(directory / "tree"), HERE, "--wheel", umask=0o022)
    compare([path for path in first if path.suffix == ".whl"], from_tree)
    return first


def export(directory: Path) -> Path:
    """Write the files of the commit, and no uncommitted ones, to a new directory."""
    directory.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "x"], cwd=directory, input=archive.stdout, check=True)
    write_for_the_index(directory)
    return directory


def build(tree: Path, surroundings: dict[str, str], *what: str, umask: int) -> list[Path]:
    """Build in a tree: an sdist and the wheel of that sdist, unless told what."""
    tools = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    epoch = git("log", "-1", "--format=%ct")
    environment = os.environ | surroundings | {"SOURCE_DATE_EPOCH": epoch, "PATH": tools}
    command = [sys.executable, "-m", "build", "--no-isolation", *what, "."]
    done = subprocess.run(
        command, cwd=tree, env=environment, umask=umask, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"the build failed: {done.stdout}{done.stderr}")
    return sorted((tree / "dist").iterdir())


def compare(first: list[Path], second: list[Path]) -> None:
    """Refuse two builds that are not the same in names and bytes."""
    left = {path.name: sha256(path) for path in first}
    right = {path.name: sha256(path) for path in second}
    if left != right or not left:
        lines = [f"  {name}: {left.get(name)}, {right.get(name)}" for name in left | right]
        raise ReleaseError("two builds of one commit are not the same:\n" + "\n".join(lines))


def keep(files: list[Path], out: Path) -> None:
    """Copy the files beside their sums, in place of those of any other commit."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("torch_coordconv-*"):
        old.unlink()
    lines = [f"{sha256(path)}  {path.name}" for path in files]
    for path, line in zip(files, lines, strict=True):
        shutil.copyfile(path, out / path.name)
        print(f"{line}  {path.stat().st_size:,} bytes, built twice")
    (out / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def sha256(path: Path) -> str:
    """Return the sum of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git(*arguments: str) -> str:
    """Return what git says about the checkout."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
