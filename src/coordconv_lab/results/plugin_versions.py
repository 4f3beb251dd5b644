"""Compare the versions of plug-ins that stored results were made with to the loaded ones."""

import re
import sys
from collections.abc import Mapping
from functools import cache

from coordconv_lab.errors import DamagedError
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec

_DIGEST = re.compile(r"\+[0-9a-f]{12}$")
"""The digest of a file at the end of a version. A version can itself contain "+", as in "1.0+cpu".
"""


def loaded_versions(spec: ExperimentSpec) -> dict[str, str]:
    """Return the versions of the plug-ins that define the task and the network of a run."""
    return {one.name: one.version for one in registry().sources(spec.task, spec.model.kind)}


def check_versions(stored: Mapping[str, str], spec: ExperimentSpec, source: str) -> None:
    """Check that a finished run was made with the loaded versions of its plug-ins.

    If only the file of a plug-in changed, but not its version, print a note.

    Args:
        stored: Versions of the plug-ins in the record of the run, by name.
        spec: Spec of the run.
        source: Name of the record, for messages.

    Raises:
        DamagedError: A version differs.
    """
    for name, version in loaded_versions(spec).items():
        old = stored.get(name, "")
        if _DIGEST.sub("", old) != _DIGEST.sub("", version):
            raise DamagedError(
                f"{source} was made with version {old or 'unknown'} of the plug-in {name}, but "
                f"version {version} is loaded, which may give other results; choose another "
                "directory of runs, or delete this run to train it again"
            )
        if old != version:
            _tell_once(
                f"the file of the plug-in {name} has changed since some runs were trained, but its "
                f"version is still {_DIGEST.sub('', version)}, so these runs are used; change the "
                "version if results change"
            )


@cache
def _tell_once(words: str) -> None:
    print(f"coordconv: {words}", file=sys.stderr)
