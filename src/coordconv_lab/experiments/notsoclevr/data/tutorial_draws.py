"""The random draws of the tutorial's code: split, displayed examples and batches.

The source is the repository ashwindcruz/coord-conv, branch ash/regression, read_dataset.py and the
training scripts. All draws come from one NumPy random number generator with seed 0. It first draws
the split, then the displayed examples, then one permutation per epoch, which is applied to the
order of the previous epoch.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.experiments.notsoclevr.data.splits import split_mask
from coordconv_lab.experiments.notsoclevr.specs import DataSpec

Indices = NDArray[np.int64]

PICTURED = 32
"""Number of examples that the tutorial's scripts select for display."""

# For how many sides of the split the scripts draw examples to display. The classification scripts
# draw training examples, the rendering scripts draw training and test examples, and the regression
# scripts draw none.
_SIDES_PICTURED: Mapping[str, int] = {"classification": 1, "regression": 0, "rendering": 2}


class TutorialDraws:
    """The draws of the tutorial's script for a task, before and during training.

    Args:
        data: The data set. Its `split_seed` is NumPy's seed, which the tutorial sets to 0.
        task: The task of the script. Scripts draw different numbers of displayed examples, which
            changes all later draws.

    Attributes:
        train: The training positions in their initial order, as indices row by row.
        test: The test positions in the order in which they are scored.
        pictured: The displayed examples: training examples, then test examples, if the script draws
            any.

    Example:
        >>> draws = TutorialDraws(DataSpec(split_variant="tutorial", split_seed=0), "rendering")
        >>> [[int(4 + index // 56), int(4 + index % 56)] for index in draws.pictured[0][:3]]
        [[13, 7], [45, 32], [59, 46]]
    """

    def __init__(self, data: DataSpec, task: str) -> None:
        is_train = split_mask(data)
        random = np.random.RandomState(data.split_seed)
        if data.split == "uniform":
            order = random.permutation(len(is_train))
            self.train, self.test = np.split(order, [is_train.sum()])
        else:
            self.test, self.train = np.flatnonzero(~is_train), np.flatnonzero(is_train)
            random.shuffle(self.test)
            random.shuffle(self.train)
        self.pictured: list[Indices] = []
        for side in (self.train, self.test)[: _SIDES_PICTURED[task]]:
            first = random.permutation(len(side))[0]
            self.pictured.append(side[first : first + PICTURED])
        self._random = random
        self._ranks = np.cumsum(is_train) - 1
        self._epochs: list[Indices] = []

    def epoch(self, number: int) -> Indices:
        """Return the order of the training examples in an epoch, counted from 0.

        Returns:
            Indices into the training points, which are sorted row by row.
        """
        while len(self._epochs) <= number:
            before = self._epochs[-1] if self._epochs else self._ranks[self.train]
            self._epochs.append(self._random.permutation(before))
        return self._epochs[number]
