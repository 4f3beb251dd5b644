"""The experiments to which runs belong, and their panels."""

from collections.abc import Sequence

from coordconv_lab.registry import registry
from coordconv_lab.registry.descriptors import Experiment
from coordconv_lab.report.panels import Panels, panels_of, panels_of_experiment
from coordconv_lab.report.runs import Cell, Run


def experiments_of(runs: Sequence[Run]) -> list[Experiment]:
    """Return the experiments to which runs belong, without repetition, in registry order."""
    names = {registry().experiment_of(run.record.spec.task).name for run in runs}
    return [one for name, one in registry().experiments.items() if name in names]


def titles(runs: Sequence[Run]) -> list[str]:
    """Return the titles of the experiments to which runs belong."""
    return [one.title for one in experiments_of(runs)]


def all_panels(runs: Sequence[Run]) -> list[tuple[Experiment, Panels]]:
    """Return the experiments to which runs belong, with their panels."""
    return [(one, panels_of_experiment(one)) for one in experiments_of(runs)]


def cells_of_experiment(experiment: Experiment, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of the tasks of an experiment."""
    known = registry()
    return [cell for cell in cells if known.experiment_of(cell.task).name == experiment.name]


def publication(cells: Sequence[Cell]) -> str:
    """Return the source of the published scores of the networks in cells, or ""."""
    sources = [
        panels.publication
        for cell in cells
        for panels in [panels_of(cell.task)]
        if any(panels.published(one.first.record.spec) for one in cell.networks)
    ]
    return " / ".join(dict.fromkeys(sources))
