"""The grids of settings that the paper searched.

The sources are Liu et al. 2018 (arXiv:1807.03247), supplement, and the log of experiments in its
code (uber-research/CoordConv). Where these are ambiguous, or the code cannot run, the grids are
interpreted as follows:

- Half of the deconv renderers minimize the squared error of the pixels' probabilities.
- The painting convolutions are 1x1, as in the log, although the default in the code is 3x3.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.recipes import paper
from coordconv_lab.experiments.notsoclevr.recipes.paper import l2_penalty
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.study import Study, row

Settings = Mapping[str, Any]

_PAINTER_WIDTHS = (8, 8, 16, 16)


def paper_classification() -> Study:
    """Return 324 settings of deconv and 6 of CoordConv for each split."""
    grids = {"deconv": list(_deconv()), "coordconv": list(_coordconv((1e-3, 5e-3, 1e-2)))}
    return _study("classification", grids)


def paper_regression() -> Study:
    """Return 9 settings of conv and 1 of CoordConv for each split."""
    conv = [
        {"training.learning_rate": rate, **_training(l2_penalty(l2 * 64**2))}
        for rate, l2 in product((5e-4, 1e-3, 1e-2), (1e-5, 1e-4, 5e-4))
    ]
    return _study("regression", {"conv": conv, "coordconv": [{}]})


def paper_rendering() -> Study:
    """Return 648 settings of deconv and 8 of CoordConv for each split."""
    deconv = [
        {**settings, "training.pixel_loss": loss}
        for settings, loss in product(_deconv(), ("cross_entropy", "squared"))
    ]
    coordconv = [
        {
            **settings,
            "model.painter_kernel": 1,
            "model.painter_widths": tuple(width * c for width in _PAINTER_WIDTHS),
        }
        for settings, c in product(_coordconv((1e-3, 5e-3)), (1, 2))
    ]
    return _study("rendering", {"deconv": deconv, "coordconv": coordconv})


def _deconv() -> Iterator[Settings]:
    rates, penalties = (1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2), (0, 1e-3, 1e-2)
    for rate, l2, kernel, width, batch in product(rates, penalties, (2, 3, 4), (1, 2, 3), (16, 32)):
        yield {
            "training.learning_rate": rate,
            **_training(l2_penalty(l2)),
            "model.kernel": kernel,
            "model.width": width,
            "training.batch_size": batch,
        }


def _coordconv(rates: Sequence[float]) -> Iterator[Settings]:
    for rate, l2 in product(rates, (0, 1e-3)):
        yield {"training.learning_rate": rate, **_training(l2_penalty(l2))}


def _training(settings: Settings) -> dict[str, Any]:
    return {f"training.{name}": value for name, value in settings.items()}


def _study(task: str, grids: Mapping[str, Sequence[Settings]]) -> Study:
    arms: dict[str, list[ExperimentSpec]] = {}
    for split, model in product(SPLITS, ("coordconv", BASELINE[task])):
        base = paper(task, split, model)
        arms[row(task, split, model)] = [with_settings(base, grid) for grid in grids[model]]
    return Study(f"paper-{task}", f"How do the paper's settings for {task} score?", arms)
