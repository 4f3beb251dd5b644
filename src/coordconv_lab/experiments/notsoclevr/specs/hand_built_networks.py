"""Networks whose weights are given by formulas."""

from typing import Literal

from coordconv_lab.specs.base import NetworkSpec, Size


class HandBuiltSpec(NetworkSpec):
    """A network that is not trained, because its weights are given by formulas."""

    @property
    def family(self) -> str:
        """The family of the network."""
        return "hand-built"

    @property
    def is_trained(self) -> bool:
        """False, because the weights are given by formulas."""
        return False


class HandBuiltClassifier(HandBuiltSpec):
    """A classifier with two dozen weights, given by formulas for any canvas. It is not trained."""

    kind: Literal["hand-built-classifier"] = "hand-built-classifier"


class HandBuiltRegressor(HandBuiltSpec):
    """Piekniewski's network ("Autopsy of a deep learning paper", 2018), for any canvas."""

    kind: Literal["hand-built-regressor"] = "hand-built-regressor"


class HandBuiltRenderer(HandBuiltSpec):
    """A renderer with weights given by formulas, for any canvas. It is not trained."""

    kind: Literal["hand-built-renderer"] = "hand-built-renderer"
    square: Size = 9
    """Side length, in pixels, of the squares that the network paints. It must be as in the data."""
