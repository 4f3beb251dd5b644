"""Calls of git, for provenance and to find out which files of results are ignored."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from coordconv_lab.errors import InputError


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory, ignoring GIT_* variables, which are set in hooks.

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
    """Return the files below a directory that git ignores; an empty set outside a checkout.

    If the directory itself is ignored, its files have no rules, so an empty set is returned.

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
            f"git cannot list the files that it ignores in {directory}, which are not to be "
            f"packed: {said.strip()}"
        ) from error
    return {directory / name for name in listed.split("\0") if name}


def _is_ignored(directory: Path) -> bool:
    try:
        git(directory.parent, "check-ignore", "-q", "--", directory.name)
    except subprocess.CalledProcessError:
        return False
    return True
