"""The command ``train``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import App

from coordconv_lab.cli.app import app, deferred
from coordconv_lab.cli.options import (
    MAX_CPUS,
    MAX_SEEDS,
    Compiled,
    Device,
    Int,
    RunsDirectory,
    SettingsByPath,
    check_count,
    settings_by_path,
)
from coordconv_lab.errors import InputError

if TYPE_CHECKING:
    from coordconv_lab.specs import ExperimentSpec
    from coordconv_lab.train import Hardware

_NOT_SET = {
    "seed": "the option --seed",
    "task": "the argument TASK",
    "data.split": "the option --split",
}
"""Settings on which the recipe or the names of runs depend, and how to give them."""

_WITH_VALUES = ("--split", "--model", "--runs", "--device", "--strategy", "--set")
"""Options with a value. A value that equals the name of a task is not mistaken for the task."""


@deferred(app, help="Train one network and print its scores.")
def train(arguments: Sequence[str]) -> App:
    """Return the command, with an option for each setting of the task and the network.

    Raises:
        InputError: There is no such task, split or network.
    """
    from coordconv_lab.cli.lookahead import task_in, value_of
    from coordconv_lab.cli.spec_options import with_options
    from coordconv_lab.recipes import spec_by_recipe
    from coordconv_lab.specs import DatasetSpec, TrainingSpec, settings_of_class, settings_of_spec

    name = task_in(arguments, _WITH_VALUES)
    words = (name, value_of("--split", arguments), value_of("--model", arguments))
    start = None if name is None else spec_by_recipe(name, *words[1:])
    known = (
        [*settings_of_class(DatasetSpec, "data"), *settings_of_class(TrainingSpec, "training")]
        if start is None
        else settings_of_spec(start)
    )

    def command(
        task: str,
        *,
        model: str | None = None,
        settings: dict[str, Any] = {},  # noqa: B006  (cyclopts replaces it)
        set_: SettingsByPath = (),
        ensemble: Int = 1,
        cpus_per_run: Int = 1,
        device: Device = "auto",
        devices: Int = 1,
        num_nodes: Int = 1,
        strategy: Literal["auto", "ddp"] = "auto",
        compile: Compiled = False,
        runs: RunsDirectory = Path("runs"),
    ) -> None:
        """Train one network and print its scores.

        Every setting of the training, the data and the network is an option. The command
        coordconv train TASK --help shows the options of a task. Defaults are from the
        first recipe of the experiment, which is "tuned" for the data set Not-so-Clevr.

        For example:

            coordconv train classification --split quadrant --learning-rate 0.01

            coordconv train regression --model conv --help

            coordconv train rendering --painter-kernel 2 --betas 0.9 0.99

            coordconv train regression --ensemble 8 --device cuda

            coordconv train classification --devices 4 --strategy ddp

            coordconv train locate-pulse --plugin examples/plugin_experiment.py

        Parameters
        ----------
        task
            Task: classification, regression, rendering, or a task of a plug-in.
        model
            coordconv; or the baseline of the task, such as conv for regression and deconv
            for classification; or a kind of network, such as transformer-regressor.
        ensemble
            Train this many networks together, with consecutive seeds. Each is a separate run.
        cpus_per_run
            Threads of each process. The default, 1, also gives the same bits as the other
            commands.
        devices
            Processes per machine, each with its own device. Every batch is split across
            the processes.
        num_nodes
            Number of machines. If more than 1, start the command with torchrun or SLURM.
        strategy
            How several processes train one network. ddp is the only strategy, so auto
            means ddp, too.
        """
        check_count("ensemble", ensemble, MAX_SEEDS)
        check_count("cpus-per-run", cpus_per_run, MAX_CPUS)
        if start is None or (task, settings.get("data.split"), model) != words:
            raise InputError("write the task first, then the options")
        given = {path: f"the option {names[path]}" for path in settings}
        by_path = settings_by_path(set_, {**_NOT_SET, **given})
        specs = _specs(start, {**settings, **by_path}, ensemble, names)
        from coordconv_lab.train import Hardware
        from coordconv_lab.train.processor import threads_of_torch

        with threads_of_torch(cpus_per_run):
            _train(specs, runs, Hardware(device, compile, devices, num_nodes))

    offered, names = with_options(command, "coordconv train", known)
    return offered


def _specs(
    start: "ExperimentSpec", settings: Mapping[str, Any], count: int, names: Mapping[str, str]
) -> "list[ExperimentSpec]":
    """Return the specs of runs with consecutive seeds."""
    from coordconv_lab.recipes import with_settings

    first = with_settings(start, settings, names)
    seeds = range(first.seed, first.seed + count)
    return [with_settings(first, {"seed": seed}, names) for seed in seeds]


def _train(specs: "Sequence[ExperimentSpec]", runs: Path, hardware: "Hardware") -> None:
    """Train networks together, and print the record of each."""
    from coordconv_lab.console.run_progress import RunBars
    from coordconv_lab.console.run_scores import print_record
    from coordconv_lab.results import RunStore
    from coordconv_lab.train import run_ensemble

    store = RunStore(runs)
    if not hardware.is_first_process:
        run_ensemble(specs, store, hardware=hardware)
        return
    with RunBars(total=1) as bars:
        records = run_ensemble(specs, store, bars, hardware=hardware)
    for record in records:
        print_record(record, store.directory(record.spec))
