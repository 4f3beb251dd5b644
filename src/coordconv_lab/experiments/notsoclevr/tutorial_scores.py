"""The tutorial's published scores, for comparison with ours.

They are from Ashwin D'Cruz, "Coord Conv Tutorial", section Results. Scores are fractions, or None
if the tutorial only shows images.
"""

from collections.abc import Mapping

Key = tuple[str, str, str]

TUTORIAL_SCORES: Mapping[Key, tuple[float | None, float | None]] = {
    ("classification", "uniform", "coordconv"): (1.0, 1.0),
    ("classification", "uniform", "deconv"): (1.0, 0.858),
    ("classification", "quadrant", "coordconv"): (1.0, 1.0),
    ("classification", "quadrant", "deconv"): (1.0, 0.0),
    ("regression", "uniform", "coordconv"): (1.0, 1.0),
    ("regression", "uniform", "conv"): (0.486, 0.477),
    ("regression", "quadrant", "coordconv"): (1.0, 1.0),
    ("regression", "quadrant", "conv"): (0.402, 0.071),
    ("rendering", "uniform", "coordconv"): (None, None),
    ("rendering", "uniform", "deconv"): (None, None),
    ("rendering", "quadrant", "coordconv"): (None, None),
    ("rendering", "quadrant", "deconv"): (None, None),
}
"""The training and test score, by task, split and model.

The scores of regression are the fraction of correct coordinates, not of correct points.
"""

# Row and column of the centers that the tutorial displays, by split and side.
GALLERY: Mapping[tuple[str, str], tuple[tuple[int, int], ...]] = {
    ("uniform", "train"): ((13, 7), (45, 32), (59, 46)),
    ("uniform", "test"): ((5, 10), (29, 41), (33, 9)),
    ("quadrant", "train"): ((7, 56), (10, 59), (31, 7)),
    ("quadrant", "test"): ((32, 50), (39, 50), (59, 44)),
}
