"""The individual settings of a spec, with their descriptions, bounds and defaults."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from coordconv_lab.specs.experiment import ExperimentSpec

UNKNOWN: Any = object()
"""The default of settings for which the default depends on the recipe."""


class Setting(NamedTuple):
    """A field of a spec that users can set.

    Attributes:
        path: Dotted path, such as "training.learning_rate".
        field: The field of the class.
        default: The default value, or UNKNOWN.
    """

    path: str
    field: FieldInfo
    default: Any = UNKNOWN

    @property
    def description(self) -> str:
        """The description of the field in one line, or ""."""
        return " ".join((self.field.description or "").split())

    @property
    def bounds(self) -> str:
        """The bounds of the values, such as "1 to 4,096", or "" without bounds.

        Example:
            >>> from coordconv_lab.specs import TrainingSpec
            >>> Setting("training.warmup", TrainingSpec.model_fields["warmup"]).bounds
            'at least 0 and less than 1'
        """
        return ", ".join(_bounds(self.field.annotation, self.field.metadata))


def settings_of_spec(spec: ExperimentSpec) -> list[Setting]:
    """Return every setting of a spec: the seed, training, data and network."""
    seed = Setting("seed", ExperimentSpec.model_fields["seed"], spec.seed)
    parts = {"training": spec.training, "data": spec.data, "model": spec.model}
    return [
        seed,
        *(one for name, part in parts.items() for one in _settings(type(part), name, part)),
    ]


def settings_of_class(part: type[BaseModel], section: str) -> list[Setting]:
    """Return the settings of a class of data, networks or training, without defaults.

    Args:
        part: The class.
        section: First part of the paths: "data", "model" or "training".
    """
    return list(_settings(part, section))


def _settings(
    part: type[BaseModel], section: str, values: BaseModel | None = None
) -> Iterator[Setting]:
    for name, field in part.model_fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            continue  # There is only one value, such as the kind of a network.
        default = UNKNOWN if values is None else getattr(values, name)
        yield Setting(f"{section}.{name}", field, default)


def _bounds(kind: Any, metadata: Iterable[Any]) -> Iterator[str]:
    """Yield the bounds of a type in words, then those of its parts, such as the items of a list."""
    limits: dict[type, Any] = {}
    for mark in metadata:
        inner = mark.metadata if isinstance(mark, FieldInfo) else (mark,)
        limits |= {type(one): one for one in inner}
    yield from _range(limits)
    if get_origin(kind) is Annotated:
        yield from _bounds(kind.__origin__, kind.__metadata__)
    elif get_origin(kind) is not Literal:
        each = "each " if get_origin(kind) in (tuple, list) else ""
        parts = dict.fromkeys(words for part in get_args(kind) for words in _bounds(part, ()))
        yield from (f"{each}{words}" for words in parts)


def _range(limits: dict[type, Any]) -> Iterator[str]:
    if MinLen in limits and MaxLen in limits:
        yield f"{limits[MinLen].min_length} to {limits[MaxLen].max_length} values"
    elif MinLen in limits:
        yield f"at least {limits[MinLen].min_length} values"
    elif MaxLen in limits:
        yield f"at most {limits[MaxLen].max_length} values"
    if Ge in limits and Le in limits:
        yield f"{_number(limits[Ge].ge)} to {_number(limits[Le].le)}"
    else:
        low = [f"at least {_number(limits[Ge].ge)}"] if Ge in limits else []
        low += [f"greater than {_number(limits[Gt].gt)}"] if Gt in limits else []
        high = [f"at most {_number(limits[Le].le)}"] if Le in limits else []
        high += [f"less than {_number(limits[Lt].lt)}"] if Lt in limits else []
        if low or high:
            yield " and ".join((*low, *high))
    if MultipleOf in limits:
        yield f"a multiple of {_number(limits[MultipleOf].multiple_of)}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
