"""An experiment of your own in one file: where is the pulse in a noisy signal?

This file is a plug-in for the laboratory, the part of this project that trains and compares
networks. It adds data, two networks, a recipe, and a task with its loss and scores. All commands of
the laboratory work with this experiment. docs/experiments.md explains every part of the file.

    coordconv train locate-pulse --split right --plugin examples/plugin_experiment.py
    coordconv train locate-pulse --model baseline --plugin examples/plugin_experiment.py
    coordconv reproduce --experiment pulses --plugin examples/plugin_experiment.py
    coordconv report --plugin examples/plugin_experiment.py
"""

from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from coordconv import CoordConv1d
from coordconv_lab.examples import IndexedData
from coordconv_lab.objective import Objective
from coordconv_lab.recipes import spec_by_recipe
from coordconv_lab.registry import (
    Experiment,
    Network,
    Plugin,
    Reproduction,
    Score,
    Task,
    distance,
    use_plugins,
)
from coordconv_lab.results import RunStore
from coordconv_lab.specs import DatasetSpec, ExperimentSpec, NetworkSpec, TrainingSpec
from coordconv_lab.train import run


class PulseData(DatasetSpec):
    """Signals with one pulse and white noise; the split "right" holds out pulses on the right."""

    split: Literal["random", "right"] = "random"
    """Which signals are held out: random ones, or those with a pulse on the right."""

    length: Annotated[int, Field(ge=16, le=4096)] = 64
    """Number of samples of a signal."""

    examples: Annotated[int, Field(ge=10, le=100_000)] = 320
    """Number of signals, training and held-out ones together."""

    noise: Annotated[float, Field(ge=0)] = 0.1
    """Standard deviation of the noise; the pulse has height 1."""

    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the signals and of the random split."""


def load(spec: PulseData, device: torch.device | str) -> IndexedData:
    """Draw the signals, (N, 1, L), and the positions of their pulses, (N,)."""
    generator = torch.Generator().manual_seed(spec.split_seed)
    position = 4 + (spec.length - 8) * torch.rand(spec.examples, generator=generator)
    time = torch.arange(spec.length)
    pulse = torch.exp(-((time - position[:, None]) ** 2) / 4)
    signal = pulse + spec.noise * torch.randn(pulse.shape, generator=generator)
    if spec.split == "right":
        is_train = position < 0.7 * spec.length
    else:
        is_train = torch.rand(spec.examples, generator=generator) < 0.8
    return IndexedData(is_train, {"signal": signal[:, None], "position": position}, device)


class LocatePulse(Objective):
    """Mean squared error of the position; a correct position is less than one sample away."""

    keeps_predictions = True

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        self.signal, self.position = data.tensors["signal"], data.tensors["position"]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the signals, (B, 1, L)."""
        return self.signal[examples]

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean squared error in samples."""
        return functional.mse_loss(self.ask(net, examples), self.position[examples])

    def score(self, predictions: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return whether each predicted position is correct, and its error in samples."""
        error = (predictions - self.position[examples]).abs()
        return {"accuracy": (error < 1).float(), "error": error}


Kernel = Annotated[
    int, Field(ge=1, le=31, description="Kernel size of the convolution that weighs the samples.")
]


class PulseNetSpec(NetworkSpec):
    """Settings of the network whose samples vote with their coordinates."""

    kind: Literal["pulse-coordconv"] = "pulse-coordconv"
    kernel: Kernel = 5

    @property
    def family(self) -> str:
        """Name in tables."""
        return "coordconv"


class PlainPulseNetSpec(NetworkSpec):
    """Settings of the same network without coordinates."""

    kind: Literal["pulse-conv"] = "pulse-conv"
    kernel: Kernel = 5

    @property
    def family(self) -> str:
        """Name in tables."""
        return "conv"


class PulseNet(nn.Module):
    """A weighted vote of all samples for the position of the pulse.

    Args:
        spec: Its settings.
        data: The signals.
    """

    def __init__(self, spec: PulseNetSpec | PlainPulseNetSpec, data: PulseData) -> None:
        super().__init__()
        layer = CoordConv1d if isinstance(spec, PulseNetSpec) else nn.Conv1d
        self.middle = (data.length - 1) / 2
        self.weight = nn.Conv1d(1, 1, spec.kernel, padding="same")
        self.value = layer(1, 1, 1)
        nn.init.ones_(self.weight.weight)  # Initially, bright neighborhoods count most.

    def forward(self, signal: Tensor) -> Tensor:
        """Map signals, (B, 1, L), to positions in samples, (B,)."""
        votes = self.weight(signal).softmax(-1) * self.value(signal)
        return self.middle * (1 + votes.sum((1, 2)))


def recipe(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return settings that solve the task with coordinates."""
    network = PulseNetSpec() if model == "coordconv" else PlainPulseNetSpec()
    training = TrainingSpec(epochs=30, batch_size=16, learning_rate=0.1, schedule="cosine")
    data = PulseData(split=split)  # pyright: ignore[reportArgumentType]
    return ExperimentSpec(task=task, data=data, model=network, training=training, seed=seed)


PLUGIN = Plugin(
    name="pulses",
    version="1.0",
    experiments=(
        Experiment(
            name="pulses",
            title="Pulses in noise",
            data=PulseData,
            load=load,
            tasks=(
                Task(
                    name="locate-pulse",
                    label="Locate the pulse",
                    network="coordconv",
                    baseline="conv",
                    scores=(Score(name="accuracy", percent=True), distance("error")),
                    solved=0.95,
                    make=LocatePulse,
                    inputs="signals of shape (N, 1, {length})",
                    outputs="the position of the pulse in samples, shape (N,)",
                ),
            ),
            recipes={"tuned": recipe},
            reproduction=Reproduction(tasks=("locate-pulse",)),
            names={"coordconv": "CoordConv", "conv": "Conv"},
            about="Signals of {length} samples with one pulse in white noise.",
        ),
    ),
    networks=(
        Network(spec=PulseNetSpec, build=PulseNet, tasks=("locate-pulse",)),
        Network(spec=PlainPulseNetSpec, build=PulseNet, tasks=("locate-pulse",)),
    ),
)


def main() -> None:
    """Train two seeds of both networks, and compare them on held-out positions."""
    use_plugins([__file__])
    with TemporaryDirectory() as directory:
        for model in ("coordconv", "baseline"):
            specs = [spec_by_recipe("locate-pulse", "right", model, seed) for seed in (0, 1)]
            records = [run(spec, RunStore(directory)) for spec in specs]
            scores = [record.test_score for record in records]
            print(
                f"{model}: correct at {', '.join(f'{score:.0%}' for score in scores)} of positions"
            )
            assert min(scores) > 0.9 if model == "coordconv" else max(scores) < 0.5


if __name__ == "__main__":
    main()
