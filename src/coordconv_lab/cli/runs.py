"""Training: a table of runs, or one net."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import (
    MODELS,
    SPLITS,
    TASKS,
    Compiled,
    Device,
    Int,
    ModelName,
    RecipeName,
    RunsDirectory,
    SplitName,
    SplitVariant,
    TaskName,
    check_count,
    setting,
)
from coordconv_lab.errors import InputError

_MOST_SEEDS = 10_000


@app.command
def reproduce(
    *,
    task: Annotated[tuple[TaskName, ...], Parameter(consume_multiple=True, negative=())] = TASKS,
    split: Annotated[tuple[SplitName, ...], Parameter(consume_multiple=True, negative=())] = SPLITS,
    model: Annotated[tuple[ModelName, ...], Parameter(consume_multiple=True, negative=())] = MODELS,
    seeds: Int = 1,
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
    check_count("seeds", seeds, _MOST_SEEDS)
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
def train(
    task: TaskName,
    *,
    split: SplitName = "uniform",
    model: ModelName = "coordconv",
    seed: Int = 0,
    epochs: Int | None = None,
    batch_size: Int | None = None,
    learning_rate: float | None = None,
    optimizer: Literal["adam", "adamw", "adamw_unscaled"] | None = None,
    weight_decay: float | None = None,
    schedule: Literal["constant", "cosine", "linear", "steps"] | None = None,
    early_stop_epochs: Int | None = None,
    canvas: Annotated[tuple[Int, Int] | None, Parameter(negative=())] = None,
    square: Int | None = None,
    split_variant: SplitVariant | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    ensemble: Int = 1,
    device: Device = "auto",
    devices: Int = 1,
    num_nodes: Int = 1,
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
    check_count("ensemble", ensemble, _MOST_SEEDS)
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
    settings |= dict(setting(text) for text in set_)
    if "seed" in settings:
        raise InputError("--set seed: the seed has an option of its own, --seed")
    from coordconv_lab.recipes import tuned, with_settings

    specs = [
        with_settings(tuned(task, split, model), {**settings, "seed": member})
        for member in range(seed, seed + ensemble)
    ]
    from coordconv_lab.console import RunBars, print_record
    from coordconv_lab.results import RunStore
    from coordconv_lab.train import Hardware, run_ensemble

    store, hardware = RunStore(runs), Hardware(device, compile, devices, num_nodes)
    if not hardware.is_first_process:
        run_ensemble(specs, store, hardware=hardware)
        return
    with RunBars(total=1) as bars:
        records = run_ensemble(specs, store, bars, hardware=hardware)
    for record in records:
        print_record(record, store.directory(record.spec))
