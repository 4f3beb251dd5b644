"""Fast methods to compute a coordinate layer, and the choice between them.

All methods give the same result as the definition in `coordconv.functional`, up to rounding.
"""

from coordconv.computation.methods import Method as Method
from coordconv.computation.methods import checked_method

__all__ = ["Method", "checked_method"]
