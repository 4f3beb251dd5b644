"""The command ``reproduce``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from coordconv_lab.cli.app import app, deferred
from coordconv_lab.cli.options import (
    MAX_JOBS,
    MAX_SEEDS,
    Compiled,
    Device,
    Int,
    Jobs,
    RunsDirectory,
    check_count,
)

if TYPE_CHECKING:
    from coordconv_lab.registry import Experiment, Reference, Reproduction

Fresh = Annotated[bool, Parameter(negative=(), help="Delete the selected runs first.")]


@deferred(app, help="Reproduce the main table of an experiment, by default that of the tutorial.")
def reproduce(arguments: Sequence[str]) -> App:
    """Return the command for an experiment.

    Raises:
        InputError: There is no such experiment, or it does not declare a reproduction.
    """
    from coordconv_lab.cli.lookahead import value_of
    from coordconv_lab.registry import registry

    chosen, reproduction = registry().to_reproduce(value_of("--experiment", arguments))
    if reproduction.questions is not None:
        return _of_questions(chosen, reproduction, reproduction.questions)
    return _of_tasks(chosen, reproduction)


def _of_tasks(chosen: "Experiment", reproduction: "Reproduction") -> App:
    """Return the command with the tasks, splits, models and recipes of an experiment."""
    from coordconv_lab.cli.spec_options import command_app
    from coordconv_lab.recipes import recipe_names
    from coordconv_lab.registry import registry

    compared = {task: registry().compared_families(task) for task in reproduction.tasks}
    main = dict.fromkeys(family for family, _ in compared.values())
    baselines = dict.fromkeys(baseline for _, baseline in compared.values())
    recipes = recipe_names(reproduction.tasks[0])

    def command(
        *,
        experiment: str = chosen.name,
        task: Sequence[str] = reproduction.tasks,
        split: Sequence[str] = chosen.splits,
        model: Sequence[str] = (*main, "baseline"),
        seeds: Int = reproduction.seeds,
        recipe: str = recipes[0],
        runs: RunsDirectory = Path("runs"),
        fresh: Fresh = False,
        jobs: Jobs = None,
        device: Device = "auto",
        compile: Compiled = False,
    ) -> None:
        """Reproduce the main table of an experiment, by default that of the tutorial.

        Trains CoordConv and its baseline for every task and split. Finished runs are
        not trained again. Interrupted runs continue from their last checkpoint.

        For example:

            coordconv reproduce

            coordconv reproduce --task regression --split quadrant --seeds 3

            coordconv reproduce --recipe tutorial --task rendering --model deconv

            coordconv reproduce --experiment climate

            coordconv reproduce --experiment pulses --plugin examples/plugin_experiment.py

        Parameters
        ----------
        experiment
            An experiment with a main table, from this package or from a plug-in.
        task
            Tasks to run.
        split
            Splits to run.
        model
            Models to run; "baseline" is the baseline of each task.
        seeds
            Number of seeds of each run: 0, 1, ...
        recipe
            Source of the settings. For the data set Not-so-Clevr, the settings are our
            own, or follow the code of the tutorial, its text, or the code of the paper.
        """
        check_count("seeds", seeds, MAX_SEEDS)
        check_count("jobs", jobs, MAX_JOBS)
        from coordconv_lab.reproduce import reproduce, selected_specs
        from coordconv_lab.train import Hardware

        specs = selected_specs(recipe, task, split, model, seeds)
        reproduce(specs, runs, fresh, Hardware(device, compile), jobs=jobs)

    command.__annotations__ |= {
        "task": _several(reproduction.tasks),
        "split": _several(chosen.splits),
        "model": _several(dict.fromkeys((*main, *baselines, "baseline"))),
        "recipe": Literal[tuple(recipes)],
    }
    return command_app(command, "coordconv reproduce")


def _of_questions(chosen: "Experiment", reproduction: "Reproduction", asked: "Reference") -> App:
    """Return the command for an experiment whose main table answers questions by comparing runs."""
    from coordconv_lab.cli.spec_options import command_app

    def command(
        *,
        experiment: str = chosen.name,
        arm: str = "",
        seeds: Int = reproduction.seeds,
        runs: RunsDirectory = Path("runs"),
        fresh: Fresh = False,
        jobs: Jobs = None,
        device: Device = "auto",
        compile: Compiled = False,
    ) -> None:
        """Reproduce the main table of an experiment: the gain from coordinates.

        Trains networks with and without coordinates, and prints the difference in the
        main score with a 95% interval, next to the interval from the records in the
        repository. Finished runs are not trained again. Interrupted runs continue from
        their last checkpoint.

        For example:

            coordconv reproduce --experiment climate

            coordconv reproduce --experiment brains --arm first --seeds 1

        Parameters
        ----------
        experiment
            An experiment with a main table, from this package or from a plug-in.
        arm
            Run only the arms whose name contains this text.
        seeds
            Number of seeds of each run: 0, 1, ...
        """
        check_count("seeds", seeds, MAX_SEEDS)
        check_count("jobs", jobs, MAX_JOBS)
        from coordconv_lab.claims.question_runs import question_runs
        from coordconv_lab.registry import resolve
        from coordconv_lab.reproduce import reproduce
        from coordconv_lab.train import Hardware

        found = question_runs(resolve(asked)(), seeds, arm)
        reproduce(found.specs, runs, fresh, Hardware(device, compile), found, jobs)

    return command_app(command, "coordconv reproduce")


def _several(names: Iterable[str]) -> Any:
    """Return the type of an option that takes one or more of the given names."""
    return Annotated[
        tuple[Literal[tuple(names)], ...], Parameter(consume_multiple=True, negative=())
    ]
