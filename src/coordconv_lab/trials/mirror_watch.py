"""Watch the training of a trial for images that are mirrored while their coordinates are not."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from coordconv.usage.layer_positions import LayerPositions, changed_positions, coordinate_layers
from coordconv_lab.trials.arms import Arm
from coordconv_lab.trials.mirroring import Mirroring, mirroring_of, noted_loaders

__all__ = ["MirrorWatch"]


class MirrorWatch:
    """Detects whether training images are mirrored without their coordinates.

    The data sets that the first run loads are checked for mirrored images. During one training of
    an arm with coordinates, the coordinate layers are also watched, unless the data sets are
    already known to have no mirrored images. If these layers receive positions, the user's code is
    assumed to mirror the positions, and there is no warning. However, if the samples contain
    placements that are not mirrored, there is always a warning.
    """

    def __init__(self) -> None:
        self.mirroring: Mirroring | None = None
        self.has_looked = False
        self.has_trained = False
        self.are_positions_given: bool | None = None

    @contextmanager
    def training(self, arm: Arm, model: Any) -> Iterator[None]:
        """Watch one training."""
        with ExitStack() as stack:
            loaders = None if self.has_looked else stack.enter_context(noted_loaders())
            given = stack.enter_context(_noted_positions(model)) if self._asks(arm) else None
            yield
        self.has_trained = True
        if loaders:
            self.has_looked = True
            found = (mirroring_of(loader.dataset) for loader in loaders)
            self.mirroring = next((one for one in found if one is not None), None)
        if given is not None:
            self.are_positions_given = bool(given)

    def warning_for(self, arm: Arm) -> str:
        """Return the warning for the runs of an arm, or ""."""
        if self.mirroring is None or arm.where is None or arm.is_shuffled:
            return ""
        are_right = self.are_positions_given and not self.mirroring.has_placements
        return "" if are_right else self.mirroring.words

    def learn(self, other: "MirrorWatch") -> None:
        """Copy what a watch in another process found."""
        if not self.has_looked:
            self.has_looked, self.mirroring = other.has_looked, other.mirroring
        if self.are_positions_given is None:
            self.are_positions_given = other.are_positions_given
        self.has_trained |= other.has_trained

    def _asks(self, arm: Arm) -> bool:
        """Whether to record, in a training of this arm, if coordinate layers receive positions."""
        has_coordinates = arm.where is not None and not arm.is_shuffled
        may_be_mirrored = self.mirroring is not None or not self.has_trained
        return has_coordinates and may_be_mirrored and self.are_positions_given is None


@contextmanager
def _noted_positions(model: nn.Module) -> Iterator[list[bool]]:
    """Yield a list that is empty until a coordinate layer receives a placement or coordinates."""
    given: list[bool] = []

    def note(seen: LayerPositions) -> dict[str, Any]:
        if not given and (seen.window is not None or seen.coordinates is not None):
            given.append(True)
        return {"window": seen.window, "coordinates": seen.coordinates}

    try:
        layers = coordinate_layers(model)
    except (TypeError, ValueError):  # not a torch model
        yield given
        return
    with changed_positions(layers, note, compiled=True):  # Training keeps its speed.
        yield given
