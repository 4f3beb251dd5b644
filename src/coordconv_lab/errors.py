"""Errors that the user can fix, and functions that format values in messages.

The command line prints `InputError` as one line.
"""

_SHOWN = 200
"""Maximum number of characters of a value in a message."""


class InputError(ValueError):
    """An argument or a file cannot be used. The message says what to do."""


class DamagedError(InputError):
    """A file is damaged or cannot be read. Other runs are not affected."""


class LockedError(InputError):
    """The run is locked by another process."""


class FailingRunError(InputError):
    """A run fails because of its settings and must not be retried. Other runs are not affected."""


class LostRunError(InputError):
    """The worker process of a run ended before the run was finished. The run can be resumed."""


class DivergenceError(FailingRunError):
    """A loss or a weight of a run is NaN or infinite."""


def in_short(value: object) -> str:
    """Return the repr of a value, truncated for a message.

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
    """Replace control characters and other unprintable characters of a text by "?".

    Example:
        >>> printable("runs\\x1b]0;title\\x07")
        'runs?]0;title?'
    """
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "?" for mark in text)
