"""Findings that are the difference between the scores of two sides."""

from collections.abc import Sequence
from statistics import fmean

from coordconv_lab.claims.claim import Finding
from coordconv_lab.claims.statistics import clearly_greater, difference_interval


def difference(
    left: Sequence[float], right: Sequence[float], holds: bool, measure: str, condition: str
) -> Finding:
    """The mean of the left minus that of the right, and its interval.

    Args:
        left: The side that is said to score higher.
        right: The other side.
        holds: What the claim asks for beyond a difference that is clear.
        measure: What the difference is, in words.
        condition: When it holds, what differs, or what follows.

    Returns:
        Reproduced where the left is clearly higher and `holds`, partly where it is higher.
    """
    effect = fmean(left) - fmean(right)
    clear = holds and clearly_greater(left, right)
    return Finding(
        "reproduced" if clear else "partly" if effect > 0 else "not reproduced",
        len(left) + len(right),
        measure,
        effect,
        difference_interval(left, right),
        condition,
    )
