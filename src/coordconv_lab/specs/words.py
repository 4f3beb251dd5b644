"""Settings in words, such as "average pooling" for ``model.head=average``.

The words come from the title of the field, such as ``Field(title="{} pooling")``, where ``{}`` is
the value. For a field without a title, the words are its name and value, such as "learning rate
1e-4".
"""

from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from coordconv_lab.errors import printable
from coordconv_lab.specs.experiment import ExperimentSpec

LONGEST = 60
"""Maximum number of characters of a value. Longer values are shortened."""


def setting_in_words(spec: ExperimentSpec, path: str) -> str:
    """Return one setting in words.

    Args:
        spec: The spec.
        path: Dotted path of the setting.

    Example:
        >>> from coordconv_lab.experiments.notsoclevr.recipes import tuned
        >>> spec = tuned("regression", "uniform", "coordconv")
        >>> setting_in_words(spec, "model.head"), setting_in_words(spec, "model.coordinates")
        ('max pooling', 'with coordinates')
    """
    *parents, name = path.split(".")
    owner: Any = spec
    for parent in parents:
        owner = _inner(owner, parent)
    value = _inner(owner, name)
    fields = type(owner).model_fields if isinstance(owner, BaseModel) else {}
    title = fields[name].title if name in fields else None
    plain = name.replace("_", " ")
    if isinstance(value, bool):
        return f"{'with' if value else 'no'} {title or plain}"
    if value is None:
        return f"no {plain}"
    return (title or f"{plain} {{}}").replace("{}", value_in_words(value))


def _inner(owner: Any, name: str) -> Any:
    return owner[name] if isinstance(owner, dict) else getattr(owner, name)


def value_in_words(value: Any) -> str:
    """Return the value of a setting as text. Different numbers give different texts.

    Example:
        >>> [value_in_words(value) for value in (0.0001, 0.05, 2.0, (32, 64), "he_tensorflow")]
        ['1e-4', '0.05', '2', '(32, 64)', 'he tensorflow']
    """
    if isinstance(value, float):
        is_usual = value == 0 or 1e-3 <= abs(value) < 1e6
        return repr(value).removesuffix(".0") if is_usual else f"{Decimal(repr(value)):e}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(value_in_words, value))})"
    text = value.replace("_", " ") if isinstance(value, str) else str(value)
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")
