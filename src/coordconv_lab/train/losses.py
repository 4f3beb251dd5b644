"""The losses of a run, kept on their device until somebody needs a number."""

from collections.abc import Callable

import torch
from torch import Tensor

from coordconv_lab.errors import DivergenceError

# After so many steps the numbers are fetched anyway, so that a run that went wrong stops soon.
SETTLE_STEPS = 64


class Losses:
    """The losses of every net since the last row of its curve.

    Fetching a number makes the processor wait for the device, so that losses are kept as they are
    and fetched together.

    Args:
        nets: How many there are.
        diverged: Makes the error of a net, by its place among them, from what became of it at
            which step.

    Attributes:
        step: How many steps were taken.
    """

    def __init__(self, nets: int, diverged: Callable[[int, str, int], DivergenceError]) -> None:
        self._diverged = diverged
        self.step = 0
        self._latest: Tensor | None = None
        self._waiting: list[Tensor] = []
        self._settled: list[list[float]] = [[] for _ in range(nets)]

    def add(self, losses: Tensor) -> None:
        """Note the losses of one step, (E,), detached.

        Raises:
            DivergenceError: A loss is not a number any more.
        """
        self.step += 1
        self._latest = losses
        self._waiting.append(losses)
        if len(self._waiting) == SETTLE_STEPS:
            self.settle()

    def last(self) -> float:
        """The mean over the nets of the last step's losses; waits for the device."""
        return float("nan") if self._latest is None else self._latest.mean().item()

    @property
    def settled(self) -> bool:
        """Whether nothing waits on the device."""
        return not self._waiting

    def settle(self) -> None:
        """Fetch what waits, and look whether it is a number.

        Raises:
            DivergenceError: A loss is not a number any more.
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
        """The mean loss of every net since this was asked last; waits for the device."""
        self.settle()
        means = [sum(losses) / len(losses) for losses in self._settled]
        for losses in self._settled:
            losses.clear()
        return means

    def state_dict(self) -> dict[str, object]:
        """What a resumed run needs to go on with the same means."""
        self.settle()
        return {"step": self.step, "losses": self._settled}

    def load_state_dict(self, state: dict) -> None:
        """Go on with the losses of an earlier sitting."""
        settled = [list(map(float, losses)) for losses in state["losses"]]
        if len(settled) != len(self._settled):
            raise ValueError(f"it has losses of {len(settled)} nets, not of {len(self._settled)}")
        self.step, self._settled = int(state["step"]), settled
