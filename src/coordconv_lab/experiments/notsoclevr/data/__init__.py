"""The data set Not-so-Clevr: one square on a canvas, at every position.

An example is available as a point, as a one-hot image and as an image of the square.
"""

from coordconv_lab.experiments.notsoclevr.data.notsoclevr import (
    NotSoClevr,
    one_hot_images,
    square_images,
)
from coordconv_lab.experiments.notsoclevr.data.splits import split_mask

__all__ = ["NotSoClevr", "one_hot_images", "split_mask", "square_images"]
