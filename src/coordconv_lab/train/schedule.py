"""Learning rate schedules."""

import math

from coordconv_lab.specs import TrainingSpec

# Schedules end at this fraction of the learning rate, not at zero, so the last steps still learn.
LAST_FRACTION = 1e-3


def rate_factor(spec: TrainingSpec, step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step: linear warm-up, then the schedule."""
    done = step / steps
    if done < spec.warmup:
        return done / spec.warmup + LAST_FRACTION
    left = (1 - done) / (1 - spec.warmup)
    match spec.schedule:
        case "constant":
            return 1.0
        case "linear":
            return left + LAST_FRACTION
        case "steps":
            return 0.1 ** (5 * step // steps)
        case "cosine":
            return 0.5 * (1 - math.cos(math.pi * left)) + LAST_FRACTION
