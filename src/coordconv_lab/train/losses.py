"""The losses of a run, kept on their device until their values are needed."""

from collections.abc import Callable

import torch
from torch import Tensor

from coordconv_lab.errors import DivergenceError

# Fetch losses at least this often, so that a diverged run stops soon.
SETTLE_STEPS = 64


class Losses:
    """The losses of every network since the last row of its curve.

    Fetching a value synchronizes with the device, so losses are collected and fetched together.

    Args:
        nets: Number of networks.
        diverged: Creates the error from the index of the network, a description and the step.

    Attributes:
        step: Number of steps done.
    """

    def __init__(self, nets: int, diverged: Callable[[int, str, int], DivergenceError]) -> None:
        self._diverged = diverged
        self.step = 0
        self._latest: Tensor | None = None
        self._waiting: list[Tensor] = []
        self._settled: list[list[float]] = [[] for _ in range(nets)]

    def add(self, losses: Tensor) -> None:
        """Add the detached losses of one step, (E,).

        Raises:
            DivergenceError: A loss is NaN or infinite.
        """
        self.step += 1
        self._latest = losses
        self._waiting.append(losses)
        if len(self._waiting) == SETTLE_STEPS:
            self.settle()

    def last(self) -> float:
        """Return the mean loss of the last step over all networks; synchronizes with the device."""
        return float("nan") if self._latest is None else self._latest.mean().item()

    @property
    def settled(self) -> bool:
        """Whether all losses have been fetched."""
        return not self._waiting

    def settle(self) -> None:
        """Fetch the waiting losses, and check that they are finite.

        Raises:
            DivergenceError: A loss is NaN or infinite.
        """
        if not self._waiting:
            return
        rows = torch.stack(self._waiting).cpu()
        first = self.step - len(rows) + 1
        self._waiting.clear()
        wrong = (~rows.isfinite()).nonzero()
        if len(wrong):
            row, member = wrong[0].tolist()
            said = f"the loss became {rows[row, member].item()}"
            raise self._diverged(member, said, first + row)
        for losses, column in zip(self._settled, rows.t().tolist(), strict=True):
            losses += column

    def means(self) -> list[float]:
        """Return the mean losses of the networks since the last call; synchronizes the device."""
        self.settle()
        means = [sum(losses) / len(losses) for losses in self._settled]
        for losses in self._settled:
            losses.clear()
        return means

    def state_dict(self) -> dict[str, object]:
        """Return the state that a resumed run needs for the same means."""
        self.settle()
        return {"step": self.step, "losses": self._settled}

    def load_state_dict(self, state: dict) -> None:
        """Restore the losses from a checkpoint."""
        settled = [list(map(float, losses)) for losses in state["losses"]]
        if len(settled) != len(self._settled):
            raise ValueError(
                f"expected losses of {len(self._settled)} networks, got {len(settled)}"
            )
        self.step, self._settled = int(state["step"]), settled
