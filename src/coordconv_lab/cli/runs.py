"""The commands ``reproduce`` and ``train``."""

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

_MAX_SEEDS = 10_000


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

    Finished runs are not trained again; interrupted runs continue from their last checkpoint.

    For example:

        coordconv reproduce

        coordconv reproduce --task regression --split quadrant --seeds 3

        coordconv reproduce --recipe tutorial --task classification --split quadrant --model deconv

    Parameters
    ----------
    task
        Tasks to run.
    split
        Splits to run.
    model
        Models to run; "baseline" is deconv for classification and rendering, conv for regression.
    seeds
        Number of seeds of each run: 0, 1, ...
    recipe
        Source of the settings: ours, the tutorial's code, the tutorial's text, or the paper's code.
    fresh
        Delete the selected runs first.
    """
    check_count("seeds", seeds, _MAX_SEEDS)
    from coordconv_lab.recipes import RECIPES
    from coordconv_lab.reproduce import reproduce, selected_specs
    from coordconv_lab.train import Hardware

    hardware = Hardware(device, compile)
    specs = selected_specs(RECIPES[recipe], task, split, model, seeds)
    if not specs:
        raise InputError(
            f"no run matches task {', '.join(task)} and model {', '.join(model)}; classification "
            "and rendering have coordconv and deconv, regression has coordconv and conv"
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
    """Train one network and print its scores. Defaults are those of the recipe "tuned".

    For example:

        coordconv train classification --split quadrant --model coordconv --learning-rate 0.01
        --epochs 10 --seed 0

        coordconv train rendering --set model.painter_kernel=2 --set training.betas=[0.9,0.99]

        coordconv train regression --ensemble 8 --device cuda

        coordconv train classification --devices 4 --strategy ddp

    Parameters
    ----------
    task
        Task to learn.
    split
        Which positions are held out for testing.
    model
        coordconv, or the baseline of the task: deconv for classification and rendering, conv for
        regression.
    seed
        Seed of the initial weights and of the order of the batches.
    epochs
        Passes over the training set.
    batch_size
        Examples per step.
    learning_rate
        Peak learning rate.
    optimizer
        adam (weight decay is an L2 penalty), adamw (decoupled weight decay), or adamw_unscaled
        (weight decay is not multiplied by the learning rate).
    weight_decay
        Coefficient of the weight decay.
    schedule
        Learning rate schedule after warm-up.
    early_stop_epochs
        Stop after this many consecutive epochs with perfect training and test scores.
    canvas
        Height and width of the images in pixels.
    square
        Side length of the square in pixels.
    split_variant
        Which version of the splits: ours, the tutorial's code, the paper's code, or walsvid's.
    set_
        Any other setting as PATH=VALUE with VALUE in JSON, for example model.batch_norm=true.
    ensemble
        Train this many networks at once, with consecutive seeds; each is a run of its own.
    devices
        Processes per machine, each with its own device; every batch is split across them.
    num_nodes
        Number of machines; torchrun or SLURM starts their processes.
    strategy
        How several processes train one network: ddp, or auto, which is the same.
    """
    check_count("ensemble", ensemble, _MAX_SEEDS)
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
        raise InputError("--set seed: use the option --seed instead")
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
