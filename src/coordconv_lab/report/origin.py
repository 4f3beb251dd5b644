"""Where the numbers come from: what the records say about machines, versions and seeds."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from coordconv_lab.report.runs import Run
from coordconv_lab.report.table import is_perfect
from coordconv_lab.report.wording import listed
from coordconv_lab.results.wording import duration


class Fact(NamedTuple):
    """A name and what is true of it."""

    name: str
    value: str


class Tally(NamedTuple):
    """How the runs of one family of nets went on held-out positions."""

    runs: int
    perfect: int
    seconds: str


def facts(runs: Sequence[Run]) -> list[Fact]:
    """Gather the provenance of all runs; what differs between them is listed, not averaged."""
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
        Fact("Training in total", duration(total)),
        Fact("Finished", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"),
    ]


def tally(runs: Sequence[Run], coordinates: bool) -> Tally:
    """Count the runs of the nets with, or without, coordinates."""
    chosen = [run for run in runs if (run.key[2] == "coordconv") == coordinates]
    time = duration(sum(run.record.seconds for run in chosen))
    return Tally(len(chosen), sum(map(is_perfect, chosen)), time)


def _distinct(values: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(values))
