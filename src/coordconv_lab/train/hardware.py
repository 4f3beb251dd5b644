"""Where a run is computed: no part of its spec, but noted in its record."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch.utils import deterministic

from coordconv_lab.environment import variables
from coordconv_lab.errors import InputError
from coordconv_lab.specs import TrainingSpec
from coordconv_lab.train.fabric import Fabric
from coordconv_lab.train.launcher import is_first, launcher
from coordconv_lab.train.processor import prepare_processor

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

_LIGHTNING = ("ACCELERATOR", "STRATEGY", "DEVICES", "NUM_NODES", "PRECISION", "CLI_USED")
"""Variables, after LT_, by which Lightning's own command tells a program what to do."""


@dataclass(frozen=True)
class Hardware:
    """A device or several, and whether a compiler makes one program of net and loss.

    Args:
        device: "auto" takes a CUDA device where there is one, else the CPU.
        compiled: Compile with `torch.compile`; on a CUDA device the program is replayed as CUDA
            graphs. The first step then takes 10 to 20 seconds on two cores.
        devices: Processes on each machine, with a device each; on the CPU they share its cores.
        nodes: Machines. On more than one a launcher such as torchrun or SLURM starts the processes.

    Raises:
        InputError: There is no such device here, or not so many.
    """

    device: DeviceName = "auto"
    compiled: bool = False
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        for name, count in (("devices", self.devices), ("num-nodes", self.nodes)):
            if count < 1:
                raise InputError(f"--{name}: expected 1 or more, got {count}")
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not available.get(self.device, True):
            raise InputError(
                f"there is no {self.device} device here that torch {torch.__version__} can use; "
                "take cpu, or leave it at auto"
            )
        if self.kind != "cpu" and self.devices > (there := torch.accelerator.device_count()):
            raise InputError(f"--devices: expected at most {there}, got {self.devices}")

    @property
    def kind(self) -> Literal["cpu", "cuda", "mps"]:
        """The device that is meant."""
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return self.devices * self.nodes

    @property
    def evaluation_batch(self) -> int:
        """How many examples to ask about at a time: few stay in a processor's cache."""
        return 8 if self.kind == "cpu" else 256

    def fabric(self, training: TrainingSpec) -> Fabric:
        """Prepare the devices and return the means to train on them, not launched yet."""
        with _starting():
            return self._fabric(training)

    def launched(self, training: TrainingSpec) -> Fabric:
        """As `fabric`, launched: the processes are there, and know each other.

        Raises:
            InputError: They cannot be started, or a launcher started another number of them.
        """
        with _starting():
            fabric = self._fabric(training)
            fabric.launch()
            return fabric

    @property
    def is_first_process(self) -> bool:
        """Whether this process is the first of those that train together, or is alone.

        Raises:
            InputError: A launcher started another number of processes.
        """
        if self.processes == 1:
            return True
        with _starting():
            return is_first(launcher(self.devices, self.nodes), self.devices)

    def _fabric(self, training: TrainingSpec) -> Fabric:
        if self.kind == "cpu":
            prepare_processor()
        precision = "bf16-mixed" if training.precision == "bfloat16" else "32-true"
        # It tells what precision it was asked for, which stands in the spec.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        return Fabric(
            accelerator=self.kind,
            devices=self.devices,
            num_nodes=self.nodes,
            strategy="ddp" if self.processes > 1 else "auto",
            precision=precision,
            plugins=launcher(self.devices, self.nodes),
        )

    def compile(self, module: torch.nn.Module) -> torch.nn.Module:
        """Return a module as one compiled program, if that is asked for."""
        if not self.compiled:
            return module
        mode = "reduce-overhead" if self.kind == "cuda" else "default"
        return torch.compile(module, mode=mode)  # pyright: ignore[reportReturnType]


@contextmanager
def _starting() -> Iterator[None]:
    """Start processes by the options of this command, and explain in one line what fails.

    Raises:
        InputError: Something does.
    """
    with variables({f"LT_{name}": None for name in _LIGHTNING}):
        try:
            yield
        except InputError:
            raise
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise InputError(f"cannot start the processes of this run: {said}") from error


@contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Have the same numbers give the same bits on the same device; leave torch as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Every new tensor would be filled with not-a-number first, to find those who read it unwritten.
    deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        deterministic.fill_uninitialized_memory = filled  # pyright: ignore[reportAttributeAccessIssue]
