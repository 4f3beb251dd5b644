"""All studies by name. The first studies take the least time, and most claims are based on them."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.notsoclevr.studies import (
    ablation,
    crisp,
    paper_grids,
    pictures,
    regression,
    rows,
    search,
    tuning,
)
from coordconv_lab.studies.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "hand-built": pictures.hand_built,
    "many-seeds": rows.many_seeds,
    "crisp": crisp.crisp,
    "tiling": pictures.tiling,
    "radius": pictures.radius,
    "faulty-grids": pictures.faulty_grids,
    "padding": regression.padding,
    "downsampling": regression.downsampling,
    "pooling-heads": regression.pooling_heads,
    "scale-and-rate": regression.scale_and_rate,
    "long-training": regression.long_training,
    "collapse": regression.collapse,
    "receptive-field": pictures.receptive_field,
    "broadcast": pictures.broadcast,
    "canvases": pictures.canvases,
    "search": search.search,
    "tuning": tuning.tuning,
    "tuning-around": tuning.tuning_around,
    "tuning-seeds": tuning.tuning_seeds,
    "ablation": ablation.ablation,
    "samples": ablation.samples,
    "strided-scales": regression.strided_scales,
    "coordinate-layers": regression.coordinate_layers,
    "heads-longer": regression.heads_longer,
    "architectures": regression.architectures,
    "decay-rule": pictures.decay_rule,
    "rows-that-differ": rows.rows_that_differ,
    "tutorial": rows.tutorial_rows,
    "tutorial-exact": rows.tutorial_exact,
    "rendering-longer": rows.rendering_longer,
}

SWEEPS: Mapping[str, Callable[[], Study]] = {
    "paper-classification": paper_grids.paper_classification,
    "paper-regression": paper_grids.paper_regression,
    "paper-rendering": paper_grids.paper_rendering,
}
"""Sweeps on which no claim is based, because they take too long without a cluster."""


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return STUDIES


def sweeps() -> Mapping[str, Callable[[], Study]]:
    """Return the sweeps by name."""
    return SWEEPS
