"""The ``data`` command."""

from collections.abc import Mapping, Sequence
from typing import Any

from cyclopts import App

from coordconv_lab.cli.app import data_app, deferred
from coordconv_lab.cli.options import Place
from coordconv_lab.errors import printable

_NOT_FOR_EXPORT = ("data.split", "data.held_out", "data.train_share")
"""Settings that select examples. The command has no such options: it exports all examples."""


@deferred(data_app, help="Write both splits of Not-so-Clevr as arrays (.npz) and as images (.png).")
def export(arguments: Sequence[str]) -> App:
    """Return the command, with the settings of the data as options."""
    from coordconv_lab.cli.spec_options import with_options
    from coordconv_lab.experiments.notsoclevr.specs import DataSpec
    from coordconv_lab.specs import settings_of_class

    known = [
        one._replace(default=one.field.default)
        for one in settings_of_class(DataSpec, "data")
        if one.path not in _NOT_FOR_EXPORT
    ]

    def command(*, out: Place, settings: dict[str, Any] = {}) -> None:  # noqa: B006
        """Write both splits of Not-so-Clevr as arrays (.npz) and as an overview image (.png).

        For example:

            coordconv data export --out notsoclevr

        Parameters
        ----------
        out
            Output directory; created if it does not exist.
        """
        from coordconv_lab.console.run_progress import counting_bar
        from coordconv_lab.experiments.notsoclevr.data.export import export as export_data
        from coordconv_lab.experiments.notsoclevr.specs import parse_data_spec

        spec = parse_data_spec(_short(settings), _short(names))
        with counting_bar("images") as advance:
            paths = export_data(spec, out, advance)
        for path in paths:
            print(printable(str(path)))

    offered, names = with_options(command, "coordconv data export", known)
    return offered


def _short(by_path: Mapping[str, Any]) -> dict[str, Any]:
    return {path.removeprefix("data."): value for path, value in by_path.items()}
