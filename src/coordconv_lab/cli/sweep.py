"""The command ``sweep``."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from coordconv_lab.cli.app import sweep_app
from coordconv_lab.cli.options import (
    MAX_CPUS,
    MAX_JOBS,
    Device,
    Int,
    Jobs,
    SettingsByPath,
    check_count,
    settings_by_path,
)
from coordconv_lab.cli.sweep_show import SweepName, SweepRuns, place_of, report, show_outcome
from coordconv_lab.errors import InputError

if TYPE_CHECKING:
    from coordconv_lab.sweep.lookup import Sweep
    from coordconv_lab.sweep.on_ray import RayOptions
    from coordconv_lab.train.hardware import DeviceName

_MAX = 1_000_000


@sweep_app.default
def sweep(
    name: SweepName | None = None,
    *,
    engine: Literal["serial", "ray"] = "serial",
    address: str | None = None,
    limit: Int | None = None,
    jobs: Jobs = None,
    cpus_per_run: Int = 1,
    gpus_per_run: float = 0.0,
    early_stopping: Annotated[bool, Parameter(negative=())] = False,
    row: str = "",
    set_: SettingsByPath = (),
    runs: SweepRuns = None,
    device: Device = "auto",
    keep_weights: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    machines: Int = 10,
) -> None:
    """Train the unfinished runs of a sweep. Without a name, list all sweeps.

    For example:

        coordconv sweep

        coordconv sweep paper-classification --dry-run --machines 20

        coordconv sweep my-space.yaml --engine ray --early-stopping

        coordconv sweep paper-classification --engine ray --address head:6379
        --runs s3://bucket/sweep

    Parameters
    ----------
    engine
        serial trains on this machine, and needs no other packages. ray trains on a Ray cluster or
        on this machine, with as many parallel runs as resources allow.
    address
        HOST:PORT of a Ray cluster, or auto. By default, the environment variable RAY_ADDRESS is
        used. If it is not set, Ray is started on this machine.
    limit
        Train at most this many runs.
    cpus_per_run
        Cores per run, which is also the number of threads.
    gpus_per_run
        GPUs per run, possibly fractional; only for ray.
    early_stopping
        Stop runs that score worse than other runs of their row at the same point of training
        (ASHA); only for ray.
    row
        Include only rows whose name contains this text.
    keep_weights
        Also keep weights and predictions, not only scores and curves.
    dry_run
        Do not train. Print the number of runs, and estimate their duration from a few steps.
    machines
        Number of machines for the estimated duration, each as fast as this one; only with
        --dry-run.
    """
    if name is None:
        _list_sweeps()
        return
    from coordconv_lab.sweep.lookup import sweep_named

    for option, value in (("limit", limit), ("machines", machines)):
        check_count(option, value, _MAX)
    check_count("cpus-per-run", cpus_per_run, MAX_CPUS)
    check_count("jobs", jobs, MAX_JOBS)
    if not 0 <= gpus_per_run <= _MAX:
        raise InputError(f"--gpus-per-run: expected 0 to {_MAX:,}, got {gpus_per_run}")
    only_ray = {
        "--address": address,
        "--gpus-per-run": gpus_per_run,
        "--early-stopping": early_stopping,
    }
    if engine == "serial" and (given := [option for option, value in only_ray.items() if value]):
        raise InputError(f"{', '.join(given)}: only valid with --engine ray")
    if engine == "ray" and jobs is not None:
        raise InputError("--jobs: only valid with --engine serial; ray has --cpus-per-run")
    chosen = sweep_named(name, settings_by_path(set_, {}), row)
    place = place_of(runs, chosen.name)
    if dry_run:
        _print_estimate(chosen, place, engine, jobs, cpus_per_run, device, limit, machines)
        return
    if engine == "serial":
        damaged = _run_serially(chosen, place, limit, jobs, cpus_per_run, device, not keep_weights)
    else:
        from coordconv_lab.sweep.on_ray import RayOptions

        options = RayOptions(
            address, cpus_per_run, gpus_per_run, early_stopping, device, not keep_weights
        )
        damaged = _run_on_ray(chosen, place, limit, options)
    show_outcome(chosen, place, 3, damaged)


def _list_sweeps() -> None:
    from coordconv_lab.console.study_tables import print_studies
    from coordconv_lab.studies import known_studies, known_sweeps

    sources = (*known_sweeps().values(), *known_studies().values())
    print_studies([make() for make in sources], "sweep")


def _run_serially(
    chosen: "Sweep",
    place: str,
    limit: int | None,
    jobs: int | None,
    threads: int,
    device: "DeviceName",
    scores_only: bool,
) -> list[str]:
    """Execute the missing runs on this machine, and return messages about unusable files."""
    from coordconv_lab.console.run_progress import RunBars
    from coordconv_lab.console.sweep_progress import SweepBars
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.serial import run_serially
    from coordconv_lab.train import Hardware

    store, hardware = store_at(place), Hardware(device)
    with SweepBars(RunBars(total=0)) as bars:
        return run_serially(chosen, store, bars, limit, threads, hardware, scores_only, jobs)


def _run_on_ray(chosen: "Sweep", place: str, limit: int | None, options: "RayOptions") -> list[str]:
    """Execute the missing runs on Ray, and return messages about unusable files."""
    from coordconv_lab.console.sweep_progress import SweepBars
    from coordconv_lab.sweep.on_ray import run_on_ray

    with SweepBars() as bars:
        return run_on_ray(chosen, place, bars, limit, options)


def _print_estimate(
    chosen: "Sweep",
    place: str,
    engine: str,
    jobs: int | None,
    threads: int,
    device: "DeviceName",
    limit: int | None,
    machines: int,
) -> None:
    """Estimate and print the duration of the missing runs, by measuring a few of their steps."""
    from coordconv_lab.console.run_progress import counting_bar
    from coordconv_lab.console.sweep_tables import print_estimate
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.cores import cores_here, jobs_for
    from coordconv_lab.sweep.estimate import estimate
    from coordconv_lab.sweep.plan import missing_specs
    from coordconv_lab.train import Hardware

    damaged: list[str] = []
    missing, total = missing_specs(chosen, store_at(place), damaged)
    hardware = Hardware(device)
    if engine == "serial":
        at_once = jobs_for(total, jobs, hardware, threads)
    else:
        at_once = max(1, cores_here() // threads)
    with counting_bar("kinds of runs") as advance:
        estimated = estimate(missing[:limit], threads, hardware, advance)
    print_estimate(estimated, total, at_once, machines)
    report(damaged)
