"""The commands; whatever is heavy is imported inside them, so that help comes at once."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from coordconv_lab.errors import InputError

if TYPE_CHECKING:
    from coordconv_lab.sweep.catalogue import Sweep
    from coordconv_lab.sweep.estimate import Estimate
    from coordconv_lab.train.hardware import DeviceName

TaskName = Literal["classification", "regression", "rendering"]
SplitName = Literal["uniform", "quadrant"]
ModelName = Literal["coordconv", "deconv", "conv", "baseline"]
RecipeName = Literal["tuned", "tutorial", "tutorial_text", "paper"]
SplitVariant = Literal["default", "tutorial", "paper", "walsvid"]

TASKS: tuple[TaskName, ...] = ("classification", "regression", "rendering")
SPLITS: tuple[SplitName, ...] = ("uniform", "quadrant")
MODELS: tuple[ModelName, ...] = ("coordconv", "baseline")

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Parameter(help="Where to train; auto takes a CUDA device if there is one."),
]
Compiled = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Compile net and loss first: 10 to 20 seconds on two cores; worth it for long runs "
        "on a CUDA device.",
    ),
]
ResultsDirectory = Annotated[
    Path, Parameter(help="Directory of results; a study's runs are in one of its name.")
]
RunsDirectory = Annotated[Path, Parameter(help="Directory of runs.")]

app = App(
    name="coordconv",
    help="The laboratory of coordconv: convolutions that know where they are.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    help_format="plaintext",
)
data_app = App(name="data", help="Look at the data set, Not-so-Clevr.", help_format="plaintext")
app.command(data_app)
sweep_app = App(
    name="sweep", help="Train many settings, here or on a cluster.", help_format="plaintext"
)
app.command(sweep_app)


def _version() -> str:
    from importlib.metadata import version

    return version("torch-coordconv")


app.version = _version


@app.command
def reproduce(
    *,
    task: Annotated[tuple[TaskName, ...], Parameter(consume_multiple=True, negative=())] = TASKS,
    split: Annotated[tuple[SplitName, ...], Parameter(consume_multiple=True, negative=())] = SPLITS,
    model: Annotated[tuple[ModelName, ...], Parameter(consume_multiple=True, negative=())] = MODELS,
    seeds: int = 1,
    recipe: RecipeName = "tuned",
    runs: RunsDirectory = Path("runs"),
    fresh: Annotated[bool, Parameter(negative=())] = False,
    device: Device = "auto",
    compile: Compiled = False,
) -> None:
    """Reproduce the tutorial's tables: 3 tasks x 2 splits x CoordConv and its baseline.

    What is done already is not trained again; what was interrupted goes on where it was.

    For example:

        coordconv reproduce

        coordconv reproduce --task regression --split quadrant --seeds 3

        coordconv reproduce --recipe tutorial --task classification --split quadrant --model deconv

    Parameters
    ----------
    task
        Only these tasks.
    split
        Only these splits.
    model
        Only these models; "baseline" is deconv or conv, as the task has it.
    seeds
        How many seeds of each run: 0, 1, ...
    recipe
        Whose settings: ours, the tutorial's code, what its text says, the paper's code.
    fresh
        Delete the selected runs first.
    """
    if seeds < 1:
        raise InputError(f"--seeds: expected 1 or more, got {seeds}")
    from coordconv_lab.recipes import RECIPES
    from coordconv_lab.reproduce import reproduce, selected_specs
    from coordconv_lab.train import Hardware

    hardware = Hardware(device, compile)
    specs = selected_specs(RECIPES[recipe], task, split, model, seeds)
    if not specs:
        raise InputError(
            f"no run has task {', '.join(task)} and model {', '.join(model)}; classification and "
            "rendering have coordconv and deconv, regression has coordconv and conv"
        )
    reproduce(specs, runs, fresh, hardware)


@app.command
def study(
    *names: str,
    arm: str = "",
    results: ResultsDirectory = Path("results"),
    device: Device = "auto",
) -> None:
    """Run studies, the experiments behind the claims; without a name, list them.

    What is done already is not trained again. Start the same command several times, each with
    OMP_NUM_THREADS=1, to share the work between cores.

    For example:

        coordconv study

        coordconv study tiling receptive-field

        coordconv study tutorial --arm "regression, quadrant"

    Parameters
    ----------
    names
        Which studies; "all" for all of them, the cheap ones first.
    arm
        Only the arms with this in their name.
    """
    from coordconv_lab.studies import STUDIES, study_named

    if not names:
        from coordconv_lab.console import print_studies

        print_studies([make() for make in STUDIES.values()])
        return
    from coordconv_lab.study import run_study
    from coordconv_lab.train import Hardware

    chosen = [study_named(name) for name in (STUDIES if "all" in names else names)]
    for one in chosen:
        run_study(one.only(arm), results, Hardware(device))


@app.command
def claims(
    *,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False,
    results: ResultsDirectory = Path("results"),
) -> None:
    """Print what the tutorial, the paper and others claim, each with its verdict from the records.

    For example:

        coordconv claims

        coordconv claims --json
    """
    from coordconv_lab.claims.ledger import ledger
    from coordconv_lab.console import print_claims

    if not results.is_dir():
        raise InputError(
            f"{results} is no directory; run this in a checkout, or name the directory of results "
            "with --results"
        )
    entries = ledger(results)
    if json:
        from json import dumps

        print(dumps([entry.as_json() for entry in entries], indent=2))
    else:
        print_claims(entries)


@app.command
def train(
    task: TaskName,
    *,
    split: SplitName = "uniform",
    model: ModelName = "coordconv",
    seed: int = 0,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    optimizer: Literal["adam", "adamw", "adamw_unscaled"] | None = None,
    weight_decay: float | None = None,
    schedule: Literal["constant", "cosine", "linear", "steps"] | None = None,
    early_stop_epochs: int | None = None,
    canvas: Annotated[tuple[int, int] | None, Parameter(negative=())] = None,
    square: int | None = None,
    split_variant: SplitVariant | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    ensemble: int = 1,
    device: Device = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    strategy: Literal["auto", "ddp"] = "auto",
    compile: Compiled = False,
    runs: RunsDirectory = Path("runs"),
) -> None:
    """Train one net and print its scores; settings not given are those of the recipe "tuned".

    For example:

        coordconv train classification --split quadrant --model coordconv --learning-rate 0.01
        --epochs 10 --seed 0

        coordconv train rendering --set model.painter_kernel=2 --set training.betas=[0.9,0.99]

        coordconv train regression --ensemble 8 --device cuda

        coordconv train classification --devices 4 --strategy ddp

    Parameters
    ----------
    task
        What the net learns.
    split
        Which positions are held out.
    model
        coordconv, or the task's baseline: deconv for classification and rendering, conv for
        regression.
    seed
        Draws the initial weights and the order of the batches.
    epochs
        Passes over the training set.
    batch_size
        Examples in a step.
    learning_rate
        Largest rate of the schedule.
    optimizer
        adam, whose weight decay is an L2 penalty; adamw, whose weight decay is decoupled;
        adamw_unscaled, whose decay the rate does not scale.
    weight_decay
        Strength of the weight decay.
    schedule
        What the rate does after its warm-up.
    early_stop_epochs
        Stop when train and test score were perfect for so many epochs in a row.
    canvas
        Height and width in pixels.
    square
        Side of the square in pixels.
    split_variant
        Whose split: ours, the tutorial's code, the paper's code, walsvid's.
    set_
        Any other setting as PATH=VALUE, the value in JSON, for example model.batch_norm=true.
    ensemble
        Train so many nets at once, with this seed and those after it; a run each.
    devices
        Processes on each machine, with a device each; every batch is shared among them.
    num_nodes
        Machines; torchrun or SLURM starts the processes on them.
    strategy
        How several processes train one net; ddp is the only way, and auto means it.
    """
    if ensemble < 1:
        raise InputError(f"--ensemble: expected 1 or more, got {ensemble}")
    given = {
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "training.learning_rate": learning_rate,
        "training.optimizer": optimizer,
        "training.weight_decay": weight_decay,
        "training.schedule": schedule,
        "training.early_stop_epochs": early_stop_epochs,
        "data.canvas": canvas,
        "data.square": square,
        "data.split_variant": split_variant,
    }
    settings = {path: value for path, value in given.items() if value is not None}
    settings |= dict(_setting(text) for text in set_)
    from coordconv_lab.recipes import tuned, with_settings

    specs = [
        with_settings(tuned(task, split, model), {**settings, "seed": member})
        for member in range(seed, seed + ensemble)
    ]
    from coordconv_lab.console import RunBars, print_record
    from coordconv_lab.results import RunStore
    from coordconv_lab.train import Hardware, is_first_process, run_ensemble

    store, hardware = RunStore(runs), Hardware(device, compile, devices, num_nodes)
    if hardware.processes > 1 and not is_first_process():
        run_ensemble(specs, store, hardware=hardware)
        return
    with RunBars(total=1) as bars:
        records = run_ensemble(specs, store, bars, hardware=hardware)
    for record in records:
        print_record(record, store.directory(record.spec))


def _setting(text: str) -> tuple[str, Any]:
    """Split PATH=VALUE; a value that is no JSON is taken as text."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set: expected PATH=VALUE, such as model.radius=true; got {text!r}")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


@app.command
def report(
    *,
    runs: RunsDirectory = Path("runs"),
    out: Annotated[
        Path | None,
        Parameter(help="The HTML file; report.html in the directory of runs if not given."),
    ] = None,
    results: Annotated[
        Path, Parameter(help="Records behind the claims; without them the page has no claims.")
    ] = Path("results"),
) -> None:
    """Make the page from the records of a directory of runs.

    For example:

        coordconv report

        coordconv report --runs runs --out report.html
    """
    from coordconv_lab.claims.ledger import ledger_if_any
    from coordconv_lab.report import write_report
    from coordconv_lab.results import RunStore

    if ":/" in str(runs):
        raise InputError(f"--runs: expected a directory, got the URL {runs}; copy the runs here")
    print(
        write_report(
            RunStore(runs),
            out or runs / "report.html",
            ledger_if_any(results),
            RunStore(results / "search"),
        )
    )


_MOST = 1_000_000

SweepName = Annotated[str, Parameter(help="A sweep, a study, or a YAML or TOML file.")]
SweepRuns = Annotated[
    str | None,
    Parameter(
        help="Directory of the sweep's runs, or an fsspec URL; runs/NAME if not given.",
    ),
]
Settings = Annotated[
    tuple[str, ...],
    Parameter(name="--set", negative=(), help="A setting of every run, as PATH=VALUE in JSON."),
]


@sweep_app.default
def sweep(
    name: SweepName | None = None,
    *,
    engine: Literal["serial", "ray"] = "serial",
    address: str | None = None,
    limit: int | None = None,
    cpus_per_run: int | None = None,
    gpus_per_run: float = 0.0,
    early_stopping: Annotated[bool, Parameter(negative=())] = False,
    row: str = "",
    set_: Settings = (),
    runs: SweepRuns = None,
    device: Device = "auto",
    keep_weights: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    machines: int = 10,
) -> None:
    """Train every setting of a sweep that is not done yet; without a name, list the sweeps.

    For example:

        coordconv sweep

        coordconv sweep paper-classification --dry-run --machines 20

        coordconv sweep my-space.yaml --engine ray --early-stopping

        coordconv sweep paper-classification --engine ray --address head:6379
        --runs s3://bucket/sweep

    Parameters
    ----------
    engine
        serial: one run after another in this process. ray: as many at once as there is room for.
    address
        HOST:PORT of a Ray cluster, or auto; RAY_ADDRESS or this machine alone if not given.
    limit
        Train so many runs at most, and leave the rest.
    cpus_per_run
        Cores, and so threads, of a run; all for serial, 1 for ray if not given.
    gpus_per_run
        GPUs of a run, or a part of one; for ray.
    early_stopping
        Stop the runs that are worse than others of their row at the same point (ASHA); for ray.
    row
        Only the rows with this in their name.
    keep_weights
        Keep weights and answers too, not scores and curves alone.
    dry_run
        Train nothing; say how many runs there are, and how long they take by measured steps.
    machines
        How many machines like this one the dry run is to tell of.
    """
    from coordconv_lab.console import SweepBars, print_estimate, print_studies
    from coordconv_lab.sweep.catalogue import SPACES, sweep_named

    if name is None:
        from coordconv_lab.studies import STUDIES

        print_studies([make() for make in (*SPACES.values(), *STUDIES.values())], "sweep")
        return
    numbers = (("limit", limit), ("cpus-per-run", cpus_per_run), ("machines", machines))
    for option, value in numbers:
        if value is not None and not 1 <= value <= _MOST:
            raise InputError(f"--{option}: expected 1 to {_MOST:,}, got {value}")
    if not 0 <= gpus_per_run <= _MOST:
        raise InputError(f"--gpus-per-run: expected 0 to {_MOST:,}, got {gpus_per_run}")
    only_ray = {
        "--address": address,
        "--gpus-per-run": gpus_per_run,
        "--early-stopping": early_stopping,
    }
    if engine == "serial" and (given := [option for option, value in only_ray.items() if value]):
        raise InputError(f"{', '.join(given)}: for --engine ray alone")
    chosen = sweep_named(name, dict(_setting(text) for text in set_), row)
    place = _place(runs, chosen.name)
    if dry_run:
        estimate, total, at_once = _estimate(chosen, place, engine, cpus_per_run, device, limit)
        print_estimate(estimate, total, at_once, machines)
        return
    if engine == "serial":
        from coordconv_lab.console import RunBars
        from coordconv_lab.results.remote import store_at
        from coordconv_lab.sweep.serial import run_serially
        from coordconv_lab.train import Hardware

        bars = SweepBars(RunBars(total=0))
        with bars:
            run_serially(
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
            run_on_ray(chosen, place, bars, limit, options)
    show(name, row=row, set_=set_, runs=runs)


def _estimate(
    chosen: "Sweep",
    place: str,
    engine: str,
    cpus_per_run: int | None,
    device: "DeviceName",
    limit: int | None,
) -> "tuple[Estimate, int, int]":
    """Measure what is missing, with the threads that a run will have; say how many fit in here."""
    import torch

    from coordconv_lab.console import counting_bar
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.estimate import cores_here, estimate
    from coordconv_lab.sweep.plan import missing_specs
    from coordconv_lab.train import Hardware

    missing, total = missing_specs(chosen, store_at(place))
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
    best: int = 3,
) -> None:
    """Show how far a sweep is, how many settings solve their task, what failed, what is best.

    For example:

        coordconv sweep show paper-classification

    Parameters
    ----------
    row
        Only the rows with this in their name.
    best
        How many of the best settings of each row to show.
    """
    from coordconv_lab.console import print_outcome
    from coordconv_lab.results.remote import store_at
    from coordconv_lab.sweep.catalogue import sweep_named
    from coordconv_lab.sweep.outcome import outcome

    if best < 0:
        raise InputError(f"--best: expected 0 or more, got {best}")
    chosen = sweep_named(name, dict(_setting(text) for text in set_), row)
    place = _place(runs, chosen.name)
    if "://" not in place and not Path(place).is_dir():
        raise InputError(
            f"{place} is no directory: nothing of the sweep {chosen.name} is there; run it first, "
            "or name the directory with --runs"
        )
    print_outcome(chosen.name, outcome(chosen, store_at(place)), best)


def _place(runs: str | None, name: str) -> str:
    """Where the runs of a sweep are."""
    if runs == "":
        raise InputError("--runs: expected a directory or a URL, got nothing")
    return runs or str(Path("runs") / name)


@data_app.command
def export(
    *,
    out: Path,
    canvas: tuple[int, int] = (64, 64),
    square: int = 9,
    split_variant: SplitVariant = "default",
    split_seed: int | None = None,
) -> None:
    """Write Not-so-Clevr with both splits as arrays (.npz) and as a contact sheet (.png).

    For example:

        coordconv data export --out notsoclevr

    Parameters
    ----------
    out
        The directory, made if it is missing.
    canvas
        Height and width in pixels.
    square
        Side of the square in pixels.
    split_variant
        Whose split: ours, the tutorial's code, the paper's code, walsvid's.
    split_seed
        Draws the uniform split.
    """
    from coordconv_lab.console import counting_bar
    from coordconv_lab.data.export import export as export_data
    from coordconv_lab.specs import parse_data_spec

    fields = {"canvas": canvas, "square": square, "split_variant": split_variant}
    if split_seed is not None:
        fields["split_seed"] = split_seed
    spec = parse_data_spec(fields)
    with counting_bar("images") as advance:
        paths = export_data(spec, out, advance)
    for path in paths:
        print(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 2 for bad input, 130 for Ctrl-C."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, InputError) as error:
        print(f"coordconv: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("coordconv: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
