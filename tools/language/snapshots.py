"""The text files of the project, in the working tree or at a commit."""

import io
import subprocess
import tarfile
from pathlib import Path

from prose import READERS

OF_OTHERS = ("plotly-basic.min.js",)


def in_the_working_tree(root: Path) -> dict[str, str]:
    """Return the files with prose by their paths, including untracked files."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    names = sorted(name for name in set(listed.split("\0")) if _has_prose(name))
    return {name: (root / name).read_text() for name in names if (root / name).is_file()}


def at_commit(root: Path, commit: str) -> dict[str, str]:
    """Return the files with prose at a commit, by their paths."""
    command = ["git", "archive", "--format=tar", commit]
    packed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = [one for one in archive if one.isfile() and _has_prose(one.name)]
        files = {one.name: archive.extractfile(one) for one in members}
        return {name: file.read().decode() for name, file in sorted(files.items()) if file}


def _has_prose(name: str) -> bool:
    return name.endswith(tuple(READERS)) and not name.endswith(OF_OTHERS)
