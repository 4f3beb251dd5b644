"""Formats of scores, for tables, charts and messages."""

import math
from collections.abc import Callable, Iterable
from functools import partial

from coordconv_lab.registry import Score, registry


def percent(fraction: float) -> str:
    """Format a fraction in percent. Only a fraction of exactly 1 is shown as 100%.

    Example:
        >>> percent(0.858), percent(1.0), percent(3135 / 3136)
        ('85.8%', '100%', '99.96%')
    """
    if not math.isfinite(fraction):
        return "not a number"
    if fraction in (0, 1):
        return f"{fraction:.0%}"
    text = f"{fraction:.1%}"
    return _truncated(100 * fraction, 2) + "%" if text in ("100.0%", "0.0%") else text


def overlap(iou: float) -> str:
    """Format an intersection over union. Only a value of exactly 1 is shown as 1.

    Example:
        >>> overlap(0.998), overlap(1.0), overlap(0.99984)
        ('0.998', '1', '0.9998')
    """
    if not math.isfinite(iou):
        return "not a number"
    if iou in (0, 1):
        return f"{iou:.0f}"
    text = f"{iou:.3f}"
    return _truncated(iou, 4) if text == "1.000" else text


def score(value: float, task: str) -> str:
    """Format the main score of a task, in percent or as a number, as the task declares."""
    return percent(value) if registry().task(task).main_score.percent else overlap(value)


def any_score(value: float, score: Score) -> str:
    """Format any score of a task.

    Example:
        >>> from coordconv_lab.registry import Score, distance
        >>> accuracy = Score(name="accuracy", percent=True)
        >>> any_score(0.5, accuracy), any_score(2.0119, distance("error"))
        ('50.0%', '2.01')
    """
    if score.percent:
        return percent(value)
    if not score.is_share:
        return f"{value:.3g}" if math.isfinite(value) else "not a number"
    return absolute_error(value) if score.is_error else overlap(value)


def absolute_error(value: float) -> str:
    """Format a mean absolute error of probabilities.

    Example:
        >>> absolute_error(0.37), absolute_error(0.00048), absolute_error(3e-6)
        ('0.37', '0.0005', '< 0.0001')
    """
    if not math.isfinite(value):
        return "not a number"
    if 0 < value < 0.0001:
        return "< 0.0001"
    return f"{value:.4f}".rstrip("0").rstrip(".")


def published(fraction: float | None) -> str:
    """Format a score of the tutorial, or return "images" if it shows the result only as images."""
    return "images" if fraction is None else percent(fraction)


def _truncated(value: float, digits: int) -> str:
    return f"{math.floor(value * 10**digits) / 10**digits:.{digits}f}"


def _range(write: Callable[[float], str], values: Iterable[float]) -> str:
    ordered = sorted(values)
    low, high = write(ordered[0]), write(ordered[-1])
    return low if low == high else f"{low} to {high}"


percent_range = partial(_range, percent)
"""Format the lowest and the highest of some fractions, such as "50.0% to 100%"."""

overlap_range = partial(_range, overlap)
"""Format the lowest and the highest of some intersections over union, such as "0.250 to 1"."""

pixel_range = partial(_range, "{:.2f} px".format)
"""Format the lowest and the highest of some distances, such as "0.50 px to 3.00 px"."""


def duration(value: float) -> str:
    """Format a long wall time, given in seconds, with units.

    Example:
        >>> duration(42.4), duration(4320), duration(3e5)
        ('42 s', '1 h 12 min', '3.5 days')
    """
    if not math.isfinite(value):
        return "not known"
    if value < 100:
        return f"{value:.0f} s"
    minutes = round(value / 60)
    if minutes >= 2880:
        return f"{minutes / 1440:.1f} days"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
