"""The commands ``results pack``, ``results unpack`` and ``results check``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coordconv_lab.cli.app import results_app
from coordconv_lab.cli.options import Place, ResultsDirectory
from coordconv_lab.errors import DamagedError, printable

if TYPE_CHECKING:
    from coordconv_lab.results.packing import Change


@results_app.command
def pack(*studies: str, results: ResultsDirectory = Path("results")) -> None:
    """Pack finished and failed runs of studies into a few files, and delete their directories.

    For each study, records.jsonl gets one line per run, and files.zip gets the weights, predictions
    and images. The learning curves of all studies are stored in curves.csv. Runs that are already
    packed are kept. Checkpoints, unfinished runs and files that git ignores are not packed.

    For example:

        coordconv results pack

        coordconv results pack tiling padding

    Parameters
    ----------
    studies
        Names of studies; all by default.
    """
    from coordconv_lab.results import packing

    damaged: list[str] = []
    _print(packing.pack(results, studies, damaged), "packed", damaged)


@results_app.command
def unpack(
    *studies: str,
    out: Annotated[
        Place | None,
        Parameter(help="Write the directories here, and keep the packed files."),
    ] = None,
    results: ResultsDirectory = Path("results"),
) -> None:
    """Write packed runs as directories again, byte for byte as they were.

    For example:

        coordconv results unpack tiling

        coordconv results unpack --out unpacked

    Parameters
    ----------
    studies
        Names of studies; all by default.
    """
    from coordconv_lab.results import packing

    damaged: list[str] = []
    _print(packing.unpack(results, studies, damaged, out), "unpacked", damaged)


@results_app.command
def check(*studies: str, results: ResultsDirectory = Path("results")) -> None:
    """Compare every packed file with its checksum, and validate every record.

    Parameters
    ----------
    studies
        Names of studies; all by default.
    """
    from coordconv_lab.results import checking

    damaged: list[str] = []
    for found in checking.check(results, studies, damaged):
        beside = f", {found.directories} directories" if found.directories else ""
        words = f"{found.study}: {found.packed} runs with {found.files} files{beside}"
        print(printable(words))
    _fail_if_any(damaged)


def _print(changes: Sequence["Change"], done: str, damaged: list[str]) -> None:
    for change in changes:
        if change.done or change.left:
            left = f", left: {', '.join(change.left)}" if change.left else ""
            print(printable(f"{change.study}: {len(change.done)} runs {done}{left}"))
    _fail_if_any(damaged)


def _fail_if_any(damaged: list[str]) -> None:
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))
