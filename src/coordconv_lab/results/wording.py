"""How scores are written, wherever they are shown."""

import math
from collections.abc import Callable, Iterable


def percent(fraction: float) -> str:
    """Write a fraction in percent; only what is exactly 1 reads 100%.

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
    """Write an intersection over union; only what is exactly 1 reads 1.

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
    """Write a main score: an intersection over union for rendering, else percent."""
    return overlap(value) if task == "rendering" else percent(value)


def absolute_error(value: float) -> str:
    """Write a mean absolute error of probabilities, which small is good.

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
    """Write a figure of the tutorial, which shows some results as pictures only."""
    return "pictures" if fraction is None else percent(fraction)


def _truncated(value: float, digits: int) -> str:
    return f"{math.floor(value * 10**digits) / 10**digits:.{digits}f}"


def percent_range(values: Iterable[float]) -> str:
    """Write the lowest and the highest of some fractions.

    Example:
        >>> percent_range([0.5, 1.0, 0.75]), percent_range([1.0, 1.0])
        ('50.0% to 100%', '100%')
    """
    return _range(values, percent)


def overlap_range(values: Iterable[float]) -> str:
    """Write the lowest and the highest of some intersections over union.

    Example:
        >>> overlap_range([0.25, 1.0])
        '0.250 to 1'
    """
    return _range(values, overlap)


def pixel_range(values: Iterable[float]) -> str:
    """Write the lowest and the highest of some distances in pixels.

    Example:
        >>> pixel_range([3, 0.5])
        '0.50 px to 3.00 px'
    """
    return _range(values, "{:.2f} px".format)


def _range(values: Iterable[float], write: Callable[[float], str]) -> str:
    ordered = sorted(values)
    low, high = write(ordered[0]), write(ordered[-1])
    return low if low == high else f"{low} to {high}"


def duration(value: float) -> str:
    """Write a long wall time, given in seconds, with its units.

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
