"""A list of runs, which can be shown as a table, a data frame, or figures side by side."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.interactive.short_names import (
    WORDS_OF_RUNS,
    by_path,
    has_values,
    has_words,
    paths_of,
)
from coordconv_lab.interactive.trained_run import TrainedRun
from coordconv_lab.recipes import flat_settings
from coordconv_lab.results.score_format import duration

if TYPE_CHECKING:
    from pandas import DataFrame

    from coordconv_lab.interactive.drawing import Drawing

_IN_COLUMNS = ("version", "task", "data.split", "seed", "model.kind")
"""Settings that the column of differences omits.

They have their own column, or follow from the model.
"""

_DIFFERS = "differs in"

_HEADER = (
    "#", "task", "split", "model", "seed", _DIFFERS,
    "parameters", "epochs", "time", "training", "held out",
)  # fmt: skip


_MIXED = object()


class RunList(Sequence[TrainedRun]):
    """Finished runs, shown in a table of their scores and of how their settings differ.

    An index selects one run. A slice, or the method `where`, selects several runs.

    Args:
        runs: The runs.
        damaged: Messages about runs that cannot be used.

    Attributes:
        damaged: Messages about runs that cannot be used and are omitted.
    """

    def __init__(self, runs: Iterable[TrainedRun], damaged: Iterable[str] = ()) -> None:
        self._runs, self.damaged = list(runs), list(damaged)

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[TrainedRun]:
        return iter(self._runs)

    @overload
    def __getitem__(self, index: int) -> TrainedRun: ...

    @overload
    def __getitem__(self, index: slice) -> "RunList": ...

    def __getitem__(self, index: int | slice) -> "TrainedRun | RunList":
        found = self._runs[index]
        return RunList(found) if isinstance(found, list) else found

    def where(self, **settings: Any) -> "RunList":
        """Return the runs that have all of the given settings.

        Args:
            **settings: ``task``, ``split``, ``model``, ``seed``, or any other setting by its name,
                as in `train`. Runs whose spec has no such setting are omitted.

        Raises:
            InputError: No run has a setting with this name, or the value is not possible for any
                run; the message suggests similar names.
        """
        chosen, unknown, impossible = [], [], []
        for run in self._runs:
            words = {name: value for name, value in settings.items() if name in WORDS_OF_RUNS}
            others = {name: value for name, value in settings.items() if name not in words}
            try:
                paths = paths_of(others, run.spec)
            except InputError as error:  # models of another kind may have this setting
                unknown.append(error)
                continue
            try:
                chosen += [run] if has_words(run.spec, words) & has_values(run.spec, paths) else []
            except InputError as error:
                impossible.append(error)
        if self._runs and len(unknown) + len(impossible) == len(self._runs):
            raise (impossible or unknown)[0]
        return RunList(chosen)

    def best(self, count: int = 1) -> "RunList":
        """Return the runs with the highest held-out score, the best first.

        Raises:
            InputError: ``count`` is negative or not an integer.
        """
        if not isinstance(count, int) or count < 0:
            raise InputError(f"expected a number of runs, 0 or more; got {in_short(count)}")
        return RunList(sorted(self._runs, key=lambda run: -run.record.test_score)[:count])

    @property
    def differences(self) -> list[str]:
        """The settings in which each run differs from most runs with the same kind of model.

        An example is "head=average".
        """
        flat = [by_path(run.spec.model_dump()) for run in self._runs]
        usual = {kind: _usual([one for one in flat if one["model.kind"] == kind])
                 for kind in {one["model.kind"] for one in flat}}  # fmt: skip
        return [
            ", ".join(
                f"{path.rpartition('.')[2]}={value}"
                for path, value in one.items()
                if path not in _IN_COLUMNS and value != usual[one["model.kind"]][path]
            )
            for one in flat
        ]

    @property
    def labels(self) -> list[str]:
        """A short name for each run: its model, and the settings that distinguish it."""
        several = {
            name: len({value(run) for run in self._runs}) > 1 for name, value in _WORDS.items()
        }
        labels = []
        for run, difference in zip(self._runs, self.differences, strict=True):
            words = [str(_WORDS[name](run)) for name in ("task", "split") if several[name]]
            words.append(run.spec.model_name)
            words += [f"seed {run.spec.seed}"] if several["seed"] else []
            labels.append(", ".join([*words, *([difference] if difference else [])]))
        return labels

    def show(self, figure: str = "map") -> "Drawing":
        """Draw one figure of every run, side by side; see `TrainedRun.show`.

        Raises:
            InputError: There is no such figure, or there are no runs.
        """
        from coordconv_lab.interactive.run_figures import draw_beside

        return draw_beside(self._runs, self.labels, figure)

    def frame(self) -> "DataFrame":
        """Return a pandas data frame with the settings, scores, cost and directory of each run.

        Columns of scores have names such as ``test_accuracy``. Columns of settings are named after
        the path of the setting, such as ``model.head``.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "frame() requires pandas: pip install pandas", name=error.name
            ) from error
        return DataFrame([_row_of_frame(run) for run in self._runs])

    def _table(self) -> list[tuple[str, ...]]:
        """Return the header and the rows of the table, with a column of differences if any."""
        differences = self.differences
        rows: list[tuple[str, ...]] = [_HEADER]
        for index, (run, difference) in enumerate(zip(self._runs, differences, strict=True)):
            spec, record = run.spec, run.record
            words = (spec.task, spec.data.split, spec.model_name, str(spec.seed), difference)
            cost = (f"{record.parameters:,}", str(record.epochs), duration(record.seconds))
            rows.append((str(index), *words, *cost, *run.main_scores))
        if not any(differences):
            at = _HEADER.index(_DIFFERS)
            rows = [row[:at] + row[at + 1 :] for row in rows]
        return rows

    def __repr__(self) -> str:
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
        return "\n".join([*lines, *self._left_out()])

    def _left_out(self) -> list[str]:
        return [f"left out: {message}" for message in self.damaged]

    def _repr_html_(self) -> str:
        def cells(kind: str, row: Sequence[str]) -> str:
            inner = "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in row)
            return f"<tr>{inner}</tr>"

        header, *rows = self._table()
        body = "".join(cells("td", row) for row in rows)
        notes = "".join(f"<p>{escape(line)}</p>" for line in self._left_out())
        return f"<table><thead>{cells('th', header)}</thead><tbody>{body}</tbody></table>{notes}"


_WORDS: dict[str, Any] = {
    "task": lambda run: run.spec.task,
    "split": lambda run: run.spec.data.split,
    "model": lambda run: run.spec.model_name,
    "seed": lambda run: run.spec.seed,
}


def _usual(flat: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the value of each setting in most runs, or `_MIXED` if there is no majority."""
    usual = {}
    for path in flat[0]:
        values = [one[path] for one in flat]
        often = max(values, key=values.count)
        usual[path] = often if values.count(often) > len(values) / 2 else _MIXED
    return usual


def _row_of_frame(run: TrainedRun) -> dict[str, Any]:
    row: dict[str, Any] = {name: value(run) for name, value in _WORDS.items()}
    for side, values in run.scores.items():
        row |= {f"{side}_{name}": value for name, value in values.items()}
    record = run.record
    row |= {"parameters": record.parameters, "epochs": record.epochs, "seconds": record.seconds}
    settings = flat_settings(run.spec.model_dump())
    row |= {path: value for path, value in settings.items() if path not in ("version", *_WORDS)}
    return row | {"directory": str(run.directory)}
