"""The one error that means "the user can fix this": the command line prints it in one line."""


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
