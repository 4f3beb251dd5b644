"""Format the validation errors of specs in one line."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coordconv_lab.errors import in_short

_EXPLAINED = 5
"""Maximum number of errors in one message."""

_LONGEST_NAME = 80
"""Maximum length of a field's name in a message, because files may contain names of any length."""

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def explain(error: ValidationError, names: Mapping[str, str] = _NO_NAMES) -> str:
    """Format a validation error in one line: the field, what was expected, what was given.

    Args:
        error: The error.
        names: Alternative names of fields, such as the names of options, by dotted path.
    """
    parts = []
    items = _without_follow_ons(error.errors(include_url=False))
    for item in items[:_EXPLAINED]:
        where = _place(item["loc"], names)
        message = item["msg"].removeprefix("Value error, ")
        shown = isinstance(item["input"], str | int | float | list | tuple) and where
        came = f"; got {in_short(item['input'])}" if shown else ""
        parts.append(f"{where}: {message}{came}" if where else message)
    more = len(items) - len(parts)
    return " | ".join(parts) + (f" | and {more} more" if more > 0 else "")


def _place(place: Sequence[int | str], names: Mapping[str, str]) -> str:
    """Return how a message names a field: by an alternative name, or by its dotted path.

    If `names` has a name for several parts of the path, the longest part is used.
    """
    path = [str(part)[:_LONGEST_NAME] for part in place]
    for length in range(len(path), 0, -1):
        if (name := names.get(".".join(path[:length]))) is not None:
            return name
    return ".".join(path)


def _without_follow_ons(items: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Omit the errors about lists that are too short only because they have invalid items."""

    def follows(item: ErrorDetails) -> bool:
        place = item["loc"]
        within = (other["loc"] for other in items if len(other["loc"]) > len(place))
        return item["type"] == "too_short" and any(loc[: len(place)] == place for loc in within)

    return [item for item in items if not follows(item)]
