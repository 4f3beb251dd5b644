"""Running a study: whatever of it is missing, alone or beside other processes."""

from pathlib import Path

from coordconv_lab.console import RunBars, print_arms
from coordconv_lab.results import RunStore
from coordconv_lab.studies import Study
from coordconv_lab.train import Hardware, run


def run_study(study: Study, results: Path, hardware: Hardware | None = None) -> None:
    """Train the runs of a study that have no record yet, then print what its arms came to.

    Several processes share the work: each takes the next run that no other one holds.

    Args:
        study: The study.
        results: Its runs are kept in a directory of its name in here.
        hardware: Where to train; by default on a CUDA device if there is one.

    Raises:
        InputError: The directory or a file in it cannot be used.
    """
    store = RunStore(results / study.name)
    missing = [spec for spec in study.specs if store.record(spec) is None]
    with RunBars(total=len(missing)) as bars:
        for spec in missing:
            with store.held(spec) as is_ours:
                if is_ours:
                    run(spec, store, bars, hardware=hardware)
    print_arms(study, {spec.id: store.record(spec) for spec in study.specs})
