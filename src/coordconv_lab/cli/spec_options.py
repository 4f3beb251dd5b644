"""Options of the command line for the settings of a spec, which is the description of a run.

The name, type, choices, bounds, default and help of an option come from a field of the spec, so a
new field becomes a new option. The spec validates the values, and its messages name the options.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypedDict, Union, get_args, get_origin

from cyclopts import App, Group, Parameter, Token

from coordconv_lab.cli.options import Int, json_or_text
from coordconv_lab.specs import Setting
from coordconv_lab.specs.settings import UNKNOWN

_TRAINING = Group.create_ordered("Training")

PANELS = {
    "seed": _TRAINING,
    "training": _TRAINING,
    "data": Group.create_ordered("Data"),
    "model": Group.create_ordered("Network"),
}
"""Titles of the sections in the help, by the first part of the path of a setting."""

_RESERVED = ("--help", "--version", "--plugin")


def with_options(
    command: Callable[..., None], name: str, settings: Sequence[Setting]
) -> tuple[App, dict[str, str]]:
    """Return a command with an option for each setting, and the names of the options by path.

    Args:
        command: The function that the command calls. Its argument ``settings`` receives the values
            of the options that the user gave, by the path of the setting. Its other arguments are
            options of their own.
        name: Name of the command in the help.
        settings: The settings.
    """
    names = option_names(settings, _own_options(command))
    types = {one.path: _option(one, names[one.path]) for one in settings}
    given: Any = TypedDict("given", types, total=False)  # pyright: ignore
    command.__annotations__["settings"] = Annotated[given, Parameter(name="*")]
    return command_app(command, name), names


def command_app(command: Callable[..., None], name: str) -> App:
    """Return a separate application for one command."""
    app = App(
        name=name, version_flags=(), suppress_keyboard_interrupt=False, help_format="plaintext"
    )
    app.default(command)
    for flag in app.help_flags:
        app[flag].show = False
    return app


def option_names(settings: Iterable[Setting], taken: Collection[str]) -> dict[str, str]:
    """Return the name of the option of each setting, by path.

    An option has the name of the field, such as ``--learning-rate``. If the command or an earlier
    setting already has an option with that name, the section of the setting precedes the name, as
    in ``--model-square``.

    Args:
        settings: The settings.
        taken: Other options of the command.
    """
    used, names = {*taken, *_RESERVED}, dict[str, str]()
    for one in settings:
        section, _, field = one.path.rpartition(".")
        words = [field] if _name(field) not in used else [section, field]
        names[one.path] = _name(*words)
        used |= {names[one.path], _name("no", *words), _name("empty", *words)}
    return names


def _name(*words: str) -> str:
    return "--" + "-".join(words).replace("_", "-")


def _own_options(command: Callable[..., None]) -> list[str]:
    return [_name(name.rstrip("_")) for name in inspect.signature(command).parameters]


def _option(setting: Setting, name: str) -> Any:
    """Return the type of an option, annotated with the name and the help of the option."""
    bounds = [f"[bounds: {setting.bounds}]"] if setting.bounds else []
    default = [] if setting.default is UNKNOWN else [f"[default: {_shown(setting.default)}]"]
    words = " ".join((setting.description, *bounds, *default)).strip()
    group = PANELS.get(setting.path.partition(".")[0])
    kind = _typed(setting.field.annotation)
    tuples = [part for part in (kind, *get_args(kind)) if get_origin(part) is tuple]
    more: dict[str, Any] = {}
    if kind is None:
        kind, more = Any, {"converter": _json, "n_tokens": 1}
    elif tuples and ... in get_args(tuples[0]):
        more = {"consume_multiple": True}
    elif tuples:
        more = {"negative": ()}
    return Annotated[kind, Parameter(name=name, help=words, group=group, **more)]


def _shown(value: Any) -> str:
    """Return a default value as a user would type it."""
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return " ".join(map(str, value)) or "empty"
    return str(value)


def _json(kind: type, tokens: Sequence[Token]) -> Any:
    return json_or_text(tokens[0].value)


def _typed(kind: Any) -> Any:
    """Return a type without bounds that the command line can parse, or None to parse JSON."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _typed(parts[0])
    if kind is int:
        return Int
    if kind in (float, str, bool, NoneType) or origin is Literal:
        return kind
    inner = [part if part is ... else _typed(part) for part in parts]
    if None in inner:
        return None
    if origin is tuple and inner:
        return tuple[tuple(inner)]
    if origin in (Union, UnionType) and len(inner) == 2 and NoneType in inner:
        return Union[tuple(inner)]  # noqa: UP007
    return None
