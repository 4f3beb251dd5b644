"""The committed records, in whichever form they are committed."""

from pathlib import Path

from coordconv_lab.results import RunStore
from coordconv_lab.results.stored import is_stored, read_stored

RESULTS = Path(__file__).parents[1] / "results"

OF_A_RUN = ("spec.json", "record.json", "metrics.csv")


def committed_runs(study: str, beginning: str = "") -> list[Path]:
    """The directories of the runs of a study whose names begin so; they may be packed."""
    paths = [path.parent for path in RunStore(RESULTS / study).files("record.json")]
    return [path for path in paths if path.name.startswith(beginning)]


def copy_runs(out: Path, *studies: str, names: tuple[str, ...] = ("record.json",)) -> Path:
    """Write some files of all runs of studies into a directory of results, which is returned."""
    for study in studies:
        for run in committed_runs(study):
            target = out / study / run.name
            target.mkdir(parents=True)
            for name in names:
                if is_stored(run / name):
                    (target / name).write_bytes(read_stored(run / name))
    return out
