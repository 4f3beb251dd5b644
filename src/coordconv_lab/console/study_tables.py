"""Print the list of all studies, and the arms (named settings) of one study."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordconv_lab.results import Record
from coordconv_lab.results.score_format import absolute_error, overlap, score
from coordconv_lab.studies import Study


def print_studies(studies: Sequence[Study], kind: str = "study") -> None:
    """Print the name, the number of runs and the question of every study."""
    table = Table(kind, "runs", "question")
    for study in studies:
        table.add_row(Text(study.name), str(len(study.specs)), Text(study.question))
    Console().print(table)


def print_arms(study: Study, records: Mapping[str, Record]) -> None:
    """Print the question of a study, and the runs, scores and missing runs of each arm."""
    soft = any("soft_iou" in record.scores["test"] for record in records.values())
    columns = ("soft IoU, test", "absolute error, test") if soft else ()
    table = Table("arm", "runs", "train", "test", "perfect in test", *columns)
    for name, specs in study.arms.items():
        found = [records[spec.id] for spec in specs if spec.id in records]
        cells = [f"{len(found)} of {len(specs)}", "", "", ""]
        soft_cells = [_range_of(found, "soft_iou", overlap)] if soft else []
        soft_cells += [_range_of(found, "mean_absolute_error", absolute_error)] if soft else []
        if found:
            task = specs[0].task
            cells[1:] = [
                _range([record.train_score for record in found], task),
                _range([record.test_score for record in found], task),
                str(sum(record.test_score == 1 for record in found)),
            ]
        table.add_row(Text(name), *cells, *soft_cells)
    console = Console()
    console.print(Text.assemble((study.name, "bold"), f": {study.question}"))
    console.print(table)


def _range_of(records: Sequence[Record], name: str, write: Callable[[float], str]) -> str:
    """Format the lowest and the highest value of a test score, among records with this score."""
    values = [scores[name] for record in records if name in (scores := record.scores["test"])]
    ends = [write(value) for value in (min(values), max(values))] if values else [""]
    return ends[0] if len(set(ends)) == 1 else " to ".join(ends)


def _range(values: Sequence[float], task: str) -> str:
    low, high = score(min(values), task), score(max(values), task)
    return low if low == high else f"{low} to {high}"
