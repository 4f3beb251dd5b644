"""Find sweeps by name, such as the paper's grids and all studies, or read them from files."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.studies import Study, known_studies, known_sweeps
from coordconv_lab.sweep.space import Space, listed
from coordconv_lab.sweep.space_file import SUFFIXES, read_space


class Sweep(NamedTuple):
    """The runs of a sweep, or a space to search.

    Attributes:
        study: The rows of runs; without runs if a search proposes them.
        space: The space to search; None if all runs are known.
    """

    study: Study
    space: Space | None = None

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return self.study.name


def sweep_named(name: str, settings: Mapping[str, Any] | None = None, row: str = "") -> Sweep:
    """Return a sweep by name, or from a file.

    Args:
        name: Name of a sweep or study, or path of a YAML or TOML file.
        settings: Overrides for every run, by dotted path, for example to shorten a sweep.
        row: Keep only rows whose name contains this text.

    Raises:
        InputError: There is no such sweep, or the file or a setting is not valid.
    """
    path = Path(name)
    if path.suffix in SUFFIXES:
        space = read_space(path)
        if space.search == "optuna":
            if settings:
                raise InputError(
                    "--set is not supported with search: optuna; write the setting into the file"
                )
            if row:
                raise InputError(
                    "--row is not supported with search: optuna; write the rows into the file"
                )
            return Sweep(Study(space.name, space.question, {}), space)
        return Sweep(_changed(listed(space).only(row), settings))
    sources = {**known_sweeps(), **known_studies()}
    if name not in sources:
        near = get_close_matches(name, sources, n=1)
        hint = f"did you mean {near[0]}" if near else f"the sweeps are {', '.join(sources)}"
        raise InputError(
            f"there is no sweep {name!r}; {hint}; the name of a file must end in "
            f"{' or '.join(SUFFIXES)}"
        )
    return Sweep(_changed(sources[name]().only(row), settings))


def _changed(study: Study, settings: Mapping[str, Any] | None) -> Study:
    if not settings:
        return study
    for path in ("task", "data.split", "model.kind"):
        if path in settings:
            raise InputError(
                f"{path} cannot be changed for every run of {study.name}, because its rows are "
                "named by task, split and network; select rows with --row"
            )
    arms: dict[str, Sequence[Any]] = {}
    for name, specs in study.arms.items():
        changed = [with_settings(spec, settings) for spec in specs]
        arms[name] = list({spec.id: spec for spec in changed}.values())
    ids = [spec.id for specs in arms.values() for spec in specs]
    if len(set(ids)) < len(ids):
        raise InputError(
            f"setting {', '.join(settings)} makes rows of {study.name} identical; select one row "
            "with --row, or omit the setting"
        )
    return study._replace(arms=arms)
