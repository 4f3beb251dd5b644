"""All studies by name, the cheap ones that carry most claims first."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from coordconv_lab.errors import InputError
from coordconv_lab.studies import ablation, pictures, regression, rows, search, tuning
from coordconv_lab.studies.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "hand-built": pictures.hand_built,
    "many-seeds": rows.many_seeds,
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
    "ablation": ablation.ablation,
    "samples": ablation.samples,
    "strided-scales": regression.strided_scales,
    "heads-longer": regression.heads_longer,
    "architectures": regression.architectures,
    "decay-rule": pictures.decay_rule,
    "rows-that-differ": rows.rows_that_differ,
    "tutorial": rows.tutorial_rows,
    "tutorial-exact": rows.tutorial_exact,
}


def study_named(name: str) -> Study:
    """Return the study of that name.

    Raises:
        InputError: There is none.
    """
    if name not in STUDIES:
        near = get_close_matches(name, STUDIES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(STUDIES)}"
        raise InputError(f"there is no study {name!r}; {hint}")
    return STUDIES[name]()
