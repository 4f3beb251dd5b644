"""Fast methods to compute a coordinate layer, and the choice between them.

`coordconv.functional` has the definition, which all methods must equal.
"""

from coordconv.computation.methods import Method as Method
from coordconv.computation.methods import checked_method

__all__ = ["Method", "checked_method"]
