"""The option ``--plugin FILE``, which all commands have.

This option is parsed before all others, because other arguments can name tasks and networks of the
plug-in.
"""

from collections.abc import Sequence

from coordconv_lab.errors import InputError

OPTION = "--plugin"


def split_plugins(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the arguments of a command into the files of plug-ins and all other arguments.

    Raises:
        InputError: The option is given without a file.

    Example:
        >>> split_plugins(["train", "waves", "--plugin", "waves.py"])
        (['train', 'waves'], ['waves.py'])
    """
    rest: list[str] = []
    files: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*rest, argument, *waiting], files
        name, equals, value = argument.partition("=")
        if name != OPTION:
            rest.append(argument)
            continue
        file = value if equals else next(waiting, "")
        if not file or file.startswith("-"):
            raise InputError(f"{OPTION}: expected a Python file that defines PLUGIN; got {file!r}")
        files.append(file)
    return rest, files
