"""The random draws of the tutorial's code: its split, its pictured examples, its batches.

Source: ashwindcruz/coord-conv, branch ash/regression, read_dataset.py and the training scripts. All
draws come from one NumPy stream (its seed is 0), in this order: the split, the pictured examples,
then one permutation for each epoch, each of the order before it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.data.splits import split_mask
from coordconv_lab.specs import DataSpec, TaskName

Indices = NDArray[np.int64]

PICTURED = 32
"""How many examples its scripts set aside to look at."""

# The scripts of classification draw the place of some training examples, those of rendering that
# of some test examples too, those of regression none.
_SIDES_PICTURED: Mapping[str, int] = {"classification": 1, "regression": 0, "rendering": 2}


class TutorialDraws:
    """What the tutorial's script of a task draws before and while it trains.

    Args:
        data: The data; `split_seed` is NumPy's seed, which the tutorial sets to 0.
        task: Whose script; the scripts differ in the pictured examples, which move the stream.

    Attributes:
        train: The training positions in their first order, as indices row by row.
        test: The test positions in the order in which they are scored.
        pictured: The examples set aside to look at: of training, then of test, where there are any.

    Example:
        >>> draws = TutorialDraws(DataSpec(split_variant="tutorial", split_seed=0), "rendering")
        >>> [[int(4 + index // 56), int(4 + index % 56)] for index in draws.pictured[0][:3]]
        [[13, 7], [45, 32], [59, 46]]
    """

    def __init__(self, data: DataSpec, task: TaskName) -> None:
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
        """The order of the training examples in an epoch, counted from 0.

        Returns:
            Indices into the training points, which are sorted row by row.
        """
        while len(self._epochs) <= number:
            before = self._epochs[-1] if self._epochs else self._ranks[self.train]
            self._epochs.append(self._random.permutation(before))
        return self._epochs[number]
