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
    """How many runs of one network are perfect on the held-out positions of a task."""

    model: str
    runs: int
    perfect: int


class TaskTally(NamedTuple):
    """The networks of one task and split, the one with coordinates first."""

    task: str
    split: str
    networks: list[Tally]


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


def tally(runs: Sequence[Run]) -> list[TaskTally]:
    """Count perfect runs by task, split and network; unlike rows are not added up."""
    found: dict[tuple[str, str], dict[str, list[bool]]] = {}
    for run in runs:
        task, split, model = run.key
        found.setdefault((task, split), {}).setdefault(model, []).append(is_perfect(run))
    return [
        TaskTally(
            task,
            split,
            [
                Tally(model, len(perfect), sum(perfect))
                for model, perfect in sorted(
                    networks.items(), key=lambda item: item[0] != "coordconv"
                )
            ],
        )
        for (task, split), networks in found.items()
    ]


def _distinct(values: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(values))
