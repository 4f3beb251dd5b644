"""The costs of training: parameters, seconds and memory."""

from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from coordconv_lab.trials.store import Finished

__all__ = ["Costs", "Ratios", "costs_of", "ratios_of"]


class Costs(NamedTuple):
    """The costs of the model without coordinates.

    Attributes:
        parameters: Number of parameters.
        seconds: Median training time over the seeds, in seconds.
        memory: Median peak memory of training over the seeds, in bytes; None if unknown.
    """

    parameters: int
    seconds: float
    memory: float | None

    @property
    def cells(self) -> tuple[str, str, str]:
        """The costs as the cells of a table: parameters, time and memory."""
        memory = "" if self.memory is None else f"{self.memory / 2**20:,.0f} MiB"
        seconds = f"{self.seconds:.2g} s" if self.seconds < 10 else f"{self.seconds:,.0f} s"
        return f"{self.parameters:,}", seconds, memory


class Ratios(NamedTuple):
    """The costs of an arm relative to the model without coordinates.

    Attributes:
        parameters: Additional parameters, as a fraction of the parameters without coordinates.
        seconds: Median over seeds of the ratio of training times.
        memory: Median over seeds of the ratio of peak memory.
    """

    parameters: float | None
    seconds: float | None
    memory: float | None

    @property
    def cells(self) -> tuple[str, str, str]:
        """The costs as the cells of a table: parameters, time and memory."""
        more = "" if self.parameters is None else f"{self.parameters:+.1%}"
        ratios = ("" if one is None else f"x {one:.2f}" for one in (self.seconds, self.memory))
        return more, *ratios  # pyright: ignore[reportReturnType]

    @property
    def words(self) -> str:
        """The costs as a sentence; "" if all are unknown."""
        names = ("parameters", "training time", "peak memory")
        known = [f"{cell} {name}" for cell, name in zip(self.cells, names, strict=True) if cell]
        return f"Cost: {', '.join(known)}." if known else ""


def costs_of(plain: Mapping[int, Finished]) -> Costs | None:
    """Return the costs of the model without coordinates; None if it was not run."""
    if not plain:
        return None
    memory = [run.memory for run in plain.values() if run.memory]
    return Costs(
        next(iter(plain.values())).parameters,
        median(run.seconds for run in plain.values()),
        median(memory) if memory else None,
    )


def ratios_of(ours: Mapping[int, Finished], plain: Mapping[int, Finished]) -> Ratios:
    """Return the costs of an arm relative to the model without coordinates."""
    pairs = [(run, plain[seed]) for seed, run in ours.items() if seed in plain]
    times = [run.seconds / other.seconds for run, other in pairs if other.seconds > 0]
    peaks = [run.memory / other.memory for run, other in pairs if run.memory and other.memory]
    counts = [run.parameters / other.parameters - 1 for run, other in pairs if other.parameters]
    return Ratios(
        counts[0] if counts else None,
        median(times) if times else None,
        median(peaks) if peaks else None,
    )
