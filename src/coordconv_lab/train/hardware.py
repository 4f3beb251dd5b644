"""The hardware of a run, which is stored in the record but is not part of the spec."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch.utils import deterministic

from coordconv_lab.environment import variables
from coordconv_lab.errors import InputError, in_short
from coordconv_lab.train.processes import OneProcess, Processes, SeveralProcesses
from coordconv_lab.train.processor import prepare_processor

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

_LIGHTNING = ("ACCELERATOR", "STRATEGY", "DEVICES", "NUM_NODES", "PRECISION", "CLI_USED")
"""Environment variables, without their prefix LT_, with which Lightning's CLI sets options."""


@dataclass(frozen=True)
class Hardware:
    """The devices to train on, and whether to compile the network and the loss.

    Args:
        device: The type of the device. "auto" means a CUDA device if there is one, else the CPU.
        compiled: Whether to use `torch.compile`, with CUDA graphs on a CUDA device. Compilation
            makes the first step take 10 to 20 seconds on two cores.
        devices: Processes per machine, each with its own device. On a CPU, they share the cores.
        nodes: Number of machines. If more than one, a launcher such as torchrun or SLURM must
            start the processes.

    Raises:
        InputError: The device is unknown or not available, or there are too few devices.
    """

    device: DeviceName = "auto"
    compiled: bool = False
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        for name, count in (("devices", self.devices), ("num-nodes", self.nodes)):
            if count < 1:
                raise InputError(f"--{name}: expected 1 or more, got {count}")
        if self.device not in get_args(DeviceName):
            raise InputError(
                f"device: expected {', '.join(get_args(DeviceName))}; got {in_short(self.device)}"
            )
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not available.get(self.device, True):
            raise InputError(
                f"--device: torch {torch.__version__} finds no {self.device} device on this "
                "machine; use cpu or auto"
            )
        if self.kind != "cpu" and self.devices > (there := torch.accelerator.device_count()):
            raise InputError(f"--devices: expected at most {there}, got {self.devices}")

    @property
    def kind(self) -> Literal["cpu", "cuda", "mps"]:
        """The type of the device, with "auto" resolved."""
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device

    @property
    def processes(self) -> int:
        """Number of processes that train together."""
        return self.devices * self.nodes

    @property
    def evaluation_batch(self) -> int:
        """Batch size of evaluations. It is small on a CPU, so that activations fit in the cache."""
        return 8 if self.kind == "cpu" else 256

    def launched(self) -> Processes:
        """Prepare the devices. If several processes train together, start and connect them.

        Raises:
            InputError: The processes cannot be started, or a launcher started a different number of
                processes.
        """
        if self.kind == "cpu":
            prepare_processor()
        if self.processes == 1:
            return OneProcess(self.kind)
        from coordconv_lab.train.fabric import Fabric
        from coordconv_lab.train.launcher import launcher

        # Fabric logs a line for every process that it connects.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        with _starting():
            fabric = Fabric(
                accelerator=self.kind,
                devices=self.devices,
                num_nodes=self.nodes,
                strategy="ddp",
                plugins=launcher(self.devices, self.nodes),
            )
            fabric.launch()
            return SeveralProcesses(fabric)

    @property
    def is_first_process(self) -> bool:
        """Whether this process is the first (or only) of the processes that train together.

        Raises:
            InputError: A launcher started a different number of processes.
        """
        if self.processes == 1:
            return True
        from coordconv_lab.train.launcher import is_first, launcher

        with _starting():
            return is_first(launcher(self.devices, self.nodes), self.devices)

    def compile(self, module: torch.nn.Module) -> torch.nn.Module:
        """Compile a module if ``compiled`` is set."""
        if not self.compiled:
            return module
        mode = "reduce-overhead" if self.kind == "cuda" else "default"
        return torch.compile(module, mode=mode)  # pyright: ignore[reportReturnType]


@contextmanager
def _starting() -> Iterator[None]:
    """Ignore Lightning's environment variables while processes start, and convert errors.

    Raises:
        InputError: The processes cannot be started.
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
    """Use deterministic algorithms in the block, and restore torch's settings afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # In this mode, torch fills uninitialized tensors with NaN by default, which takes time.
    deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        deterministic.fill_uninitialized_memory = filled  # pyright: ignore[reportAttributeAccessIssue]
