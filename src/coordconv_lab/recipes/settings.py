"""Changing single settings of a recipe, by their paths."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.specs import ExperimentSpec, explain


def with_settings(spec: ExperimentSpec, settings: Mapping[str, Any]) -> ExperimentSpec:
    """Change settings of a spec.

    Args:
        spec: Where to start from.
        settings: New values by dotted path, such as {"training.learning_rate": 0.01}.

    Raises:
        InputError: A path names no setting, or the new spec is not valid.

    Example:
        >>> from coordconv_lab.recipes import tuned
        >>> spec = tuned("classification", "uniform", "coordconv")
        >>> with_settings(spec, {"training.epochs": 7}).training.epochs
        7
    """
    fields = spec.model_dump()
    for path, value in settings.items():
        _set(fields, path, value)
    try:
        return ExperimentSpec.model_validate(fields)
    except ValidationError as error:
        raise InputError(explain(error)) from error


def _set(fields: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    inner: Any = fields
    for name in parents:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or last not in inner:
        known = _paths(fields)
        near = get_close_matches(path, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(known)}"
        raise InputError(f"there is no setting {in_short(path)}; {hint}")
    inner[last] = value


def _paths(fields: Mapping[str, Any], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for name, value in fields.items():
        nested = _paths(value, f"{prefix}{name}.") if isinstance(value, dict) else []
        paths += nested or [f"{prefix}{name}"]
    return paths
