"""Random chains of conversions preserve the outputs of random models or raise a clear error."""

import copy
import pickle
import random
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from coordconv import (
    CONVENTIONS,
    convert,
    decompose,
    fuse_batch_norm,
    precompute,
    recompose,
    revert,
)
from coordconv.conversion.kinds import sees_coordinates
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedCoordConv

SIZES = {1: (9,), 2: (6, 7), 3: (4, 5, 3)}
Model = nn.Module


class Residual(nn.Module):
    """A residual block of two normalized convolutions, which may be shared."""

    def __init__(self, channels: int, rank: int, shared: bool) -> None:
        super().__init__()
        self.conv1 = convolution(rank, channels, channels)
        self.norm1 = norm(rank, channels)
        self.conv2 = self.conv1 if shared else convolution(rank, channels, channels, groups=2)
        self.norm2 = norm(rank, channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm1(self.conv1(x)).relu()
        return x + self.norm2(self.conv2(inner))


def convolution(rank: int, inputs: int, outputs: int, **options: Any) -> nn.Module:
    kind = getattr(nn, f"Conv{rank}d")
    return kind(inputs, outputs, 3, padding=1, dtype=torch.float64, **options)


def norm(rank: int, channels: int) -> nn.Module:
    made = getattr(nn, f"BatchNorm{rank}d")(channels, dtype=torch.float64)
    with torch.no_grad():
        made.running_mean.normal_()
        made.running_var.uniform_(0.5, 2)
        made.weight.uniform_(0.5, 2)
        made.bias.normal_()
    return made


def model(chance: random.Random) -> tuple[Model, Tensor]:
    """Return a small random model and an input."""
    rank, channels = chance.choice([1, 2, 3]), chance.choice([2, 4])
    transposed = getattr(nn, f"ConvTranspose{rank}d")
    double: dict[str, Any] = {"dtype": torch.float64}
    parts = [convolution(rank, 2, channels, bias=chance.random() < 0.5), norm(rank, channels)]
    if chance.random() < 0.7:
        parts += [nn.ReLU(), Residual(channels, rank, shared=chance.random() < 0.3)]
    if chance.random() < 0.5:
        groups = chance.choice([1, 2])
        parts += [transposed(channels, 4, 2, 2, groups=groups, **double), norm(rank, 4)]
    if chance.random() < 0.3:
        parts += [getattr(nn, f"Conv{rank}d")(channels if len(parts) < 5 else 4, 2, 1, **double)]
    made = _fitting(nn.Sequential(*parts), torch.randn(2, 2, *SIZES[rank], **double))
    return made.eval(), torch.randn(2, 2, *SIZES[rank], **double)


def _fitting(made: nn.Sequential, x: Tensor) -> nn.Sequential:
    """Drop the last layer if its channels do not fit."""
    try:
        made(x)
    except RuntimeError:
        made = made[:-1]
    return made


def _convert(made: Model, x: Tensor, chance: random.Random) -> Model:
    options: dict[str, Any] = {
        "where": chance.choice(["first", "all"]),
        "radius": chance.random() < 0.5,
        "convention": chance.choice(sorted(CONVENTIONS)),
        "coord_kernel_size": chance.choice([None, 1]),
    }
    return convert(made, **options)


def _fuse_by_torch(made: Model, x: Tensor, chance: random.Random) -> Model:
    if isinstance(made, nn.Sequential) and isinstance(made[1], nn.modules.batchnorm._BatchNorm):
        made[0], made[1] = fuse_conv_bn_eval(made[0], made[1]), nn.Identity()
    return made


def _save_and_load(made: Model, x: Tensor, chance: random.Random) -> Model:
    other = copy.deepcopy(made)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_()
    other.load_state_dict(made.state_dict())
    return other


def _export(made: Model, x: Tensor) -> Model:
    torch._dynamo.reset()  # The exports of a process must not exceed the limit of torch 2.7.
    return torch.export.export(made, (x,)).module()


def _compare_with(record: Callable[[Model, Tensor], Any]) -> Callable[..., Model]:
    def step(made: Model, x: Tensor, chance: random.Random) -> Model:
        with torch.no_grad():
            torch.testing.assert_close(record(made, x)(x), made(x))
        return made

    return step


STEPS: dict[str, Callable[[Model, Tensor, random.Random], Model]] = {
    "convert": _convert,
    "decompose into modules": lambda made, x, chance: decompose(made, form="module"),
    "decompose into layers": lambda made, x, chance: decompose(made, form="layer"),
    "recompose": lambda made, x, chance: recompose(made),
    "fuse": lambda made, x, chance: fuse_batch_norm(made),
    "fuse by running": lambda made, x, chance: fuse_batch_norm(made, x),
    "fuse by torch": _fuse_by_torch,
    "precompute": lambda made, x, chance: precompute(made, x),
    "save and load": _save_and_load,
    "pickle": lambda made, x, chance: pickle.loads(pickle.dumps(made)),
    "trace": _compare_with(lambda made, x: torch.jit.trace(made, x)),
    "trace with fx": _compare_with(lambda made, x: torch.fx.symbolic_trace(made)),
    "export": _compare_with(_export),
    "revert": lambda made, x, chance: revert(made),
}
REFUSALS = (ValueError, AttributeError)
"""Errors that a step may raise: those of the library, and of the torch fuser without a weight."""


def randomize(made: Model) -> None:
    """Randomize the coordinate weights or maps, in any form of the layers."""
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, CoordinateLayer):
                module.coord_weight.normal_()
                module.trust_weights()


def run(seed: int, length: int = 6) -> list[str]:
    """Run one chain and return its steps, with the messages of errors.

    Raises:
        AssertionError: If the outputs differ after a step, or after one that was refused.
        AttributeError: If a step fails in words that are not ours.
    """
    chance = random.Random(seed)
    torch.manual_seed(seed)
    made, x = model(chance)
    done: list[str] = []
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        expected = made(x)
        for name in ["convert", *chance.choices(sorted(STEPS), k=length)]:
            try:
                made = STEPS[name](made, x, chance)
                done.append(name)
            except REFUSALS as error:
                if not isinstance(error, ValueError) and not _has_no_weight(made):
                    raise
                done.append(f"{name} (refused: {str(error).partition(chr(10))[0]})")
            found = made(x)
            assert torch.allclose(found, expected, rtol=1e-8, atol=1e-8), (
                f"seed {seed}: {' > '.join(done)} changed the outputs by "
                f"{(found - expected).abs().max().item():.3g}"
            )
            if name == "convert" and not any(map(_is_reduced, made.modules())):
                randomize(made)
                expected = made(x)
    return done


def _has_no_weight(made: Model) -> bool:
    return isinstance(made, nn.Sequential) and isinstance(made[0], DecomposedCoordConv)


def _is_reduced(module: Model) -> bool:
    return sees_coordinates(module) and not isinstance(module, CoordinateLayer)
