"""The one error that means "the user can fix this", and how its message shows what came.

The command line prints it in one line.
"""

_SHOWN = 200
"""Characters of a value in a message: files can hold values of any length."""


class InputError(ValueError):
    """What was asked for, or a file that was read, is not usable; the message says what to do."""


class DamagedError(InputError):
    """A file is not as it was written, or cannot be read; the runs beside it can be used."""


class HeldError(InputError):
    """Another process is at this run."""


class FailingRunError(InputError):
    """A run cannot be done as its spec says, however often it is tried; others can."""


class DivergenceError(FailingRunError):
    """A loss or a weight of a run is not a number any more."""


def in_short(value: object) -> str:
    """A value as a message shows it, whatever it is and however long.

    Example:
        >>> in_short("a" * 300)[-6:], in_short(16**5000)
        ('aaa...', 'a value of type int, too long to write')
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"a value of type {type(value).__name__}, too long to write"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def printable(text: str) -> str:
    """Text out of a file, or its name, without bytes that are no text or that steer a terminal.

    Example:
        >>> printable("runs\\x1b]0;title\\x07")
        'runs?]0;title?'
    """
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "?" for mark in text)
