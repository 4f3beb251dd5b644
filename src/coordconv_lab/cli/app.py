"""The root command ``coordconv``, and the groups of its subcommands."""

from collections.abc import Callable, Sequence
from typing import Annotated

from cyclopts import App, Parameter

app = App(
    name="coordconv",
    help="The laboratory of coordconv: train, sweep and compare CoordConv networks.\n\n"
    "All commands accept --plugin FILE, a Python file that adds experiments, tasks or networks; "
    "repeat the option for several files. See docs/experiments.md.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    help_format="plaintext",
)
data_app = App(name="data", help="Export the data set, Not-so-Clevr.", help_format="plaintext")
app.command(data_app)
sweep_app = App(
    name="sweep", help="Train many settings, locally or on a cluster.", help_format="plaintext"
)
app.command(sweep_app)
results_app = App(
    name="results",
    help="Pack the records of studies into a few files with readable diffs.",
    help_format="plaintext",
)
app.command(results_app)

Builder = Callable[[Sequence[str]], App]
"""A function that returns a command. The options of the command may depend on its arguments."""


def deferred(group: App, help: str) -> Callable[[Builder], Builder]:
    """Register a command whose options depend on its arguments.

    The command is created on each call, and parses all arguments, including ``--help``.

    Args:
        group: The group of the command.
        help: The description of the command in the list of commands.
    """

    def register(build: Builder) -> Builder:
        def command(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
            made = build(arguments)
            made(arguments, exit_on_error=False, print_error=False, result_action="return_value")

        group.command(
            command,
            name=build.__name__,
            help=help,
            help_flags=(),
            version_flags=(),
            end_of_options_delimiter="",
        )
        return build

    return register


def _version() -> str:
    from importlib.metadata import version

    return version("torch-coordconv")


app.version = _version
