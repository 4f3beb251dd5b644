"""The provenance of the numbers: machines, versions and seeds, from the records."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from coordconv_lab.report.page_format import listed, named
from coordconv_lab.report.runs import Cell, Network, Run, compared_families
from coordconv_lab.report.table import is_perfect
from coordconv_lab.results.score_format import duration

NAMED = 4
"""Maximum number of networks in a cell for which each network is counted separately."""


class Fact(NamedTuple):
    """A name and a value."""

    name: str
    value: str


class Tally(NamedTuple):
    """The number of runs of one network or family that solve a task on held-out examples."""

    name: str
    runs: int
    perfect: int


class CellTally(NamedTuple):
    """The networks of one cell of the table."""

    title: str
    networks: list[Tally]


def facts(runs: Sequence[Run]) -> list[Fact]:
    """Collect the provenance of all runs; if values differ, list them all."""
    made = [run.record.provenance for run in runs]
    names = list(dict.fromkeys(name for item in made for name in item.versions))
    days = sorted({item.finished[:10] for item in made})
    total = sum(run.record.seconds for run in runs)
    return [
        Fact("Machine", _distinct(f"{item.processor}; {item.machine}" for item in made)),
        Fact("Threads", _distinct(str(item.threads) for item in made)),
        Fact("Precision", _distinct(item.precision for item in made)),
        *(Fact(n, _distinct(m.versions.get(n, "not recorded") for m in made)) for n in names),
        Fact("Commit", _distinct(item.commit for item in made)),
        Fact("Seeds", listed([item.seed for item in made])),
        Fact("Runs", str(len(runs))),
        Fact("Total training time", duration(total)),
        Fact("Finished", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"),
    ]


def tally(cells: Sequence[Cell]) -> list[CellTally]:
    """Count perfect runs by cell and network, or by family if there are many networks."""
    return [CellTally(cell.title, _tallies(cell)) for cell in cells]


def _tallies(cell: Cell) -> list[Tally]:
    if len(cell.networks) <= NAMED:
        return [_tally(one.name, [one]) for one in cell.networks]
    families = dict.fromkeys([*compared_families(cell.task), *(n.family for n in cell.networks)])
    members = {name: [one for one in cell.networks if one.family == name] for name in families}
    return [
        _tally(_many(named(name), networks), networks)
        for name, networks in members.items()
        if networks
    ]


def _many(name: str, networks: Sequence[Network]) -> str:
    return name if len(networks) == 1 else f"{name} with {len(networks)} settings"


def _tally(name: str, networks: Sequence[Network]) -> Tally:
    runs = [run for one in networks for run in one.runs]
    return Tally(name, len(runs), sum(map(is_perfect, runs)))


def _distinct(values: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(values))
