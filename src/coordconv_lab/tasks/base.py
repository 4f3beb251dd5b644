"""What a task promises to training and evaluation."""

from typing import Protocol

from torch import Tensor, nn


class Task(Protocol):
    """How a net is asked, corrected and marked. Points are whole numbers (x, y), (N, 2).

    Attributes:
        answers_are_points: Whether an answer is a point, (2,), and not a picture, (1, H, W).
    """

    answers_are_points: bool

    def ask(self, net: nn.Module, points: Tensor) -> Tensor:
        """What the net puts out for each point: (N, 1, H, W) logits, or (N, 2) points."""
        ...

    def read(self, outputs: Tensor) -> Tensor:
        """The answers that outputs mean, in the task's own units, (N, ...)."""
        ...

    def picture(self, outputs: Tensor) -> Tensor | None:
        """Outputs as pictures to look at, (N, 1, H, W) in [0, 1]; None where they are points."""
        ...

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """The number to minimise, a mean over the points."""
        ...

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Scores of each prediction by name, each of shape (N,), the main score first."""
        ...

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """Reduce the scores of all examples to the numbers that are reported."""
        ...
