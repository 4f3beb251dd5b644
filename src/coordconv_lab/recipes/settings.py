"""Change individual settings of a spec, by their dotted paths."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec, NetworkSpec, explain


def with_settings(
    spec: ExperimentSpec,
    settings: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> ExperimentSpec:
    """Change settings of a spec.

    Args:
        spec: The spec to start from.
        settings: New values by dotted path, such as {"training.learning_rate": 0.01}.
        names: How messages name the settings, by path, such as the names of options. By default,
            messages contain the paths.

    A new ``model.kind`` starts from the default settings of that kind of network. Other settings of
    the network can be changed in the same call.

    Raises:
        InputError: A path does not name a setting, or the new spec is not valid.

    Example:
        >>> from coordconv_lab.experiments.notsoclevr.recipes import tuned
        >>> spec = tuned("classification", "uniform", "coordconv")
        >>> with_settings(spec, {"training.epochs": 7}).training.epochs
        7
    """
    fields = spec.model_dump()
    kind = settings.get("model.kind", spec.model.kind)
    if kind != spec.model.kind:
        # Another kind of network has different settings; start from its defaults.
        fields["model"] = _network(kind).model_dump()
    for path, value in settings.items():
        _set(fields, path, value)
    try:
        changed = ExperimentSpec.model_validate(fields)
    except ValidationError as error:
        raise InputError(explain(error, names or {})) from error
    found = flat_settings(changed.model_dump())
    for path, value in settings.items():
        check_boolean((names or {}).get(path, path), value, found.get(path))
    return changed


def check_boolean(name: str, given: Any, value: Any) -> None:
    """Check that a boolean did not become a number: pydantic reads True, and YAML's "on", as 1.

    Args:
        name: How the message names the setting.
        given: The value that was given.
        value: The value of the spec.

    Raises:
        InputError: A boolean was given for a number.
    """
    if isinstance(given, list | tuple) and isinstance(value, list | tuple):
        for inner, found in zip(given, value, strict=False):
            check_boolean(name, inner, found)
    if isinstance(given, bool) and isinstance(value, int | float) and not isinstance(value, bool):
        raise InputError(f"{name}: expected a number, got {given}")


def _network(kind: Any) -> NetworkSpec:
    try:
        return registry().network_adapter.validate_python({"kind": kind})
    except ValidationError as error:
        raise InputError(f"model: {explain(error)}") from error


def _set(fields: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    inner: Any = fields
    for name in parents:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or last not in inner:
        known = flat_settings(fields)
        near = get_close_matches(path, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(known)}"
        raise InputError(f"there is no setting {in_short(path)}; {hint}")
    inner[last] = value


def flat_settings(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the fields of a spec by dotted path.

    Example:
        >>> flat_settings({"seed": 0, "data": {"split": "uniform"}})
        {'seed': 0, 'data.split': 'uniform'}
    """
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        inner = flat_settings(value, f"{prefix}{name}.") if isinstance(value, dict) else {}
        flat |= inner or {f"{prefix}{name}": value}
    return flat
