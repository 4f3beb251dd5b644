"""Studies and sweeps of all experiments by name."""

from collections.abc import Callable
from difflib import get_close_matches

from coordconv_lab.errors import InputError
from coordconv_lab.registry import Reference, registry, resolve
from coordconv_lab.studies.study import Study

Studies = dict[str, Callable[[], Study]]


def known_studies() -> Studies:
    """Return the studies of all experiments, in the order of the experiments.

    Raises:
        InputError: Two experiments have a study with the same name.
    """
    return _merged([one.studies for one in registry().experiments.values()])


def known_replications() -> set[str]:
    """Return the names of the studies that repeat another study with new seeds."""
    return {name for name, make in known_studies().items() if make().replicates is not None}


def known_sweeps() -> Studies:
    """Return the sweeps of all experiments that are not studies.

    Raises:
        InputError: Two experiments have a sweep with the same name.
    """
    return _merged([one.sweeps for one in registry().experiments.values()])


def _merged(references: list[Reference | None]) -> Studies:
    found: Studies = {}
    for reference in references:
        for name, make in (resolve(reference)() if reference else {}).items():
            if name in found:
                raise InputError(f"there are two studies with the name {name!r}; rename one")
            found[name] = make
    return found


def study_named(name: str) -> Study:
    """Return the study with this name.

    Raises:
        InputError: There is no such study.
    """
    known = known_studies()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the studies are {', '.join(known)}"
        raise InputError(f"there is no study {name!r}; {hint}")
    return known[name]()
