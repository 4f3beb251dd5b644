"""Finished runs and their learning curves, grouped into networks and cells of the table."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, TypeVar

from coordconv_lab.errors import InputError, printable
from coordconv_lab.recipes.names import data_names, network_names
from coordconv_lab.registry import registry
from coordconv_lab.report.page_format import named, style
from coordconv_lab.report.panels import panels_of
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.stored import is_stored

DRAWN = 6
"""Maximum number of networks per family and cell in charts; the best networks are drawn."""

Content = TypeVar("Content")


class Run(NamedTuple):
    """One finished run.

    Attributes:
        name: The name of the run's directory.
        record: The record.
        curve: The learning curve, or None if there is none; `gaps` then says why.
        files: Contents of the files that the experiment's panels show, by file name.
        gaps: Messages about unusable files, by file name.
    """

    name: str
    record: Record
    curve: list[CurveRow] | None
    files: Mapping[str, Any]
    gaps: Mapping[str, str]

    @property
    def settings(self) -> str:
        """Id of the spec without its seed; runs with the same id can be averaged."""
        return self.record.spec.model_copy(update={"seed": 0}).id


class Network(NamedTuple):
    """The runs with the same settings, task and data, by seed.

    Attributes:
        name: A name that no other network in the same cell has.
        runs: The runs, at least one.
    """

    name: str
    runs: Sequence[Run]

    @property
    def first(self) -> Run:
        """The run of the first seed."""
        return self.runs[0]

    @property
    def task(self) -> str:
        """The task."""
        return self.first.record.spec.task

    @property
    def family(self) -> str:
        """The family of the network, such as coordconv, deconv or conv."""
        return self.first.record.spec.model_name

    @property
    def style(self) -> str:
        """The style class with the network's color."""
        return style(self.task, self.family)

    @property
    def id(self) -> str:
        """The id of the settings."""
        return self.first.settings

    @property
    def scores(self) -> tuple[float, float]:
        """The mean main score on held-out examples, and that on training examples."""
        records = [run.record for run in self.runs]
        return fmean(one.test_score for one in records), fmean(one.train_score for one in records)

    def label(self, run: Run) -> str:
        """Return the name and the seed of one of its runs."""
        return f"{self.name}, seed {run.record.spec.seed}"


class Cell(NamedTuple):
    """The networks of one task on the same data.

    Attributes:
        task: The task.
        split: The split of the data.
        data: Description of the data, starting with the split.
        networks: The networks, at least one, the best first.
    """

    task: str
    split: str
    data: str
    networks: Sequence[Network]

    @property
    def detail(self) -> str:
        """The data as a phrase, such as "quadrant split, square of 5 px"."""
        return f"{self.split} split{self.data.removeprefix(self.split)}"

    @property
    def title(self) -> str:
        """The task and the data."""
        return f"{named(self.task)}, {self.detail}"

    @property
    def runs(self) -> list[Run]:
        """All runs of the networks."""
        return [run for network in self.networks for run in network.runs]


def compared_families(task: str) -> tuple[str, str]:
    """Return the families that are compared on a task: the main family, then the baseline."""
    known = registry()
    return known.main_family(task), known.task(task).baseline


def in_order(tasks: Sequence[str]) -> list[str]:
    """Return tasks, each once, in the order of their experiments."""
    return [task for task in registry().tasks if task in tasks]


def cells_of(runs: Sequence[Run]) -> list[Cell]:
    """Group runs by task and data, then by settings.

    Args:
        runs: Finished runs.

    Returns:
        The cells, in the order of experiments, tasks and splits.
    """
    groups: dict[str, dict[str, list[Run]]] = {task: {} for task in registry().tasks}
    for run in runs:
        spec = run.record.spec
        groups[spec.task].setdefault(spec.data.model_dump_json(), []).append(run)
    return [cell for task, group in groups.items() for cell in _cells(task, list(group.values()))]


def _cells(task: str, groups: Sequence[list[Run]]) -> list[Cell]:
    splits = registry().experiment_of(task).splits
    names = data_names([runs[0].record.spec for runs in groups])
    cells = [
        Cell(task, str(runs[0].record.spec.data.split), name, _networks(task, runs))
        for name, runs in zip(names, groups, strict=True)
    ]
    place = {split: at for at, split in enumerate(splits)}
    return sorted(cells, key=lambda c: (place.get(c.split, len(place)), len(c.data), c.data))


def _networks(task: str, runs: Sequence[Run]) -> list[Network]:
    by_settings: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.record.spec.seed):
        by_settings.setdefault(run.settings, []).append(run)
    groups = list(by_settings.values())
    names = network_names([group[0].record.spec for group in groups])
    networks = [Network(name, group) for name, group in zip(names, groups, strict=True)]
    families = compared_families(task)

    def place(network: Network) -> tuple[float, float, int, int, str]:
        test, train = network.scores
        is_compared = network.family in families
        rank = families.index(network.family) if is_compared else len(families)
        return -test, -train, rank, len(network.name), network.name

    return sorted(networks, key=place)


def drawn(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells with only the networks that charts draw: the best of each family."""
    found = []
    for cell in cells:
        families: dict[str, list[Network]] = {}
        for network in cell.networks:
            families.setdefault(network.family, []).append(network)
        kept = {one.id for networks in families.values() for one in networks[:DRAWN]}
        found.append(cell._replace(networks=[one for one in cell.networks if one.id in kept]))
    return found


def read_runs(store: RunStore, damaged: list[str] | None = None) -> list[Run]:
    """Read all finished runs, by the names of their directories.

    Args:
        store: The runs.
        damaged: Collects messages about unusable records.

    Raises:
        InputError: A record cannot be used, and ``damaged`` is None.
    """
    return [read_run(directory, record) for directory, record in store.records(damaged)]


def read_run(directory: Path, record: Record) -> Run:
    """Read the other files of a run. Messages about unusable files are in ``gaps``."""
    gaps: dict[str, str] = {}

    def attempt(read: Callable[[Path], Content], name: str) -> Content | None:
        path = directory / name
        if path.exists() and not path.is_file():  # Reading from a pipe may never end.
            gaps[name] = f"{name} is not a regular file"
            return None
        try:
            if is_stored(path):
                record.check_file(path)
            return read(path)
        except InputError as error:
            gaps[name] = str(error)
            return None

    curve = attempt(read_curve, "metrics.csv")
    files = panels_of(record.spec.task).read(record, attempt)
    return Run(printable(directory.name), record, curve, files, gaps)
