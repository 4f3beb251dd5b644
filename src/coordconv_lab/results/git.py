"""Call git, to record the commit of a run and to find ignored files of results."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from coordconv_lab.errors import InputError


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory. GIT_* environment variables, which hooks set, are ignored.

    Raises:
        OSError: Git is not installed.
        subprocess.CalledProcessError: The command failed.
    """
    environment: Mapping[str, str] = {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_")
    }
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    return done.stdout.decode().strip()


def ignored_files(directory: Path) -> set[Path]:
    """Return the files below a directory that git ignores.

    The set is empty outside of a checkout, and if the directory itself is ignored.

    Raises:
        InputError: The directory is in a checkout, and git fails.
    """
    place = directory.resolve()
    if not any((parent / ".git").exists() for parent in (place, *place.parents)):
        return set()
    try:
        listed = git(
            directory, "ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", "."
        )
        if listed and _is_ignored(place):
            return set()
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace") or str(error)
        raise InputError(
            f"git cannot list the ignored files in {directory}, which must not be packed: "
            f"{said.strip()}"
        ) from error
    return {directory / name for name in listed.split("\0") if name}


def _is_ignored(directory: Path) -> bool:
    try:
        git(directory.parent, "check-ignore", "-q", "--", directory.name)
    except subprocess.CalledProcessError:
        return False
    return True
