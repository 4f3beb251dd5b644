"""Read some arguments before they are parsed.

These arguments, such as the task, determine which other options a command has.
"""

from collections.abc import Sequence

from coordconv_lab.errors import InputError
from coordconv_lab.registry import registry

_HELP = {"--help", "-h"}


def value_of(option: str, arguments: Sequence[str]) -> str | None:
    """Return the value of an option, or None if it is not given.

    The option is given as ``OPTION VALUE`` or ``OPTION=VALUE``.

    Example:
        >>> value_of("--model", ["regression", "--model", "conv"])
        'conv'
    """
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if argument == "--":
            break
        if name == option and equals:
            return value
        if name == option:
            return next(iter(arguments[place + 1 :]), None)
    return None


def task_in(arguments: Sequence[str], options: Sequence[str]) -> str | None:
    """Return the task among the arguments of a command, or None if only help is requested.

    Args:
        arguments: The arguments.
        options: Options whose values are not tasks, such as ``--runs``.

    Raises:
        InputError: The arguments do not name a task.
    """
    tasks = registry().tasks
    named = value_of("--task", arguments)
    others = [
        argument
        for before, argument in zip(("", *arguments), arguments, strict=False)
        if not argument.startswith("-") and before not in options
    ]
    known = [argument for argument in others if argument in tasks]
    if named or known:
        return named or known[0]
    if _HELP & {*arguments}:
        return None
    if others and arguments[0] == others[0]:
        raise InputError(registry().unknown("task", others[0], tasks))
    raise InputError(f"the first argument must be a task: {', '.join(tasks)}")
