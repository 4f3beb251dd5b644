"""The root command and its groups."""

from cyclopts import App

app = App(
    name="coordconv",
    help="The laboratory of coordconv: train, sweep and compare CoordConv networks.",
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


def _version() -> str:
    from importlib.metadata import version

    return version("torch-coordconv")


app.version = _version
