"""The command ``sweep show``, and functions that the command ``sweep`` also uses."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coordconv_lab.cli.app import sweep_app
from coordconv_lab.cli.options import Int, SettingsByPath, settings_by_path
from coordconv_lab.errors import DamagedError, InputError, printable

if TYPE_CHECKING:
    from coordconv_lab.sweep.lookup import Sweep

SweepName = Annotated[str, Parameter(help="Name of a sweep or study, or a YAML or TOML file.")]
SweepRuns = Annotated[
    str | None,
    Parameter(help="Directory or fsspec URL of the sweep's runs; runs/NAME by default."),
]


@sweep_app.command
def show(
    name: SweepName,
    *,
    row: str = "",
    set_: SettingsByPath = (),
    runs: SweepRuns = None,
    best: Int = 3,
) -> None:
    """Show the progress, failures and best runs of a sweep, and how many settings solve the task.

    For example:

        coordconv sweep show paper-classification

        coordconv sweep show paper-classification --set training.epochs=1

    Parameters
    ----------
    row
        Include only rows whose name contains this text.
    best
        Number of best settings to show for each row.
    """
    from coordconv_lab.sweep.lookup import sweep_named

    if best < 0:
        raise InputError(f"--best: expected 0 or more, got {best}")
    chosen = sweep_named(name, settings_by_path(set_, {}), row)
    place = place_of(runs, chosen.name)
    if "://" not in place and not Path(place).is_dir():
        raise InputError(
            f"{place} is not a directory: the sweep {chosen.name} has no runs there; run the sweep "
            "first, or set the directory with --runs"
        )
    show_outcome(chosen, place, best, [])


def show_outcome(chosen: "Sweep", place: str, best: int, damaged: list[str]) -> None:
    """Print the outcome of a sweep, then report files that cannot be used.

    Raises:
        DamagedError: Some files cannot be used.
    """
    from coordconv_lab.console.sweep_tables import print_outcome
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.outcome import outcome, with_other_settings

    store = store_at(place)
    rows = outcome(chosen, store, damaged)
    print_outcome(chosen.name, rows, best)
    nothing = not any(row.records or row.ended for row in rows)
    if nothing and (others := with_other_settings(rows, store)):
        print(
            f"Runs in {printable(place)} with other settings: {others}. "
            "If they were trained with --set, pass the same --set here."
        )
    report(damaged)


def report(damaged: list[str]) -> None:
    """Report files that cannot be used.

    Raises:
        DamagedError: Some files cannot be used.
    """
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))


def place_of(runs: str | None, name: str) -> str:
    """Return the directory or URL of a sweep's runs.

    Raises:
        InputError: ``runs`` is empty.
    """
    if runs == "":
        raise InputError("--runs: expected a directory or a URL, got an empty string")
    return runs or str(Path("runs") / name)
