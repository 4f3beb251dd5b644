"""The ``sweep`` commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from coordconv_lab.cli.app import sweep_app
from coordconv_lab.cli.options import Device, Int, check_count, setting
from coordconv_lab.errors import DamagedError, InputError, printable

if TYPE_CHECKING:
    from coordconv_lab.sweep.catalogue import Sweep
    from coordconv_lab.sweep.estimate import Estimate
    from coordconv_lab.train.hardware import DeviceName

_MAX = 1_000_000

SweepName = Annotated[str, Parameter(help="Name of a sweep or study, or a YAML or TOML file.")]
SweepRuns = Annotated[
    str | None,
    Parameter(
        help="Directory or fsspec URL of the sweep's runs; runs/NAME by default.",
    ),
]
Settings = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set", negative=(), help="Setting of every run as PATH=VALUE with VALUE in JSON."
    ),
]


@sweep_app.default
def sweep(
    name: SweepName | None = None,
    *,
    engine: Literal["serial", "ray"] = "serial",
    address: str | None = None,
    limit: Int | None = None,
    cpus_per_run: Int | None = None,
    gpus_per_run: float = 0.0,
    early_stopping: Annotated[bool, Parameter(negative=())] = False,
    row: str = "",
    set_: Settings = (),
    runs: SweepRuns = None,
    device: Device = "auto",
    keep_weights: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    machines: Int = 10,
) -> None:
    """Train the unfinished runs of a sweep; without a name, list the sweeps.

    For example:

        coordconv sweep

        coordconv sweep paper-classification --dry-run --machines 20

        coordconv sweep my-space.yaml --engine ray --early-stopping

        coordconv sweep paper-classification --engine ray --address head:6379
        --runs s3://bucket/sweep

    Parameters
    ----------
    engine
        serial: one run after another in this process. ray: as many runs at once as resources allow.
    address
        HOST:PORT of a Ray cluster, or auto. By default RAY_ADDRESS, else only this machine.
    limit
        Train at most this many runs.
    cpus_per_run
        Cores, and thus threads, per run. By default all for serial, and 1 for ray.
    gpus_per_run
        GPUs per run, possibly fractional; only for ray.
    early_stopping
        Stop runs that score worse than others of their row at the same point (ASHA); only for ray.
    row
        Include only rows whose name contains this text.
    keep_weights
        Also keep weights and predictions, not only scores and curves.
    dry_run
        Train nothing; print the number of runs, and their duration estimated from a few steps.
    machines
        Number of machines like this one to estimate for; only for the dry run.
    """
    from coordconv_lab.console import SweepBars, print_estimate, print_studies
    from coordconv_lab.sweep.catalogue import SPACES, sweep_named

    if name is None:
        from coordconv_lab.studies import STUDIES

        print_studies([make() for make in (*SPACES.values(), *STUDIES.values())], "sweep")
        return
    numbers = (("limit", limit), ("cpus-per-run", cpus_per_run), ("machines", machines))
    for option, value in numbers:
        check_count(option, value, _MAX)
    if not 0 <= gpus_per_run <= _MAX:
        raise InputError(f"--gpus-per-run: expected 0 to {_MAX:,}, got {gpus_per_run}")
    only_ray = {
        "--address": address,
        "--gpus-per-run": gpus_per_run,
        "--early-stopping": early_stopping,
    }
    if engine == "serial" and (given := [option for option, value in only_ray.items() if value]):
        raise InputError(f"{', '.join(given)}: only valid with --engine ray")
    chosen = sweep_named(name, dict(setting(text) for text in set_), row)
    place = _place(runs, chosen.name)
    if dry_run:
        damaged: list[str] = []
        estimate, total, at_once = _estimate(
            chosen, place, engine, cpus_per_run, device, limit, damaged
        )
        print_estimate(estimate, total, at_once, machines)
        _name(damaged)
        return
    if engine == "serial":
        from coordconv_lab.console import RunBars
        from coordconv_lab.results.remote import store_at
        from coordconv_lab.sweep.serial import run_serially
        from coordconv_lab.train import Hardware

        bars = SweepBars(RunBars(total=0))
        with bars:
            damaged = run_serially(
                chosen,
                store_at(place),
                bars,
                limit,
                cpus_per_run,
                Hardware(device),
                not keep_weights,
            )
    else:
        from coordconv_lab.sweep.on_ray import RayOptions, run_on_ray

        options = RayOptions(
            address, cpus_per_run or 1, gpus_per_run, early_stopping, device, not keep_weights
        )
        bars = SweepBars()
        with bars:
            damaged = run_on_ray(chosen, place, bars, limit, options)
    _show(chosen, place, 3, damaged)


def _estimate(
    chosen: "Sweep",
    place: str,
    engine: str,
    cpus_per_run: int | None,
    device: "DeviceName",
    limit: int | None,
    damaged: list[str],
) -> "tuple[Estimate, int, int]":
    """Measure the missing runs with their number of threads; return how many fit this machine."""
    import torch

    from coordconv_lab.console import counting_bar
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.estimate import cores_here, estimate
    from coordconv_lab.sweep.plan import missing_specs
    from coordconv_lab.train import Hardware

    missing, total = missing_specs(chosen, store_at(place), damaged)
    threads = cpus_per_run or (torch.get_num_threads() if engine == "serial" else 1)
    at_once = 1 if engine == "serial" else max(1, cores_here() // threads)
    with counting_bar("kinds of runs") as advance:
        return estimate(missing[:limit], threads, Hardware(device), advance), total, at_once


@sweep_app.command
def show(
    name: SweepName,
    *,
    row: str = "",
    set_: Settings = (),
    runs: SweepRuns = None,
    best: Int = 3,
) -> None:
    """Show the progress of a sweep, how many settings solve their task, failures and the best runs.

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
    from coordconv_lab.sweep.catalogue import sweep_named

    if best < 0:
        raise InputError(f"--best: expected 0 or more, got {best}")
    chosen = sweep_named(name, dict(setting(text) for text in set_), row)
    place = _place(runs, chosen.name)
    if "://" not in place and not Path(place).is_dir():
        raise InputError(
            f"{place} is not a directory: the sweep {chosen.name} has no runs there; run it "
            "first, or give the directory with --runs"
        )
    _show(chosen, place, best, [])


def _show(chosen: "Sweep", place: str, best: int, damaged: list[str]) -> None:
    """Print the outcome of a sweep, then report files that cannot be used.

    Raises:
        DamagedError: Some files cannot be used.
    """
    from coordconv_lab.console import print_outcome
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.outcome import outcome, with_other_settings

    store = store_at(place)
    rows = outcome(chosen, store, damaged)
    print_outcome(chosen.name, rows, best)
    nothing = not any(row.records or row.ended for row in rows)
    if nothing and (others := with_other_settings(rows, store)):
        print(
            f"Runs in {printable(place)} with other settings: {others}. "
            "If they were made with --set, give the same --set here."
        )
    _name(damaged)


def _name(damaged: list[str]) -> None:
    """Report files that cannot be used.

    Raises:
        DamagedError: Some files cannot be used.
    """
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))


def _place(runs: str | None, name: str) -> str:
    """Return the directory or URL of a sweep's runs."""
    if runs == "":
        raise InputError("--runs: expected a directory or a URL, got an empty string")
    return runs or str(Path("runs") / name)
