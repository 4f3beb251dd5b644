"""Not-so-Clevr: one square on a canvas, as a point, a one-hot image and an image of the square."""

from coordconv_lab.experiments.notsoclevr.data.notsoclevr import (
    NotSoClevr,
    one_hot_images,
    square_images,
)
from coordconv_lab.experiments.notsoclevr.data.splits import split_mask

__all__ = ["NotSoClevr", "one_hot_images", "split_mask", "square_images"]
