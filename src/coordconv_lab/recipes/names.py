"""Name networks and data by how they differ from their recipes and from each other."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coordconv_lab.recipes.choice import recipe_names, spec_by_recipe
from coordconv_lab.recipes.settings import flat_settings
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.specs.words import setting_in_words

Flat = Mapping[str, Any]


def network_names(specs: Sequence[ExperimentSpec]) -> list[str]:
    """Name the networks of runs of one task on the same data.

    A name consists of the network and the settings that differ from its recipe. Training settings
    are included unless all runs share them.

    Args:
        specs: Specs with different settings; seeds do not matter.

    Returns:
        A different name for each spec.

    Example:
        >>> from coordconv_lab.experiments.notsoclevr.recipes import tuned
        >>> from coordconv_lab.recipes import with_settings
        >>> spec = tuned("regression", "uniform", "coordconv")
        >>> changes = ({}, {"model.head": "average"}, {"training.learning_rate": 1e-4})
        >>> network_names([with_settings(spec, change) for change in changes])
        ['CoordConv', 'CoordConv, average pooling', 'CoordConv, learning rate 1e-4']
    """
    flat = [flat_settings(spec.model_dump()) for spec in specs]
    usual = _usual_settings(specs, flat)
    labels = _labels(specs, usual)
    shared = {path for one in flat for path in one if path.startswith("training.")} - _varying(flat)
    differing = [
        [
            path
            for path, value in one.items()
            if path.startswith(("model.", "training."))
            and path not in shared
            and value != usual[spec.model.kind].get(path)
        ]
        for spec, one in zip(specs, flat, strict=True)
    ]
    return _distinct(specs, [labels[spec.model.kind] for spec in specs], differing)


def data_names(specs: Sequence[ExperimentSpec]) -> list[str]:
    """Name the data of runs of one task, by the split and the settings that differ from a recipe.

    Args:
        specs: Specs with different data.

    Returns:
        A different name for each spec.
    """
    differing = []
    for spec in specs:
        own = _data(spec)
        known = [_data(recipe) for recipe in _recipes(spec)]
        standard = min(known, key=lambda one: _distance(own, one), default=own)
        differing.append([path for path, value in own.items() if value != standard.get(path)])
    return _distinct(specs, [str(spec.data.split) for spec in specs], differing)


def _data(spec: ExperimentSpec) -> dict[str, Any]:
    return {
        path: v for path, v in flat_settings(spec.model_dump()).items() if path.startswith("data.")
    }


def _recipes(spec: ExperimentSpec) -> list[ExperimentSpec]:
    """Return the specs of all recipes for the task and split of a spec, the main network first."""
    known, found = registry(), []
    for family in (known.main_family(spec.task), known.task(spec.task).baseline):
        for name in recipe_names(spec.task):
            try:
                found.append(spec_by_recipe(spec.task, spec.data.split, family, 0, name))
            except Exception:  # skip a recipe of a plug-in that fails in any way
                continue
    return found


def _usual_settings(specs: Sequence[ExperimentSpec], flat: Sequence[Flat]) -> dict[str, Flat]:
    """Return the settings of the nearest recipe for each kind of network."""
    usual: dict[str, Flat] = {}
    recipes = _recipes(specs[0]) if specs else []
    for kind in dict.fromkeys(spec.model.kind for spec in specs):
        own = [one for one in flat if one["model.kind"] == kind]
        known = [flat_settings(one.model_dump()) for one in recipes if one.model.kind == kind]
        if not known:
            fields = registry().networks[kind].spec().model_dump()
            standard = {f"model.{name}": value for name, value in fields.items()}
            known = [{**one, **standard} for one in own]
        usual[kind] = min(known, key=lambda one: sum(_distance(each, one) for each in own))
    return usual


def _distance(one: Flat, other: Flat) -> int:
    return sum(value != other.get(path) for path, value in one.items())


def _labels(specs: Sequence[ExperimentSpec], usual: Mapping[str, Flat]) -> dict[str, str]:
    """Name the kinds of networks by family, or by kind if several kinds share a family."""
    if not specs:
        return {}
    names = registry().experiment_of(specs[0].task).names
    in_recipes = {recipe.model.kind for recipe in _recipes(specs[0])}
    adapter = registry().network_adapter
    families = {}
    for kind, settings in usual.items():
        fields = {p.removeprefix("model."): v for p, v in settings.items() if p[:6] == "model."}
        family = adapter.validate_python(fields).family
        families[kind] = names.get(family, family)

    def is_alone(kind: str) -> bool:
        same = [other for other in families if families[other] == families[kind]]
        first = [other for other in same if other in in_recipes]
        return same == [kind] or first == [kind]

    return {
        kind: name if is_alone(kind) or name == kind else f"{name} ({kind})"
        for kind, name in families.items()
    }


def _varying(flat: Sequence[Flat]) -> set[str]:
    values: dict[str, list[Any]] = {}
    for one in flat:
        for path, value in one.items():
            if value not in values.setdefault(path, []):
                values[path].append(value)
    return {path for path, found in values.items() if len(found) > 1}


def _distinct(
    specs: Sequence[ExperimentSpec], labels: Sequence[str], differing: Sequence[Sequence[str]]
) -> list[str]:
    """Join labels and differences to names.

    Names that would be equal contain the paths and values of settings instead of their words. Names
    that are still equal end with the id of the spec.
    """

    def joined(words: Callable[[ExperimentSpec, str], str]) -> list[str]:
        return [
            ", ".join([label, *(words(spec, path) for path in paths)])
            for spec, label, paths in zip(specs, labels, differing, strict=True)
        ]

    short = joined(setting_in_words)
    long = joined(lambda spec, path: f"{path} {flat_settings(spec.model_dump())[path]!r:.60}")
    exact = [f"{name}, settings {spec.id}" for spec, name in zip(specs, short, strict=True)]
    names = short
    for longer in (long, exact):
        count = Counter(names)
        names = [n if count[n] == 1 else m for n, m in zip(names, longer, strict=True)]
    return names
