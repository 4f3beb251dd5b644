"""Find settings of a run by their short names, such as ``head`` for ``model.head``."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.recipes import recipe_names, spec_by_recipe, with_settings
from coordconv_lab.recipes.settings import check_boolean
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec, explain, settings_of_spec

_NOT_SETTINGS = ("version", "task", "seed", "data.split", "model.kind")
"""Paths that have no short name: they are separate arguments of `train`, or cannot be set."""

_ARGUMENTS = ("split", "model", "seed", "recipe", "runs", "device", "progress")
"""Arguments of `train`, to suggest for misspelled settings."""

WORDS_OF_RUNS = ("task", "split", "model", "seed")
"""Arguments of `RunList.where` that are not settings of a part of the spec."""

_NEAR = 0.6
"""Minimum similarity of a name that is suggested."""


def spec_from_words(
    task: str,
    split: str | None = None,
    model: str | None = None,
    seed: int = 0,
    recipe: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> ExperimentSpec:
    """Return the spec of a recipe with some settings changed.

    Args:
        task: Name of the task.
        split: Name of the split. By default, the first split of the experiment.
        model: Family of the network, or "baseline", or a kind of network, which is used with its
            default settings. By default, the main network of the task.
        seed: Seed of the run.
        recipe: Name of the recipe. By default, the first recipe of the experiment.
        settings: Other settings by short name.

    Raises:
        InputError: A name or a value is not valid; the message suggests similar names.

    Example:
        >>> spec = spec_from_words("regression", "quadrant", settings={"head": "average"})
        >>> spec.model.head, spec.training.epochs
        ('average', 2)
    """
    known = registry()
    _check_word("task", task, known.tasks)
    _check_word("split", split, known.experiment_of(task).splits)
    _check_word("recipe", recipe, recipe_names(task))
    kinds = {network.kind: network for network in known.networks_of(task)}
    families = {known.main_family(task), known.task(task).baseline}
    others = (
        set() if known.experiment_of(task).recipes else {n.spec().family for n in kinds.values()}
    )
    _check_word("model", model, ["baseline", *families, *others, *kinds])
    if model in kinds and model not in families | others:
        spec, changes = spec_by_recipe(task, split, None, seed, recipe), _of_kind(kinds[model])
        fields = spec.model_dump() | {"model": kinds[model].spec().model_dump()}
    else:
        spec, changes = spec_by_recipe(task, split, model, seed, recipe), {}
        fields = spec.model_dump()
    changes |= _paths(settings or {}, by_path(fields), _ARGUMENTS)
    return with_settings(spec, changes) if changes else spec


def _of_kind(network: Any) -> dict[str, Any]:
    """Return the changes that replace the network of a spec by a network of another kind."""
    if network.spec().is_trained:
        return {"model.kind": network.kind}
    return {"model.kind": network.kind, "training": {"epochs": 0}}


def _check_word(name: str, word: object, known: Iterable[str]) -> None:
    known = list(dict.fromkeys(known))
    if word is not None and word not in known:
        raise InputError(f"there is no {name} {in_short(word)}; {_hint(str(word), known)}")


def _hint(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(word, known, n=3, cutoff=_NEAR)
    return f"did you mean {' or '.join(near)}?" if near else f"expected {', '.join(sorted(known))}"


def paths_of(settings: Mapping[str, Any], spec: ExperimentSpec) -> dict[str, Any]:
    """Return settings by dotted path instead of short name.

    Args:
        settings: Values by short name (``head``), or by path, written with two underscores or with
            a dot (``model__head`` or ``model.head``).
        spec: The spec that has the settings.

    Raises:
        InputError: A name is unknown, or belongs to several settings, or a setting is given twice.

    Example:
        >>> from coordconv_lab.experiments.notsoclevr.recipes import tuned
        >>> paths_of({"epochs": 7}, tuned("regression", "uniform", "coordconv"))
        {'training.epochs': 7}
    """
    return _paths(settings, by_path(spec.model_dump()), WORDS_OF_RUNS)


def by_path(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a spec by dotted path; a dictionary is one setting.

    Example:
        >>> by_path({"seed": 0, "data": {"split": "uniform", "levels": {"low": 1}}})
        {'seed': 0, 'data.split': 'uniform', 'data.levels': {'low': 1}}
    """
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        parts = value if isinstance(value, dict) else None
        flat |= {name: value} if parts is None else {f"{name}.{one}": parts[one] for one in parts}
    return flat


def _paths(
    settings: Mapping[str, Any], flat: Mapping[str, Any], arguments: Sequence[str]
) -> dict[str, Any]:
    by_name: dict[str, list[str]] = {}
    for path in flat:
        if path not in _NOT_SETTINGS:
            by_name.setdefault(path.rpartition(".")[2], []).append(path)
    found: dict[str, Any] = {}
    for name, value in settings.items():
        path = _path_of(name, by_name, arguments)
        if path in found:
            raise InputError(f"the setting {path} is given twice; omit one of the values")
        found[path] = value
    return found


def _path_of(name: str, by_name: Mapping[str, list[str]], arguments: Sequence[str]) -> str:
    path = name.replace("__", ".")
    if any(path in paths for paths in by_name.values()):
        return path
    paths = by_name.get(name, [])
    if len(paths) > 1:
        ways = " or ".join(one.replace(".", "__") for one in paths)
        raise InputError(f"there are {len(paths)} settings with the name {name}; write {ways}")
    if not paths:
        raise InputError(
            f"there is no setting {in_short(name)}; {_hint(name, (*by_name, *arguments))}"
        )
    return paths[0]


def has_words(spec: ExperimentSpec, words: Mapping[str, Any]) -> bool:
    """Return whether a spec has the given task, split, model and seed.

    As in `train`, the model can be a family, a kind of network, or "baseline".

    Raises:
        InputError: The task of the spec has no such split or model, or there is no such task.
    """
    known, networks = registry(), registry().networks_of(spec.task)
    models = [spec.model_name, *(name for n in networks for name in (n.spec().family, n.kind))]
    _check_word("task", words.get("task"), known.tasks)
    _check_word("split", words.get("split"), known.experiment_of(spec.task).splits)
    _check_word("model", words.get("model"), ["baseline", *models])
    own = [spec.model_name, spec.model.kind]
    own += ["baseline"] if spec.model_name == known.task(spec.task).baseline else []
    values = {"task": [spec.task], "split": [spec.data.split], "model": own}
    seed = {name: value for name, value in words.items() if name == "seed"}
    others = {name: value for name, value in words.items() if name != "seed"}
    return has_values(spec, seed) and all(value in values[name] for name, value in others.items())


def has_values(spec: ExperimentSpec, settings: Mapping[str, Any]) -> bool:
    """Return whether a spec has the given values, which are converted as in a new spec.

    Args:
        spec: The spec.
        settings: The values by dotted path.

    Raises:
        InputError: The spec cannot have such a value.
    """
    flat = by_path(spec.model_dump())
    fields = {one.path: one.field for one in settings_of_spec(spec)}
    for path, value in settings.items():
        try:
            kind: Any = Annotated[fields[path].annotation, fields[path]]
            converted = TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            raise InputError(f"{path}: {explain(error)}; got {in_short(value)}") from error
        check_boolean(path, value, converted)
        if flat[path] != converted:
            return False
    return True
