"""The command itself, which the other files of this package add to."""

from cyclopts import App

app = App(
    name="coordconv",
    help="The laboratory of coordconv: convolutions that know where they are.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    help_format="plaintext",
)
data_app = App(name="data", help="Look at the data set, Not-so-Clevr.", help_format="plaintext")
app.command(data_app)
sweep_app = App(
    name="sweep", help="Train many settings, here or on a cluster.", help_format="plaintext"
)
app.command(sweep_app)


def _version() -> str:
    from importlib.metadata import version

    return version("torch-coordconv")


app.version = _version
