"""Create a spec from a recipe, by the names of the task, split, network and recipe.

Experiments that do not define recipes have a recipe in which every setting has its default.
"""

from collections.abc import Callable
from numbers import Real
from typing import Any

from pydantic import ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.recipes.settings import with_settings
from coordconv_lab.registry import registry, resolve
from coordconv_lab.specs import ExperimentSpec, TrainingSpec, explain

DEFAULT_EPOCHS = 10
"""Number of epochs in the default settings."""

DEFAULTS = "defaults"
"""Name of the recipe for experiments without recipes: every setting has its default value."""


def recipe_names(task: str) -> list[str]:
    """Return the names of the recipes of a task, starting with the default recipe.

    Raises:
        InputError: There is no such task.
    """
    return list(registry().experiment_of(task).recipes) or [DEFAULTS]


def family_of(task: str, model: str | None) -> str:
    """Return the family of a network by name.

    "baseline" means the baseline of the task, and None its main network.

    Raises:
        InputError: There is no such task.
    """
    known = registry()
    if model is None:
        return known.main_family(task)
    return known.task(task).baseline if model == "baseline" else model


def spec_by_recipe(
    task: str,
    split: str | None = None,
    model: str | None = None,
    seed: int = 0,
    recipe: str | None = None,
) -> ExperimentSpec:
    """Return the spec of a run from a recipe of its task.

    Args:
        task: The task.
        split: The split. By default, the first split of the experiment.
        model: Family of the network, or "baseline", or a kind of network, which is used with its
            default settings. By default, the main network of the task.
        seed: Seed of the run.
        recipe: Name of a recipe. By default, the first recipe of the experiment.

    Raises:
        InputError: The task, recipe, split or network is unknown, the seed is not an integer, or
            the recipe returns a spec of another task, split, network or seed.
    """
    if not isinstance(seed, Real) or isinstance(seed, bool):
        raise InputError(f"seed: expected an integer, got {in_short(seed)}")
    known = registry()
    experiment, names = known.experiment_of(task), recipe_names(task)
    if recipe is not None and recipe not in names:
        raise InputError(
            f"the recipes of the task {task} are {', '.join(names)}; got {in_short(recipe)}"
        )
    split = split or experiment.splits[0]
    if split not in experiment.splits:
        raise InputError(
            f"the task {task} has the splits {', '.join(experiment.splits)}; got {in_short(split)}"
        )
    if not experiment.recipes or task not in {one.name for one in experiment.tasks}:
        return _by_defaults(task, split, family_of(task, model), seed)
    make = resolve(experiment.recipes[recipe or names[0]])
    families = (known.main_family(task), known.task(task).baseline)
    kinds = {network.kind: network.spec for network in known.networks_of(task)}
    if model in kinds and model not in families:
        spec = _made(make, task, split, families[0], seed)
        is_trained = kinds[model]().is_trained
        untrained = {} if is_trained else {"training": {"epochs": 0}}
        return with_settings(spec, {"model.kind": model, **untrained})
    return _made(make, task, split, family_of(task, model), seed)


def _made(
    make: Callable[..., Any], task: str, split: str, family: str, seed: int
) -> ExperimentSpec:
    """Call the function of a recipe, and check that the spec is the one that was asked for.

    A recipe that ignores an argument would silently train another run.
    """
    try:
        spec = make(task, split, family, seed)
    except ValidationError as error:
        raise InputError(explain(error)) from error
    if not isinstance(spec, ExperimentSpec):
        raise InputError(
            f"a recipe of the task {task} must return an ExperimentSpec, got {in_short(spec)}"
        )
    asked = {"task": task, "split": split, "model": family, "seed": seed}
    found = {
        "task": spec.task,
        "split": spec.data.split,
        "model": spec.model_name,
        "seed": spec.seed,
    }
    for name, value in asked.items():
        if found[name] != value:
            raise InputError(
                f"the recipe of the task {task} has no {name} {in_short(value)}: it returns a spec "
                f"with the {name} {in_short(found[name])}; choose another {name}, or correct the "
                "recipe"
            )
    return spec


def _by_defaults(task: str, split: str, family: str, seed: int) -> ExperimentSpec:
    known = registry()
    experiment, networks = known.experiment_of(task), known.networks_of(task)
    by_name = {network.spec().family: network for network in reversed(networks)}
    by_name |= {network.kind: network for network in networks}
    if family not in by_name:
        raise InputError(
            f"the task {task} has the networks {', '.join(by_name)}; got {in_short(family)}"
        )
    try:
        return ExperimentSpec(
            task=task,
            data=experiment.data(split=split),
            model=by_name[family].spec(),
            training=(experiment.training or TrainingSpec)(epochs=DEFAULT_EPOCHS),
            seed=seed,
        )
    except ValidationError as error:
        raise InputError(explain(error)) from error
