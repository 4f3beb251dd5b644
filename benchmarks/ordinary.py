"""The three tasks with the published networks and settings, in plain torch.

This is the code that a reader of the publications would write: coordinates are created and
concatenated in every forward pass, tensors are contiguous float32, and Adam has a constant learning
rate. Only the data, the targets and the scores are from this project, so that the comparison is
fair.

Sources: the paper is Liu et al. 2018 (arXiv:1807.03247), with the settings of its code; the
tutorial is Ashwin D'Cruz's, with the settings of its code if they differ from its text.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.experiments.notsoclevr.data import NotSoClevr, one_hot_images, square_images
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tasks import Classification, Regression, Rendering
from coordconv_lab.objective import Objective
from coordconv_lab.train.evaluate import evaluate

CANVAS, SQUARE = (64, 64), 9


class AddCoords(nn.Module):
    """Concatenate x and y, each from -1 to 1, created in every forward pass."""

    def forward(self, images: Tensor) -> Tensor:
        batch, _, height, width = images.shape
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        coordinates = torch.stack([x, y]).unsqueeze(0).repeat(batch, 1, 1, 1)
        return torch.cat([images, coordinates], dim=1)


class Tile(nn.Module):
    """Tile the point, in pixels, over the canvas."""

    def forward(self, points: Tensor) -> Tensor:
        return points.float()[:, :, None, None].repeat(1, 1, *CANVAS)


class Softmax(nn.Module):
    """Softmax over all pixels of a map."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.flatten(1).softmax(dim=1).view_as(maps)


class GlobalMax(nn.Module):
    """Return the largest pixel of each map."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.amax(dim=(2, 3))


class Scale(nn.Module):
    """Multiply by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@dataclass(frozen=True)
class Settings:
    """Published training settings of a network. `l2` weights the sum of squared kernels."""

    batch_size: int
    learning_rate: float
    betas: tuple[float, float]
    l2: float = 0.0
    he: bool = False
    input_scale: float = 1.0
    target_scale: float = 1.0
    padding: str = "same"
    painter: tuple[int, ...] = ()
    painter_kernel: int = 3


PAPER = {
    "classification": Settings(16, 0.005, (0.9, 0.99), 0.001, he=True),
    "regression": Settings(256, 0.01, (0.9, 0.99), 1e-5, he=True, target_scale=1 / 64),
    "rendering": Settings(16, 0.001, (0.9, 0.99), he=True, painter=(8, 8, 16, 16)),
}
TUTORIAL = {
    "classification": Settings(32, 0.001, (0.9, 0.999)),
    "regression": Settings(32, 0.001, (0.9, 0.999), input_scale=1000, padding="valid"),
    "rendering": Settings(32, 0.001, (0.9, 0.999), painter=(16, 16, 32, 32), painter_kernel=2),
}


def settings_of(publication: str, task: str, split: str) -> Settings:
    """Return the settings of the paper's code or the tutorial's code for a task."""
    settings = (PAPER if publication == "paper" else TUTORIAL)[task]
    if (publication, task, split) == ("tutorial", "rendering", "quadrant"):
        return replace(settings, learning_rate=6e-4)
    return settings


def published_net(task: str, settings: Settings) -> nn.Sequential:
    """Return the published network with coordinates, with the published initialization."""
    if task == "regression":
        net = nn.Sequential(
            Scale(settings.input_scale),
            AddCoords(),
            *(nn.Conv2d(width, 8, 1) for width in (3, 8, 8)),
            nn.Conv2d(8, 8, 3, padding=settings.padding),
            nn.Conv2d(8, 2, 3, padding=settings.padding),
            GlobalMax(),
            Scale(1 / settings.target_scale),
        )
    else:
        net = nn.Sequential(Tile(), AddCoords(), *_chain((4, 32, 32, 64, 64, 1), 1))
        if task == "rendering":
            widths = (1, *settings.painter, 1)
            net = nn.Sequential(*net, Softmax(), *_chain(widths, settings.painter_kernel))
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            _initialise(layer, settings.he)
    return net


def _chain(widths: tuple[int, ...], kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, kernel, padding="same"), nn.ReLU()]
    return layers[:-1]


def _initialise(layer: nn.Conv2d, he: bool) -> None:
    if he:  # Keras truncates the normal distribution at two standard deviations.
        deviation = math.sqrt(2 / layer.weight[0].numel()) / 0.87962566103423978
        nn.init.trunc_normal_(layer.weight, 0, deviation, -2 * deviation, 2 * deviation)
    else:
        nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)


def loss_of(task: str, settings: Settings) -> Callable[[nn.Module, Tensor], Tensor]:
    """Return the published loss for one batch of points."""

    def classification(net: nn.Module, points: Tensor) -> Tensor:
        return functional.cross_entropy(
            net(points).flatten(1), points[:, 1] * CANVAS[1] + points[:, 0]
        )

    def regression(net: nn.Module, points: Tensor) -> Tensor:
        found = net(one_hot_images(points, CANVAS)) * settings.target_scale
        return functional.mse_loss(found, points * settings.target_scale)

    def rendering(net: nn.Module, points: Tensor) -> Tensor:
        target = square_images(points, CANVAS, SQUARE)
        return functional.binary_cross_entropy_with_logits(net(points), target)

    losses = {
        "classification": classification,
        "regression": regression,
        "rendering": rendering,
    }
    return losses[task]


TASKS: dict[str, Objective] = {
    "classification": Classification(CANVAS),
    "regression": Regression(CANVAS),
    "rendering": Rendering(CANVAS, SQUARE),
}
GOALS = {
    "classification": ("accuracy", 1.0),
    "regression": ("accuracy", 1.0),
    "rendering": ("mean_iou", 0.99),
}


def train_until_perfect(
    task: str, split: str, publication: str, seed: int, cap: float
) -> dict[str, object]:
    """Train until every training and test example is correct at the end of an epoch.

    Args:
        task: The task. Rendering counts as perfect with a mean intersection over union of 0.99.
        split: The split.
        publication: "paper" or "tutorial".
        seed: Seed of the initial weights and of the order of the batches.
        cap: Maximum training time in seconds.

    Returns:
        Whether the network became perfect; the seconds, steps and epochs of training; and the
        scores at the end of every epoch. Scoring does not count as training time.
    """
    torch.manual_seed(seed)
    settings = settings_of(publication, task, split)
    net, loss_function = published_net(task, settings), loss_of(task, settings)
    kernels = [p for p in net.parameters() if p.dim() > 1]
    biases = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.Adam(
        # The gradient of l2 w^2 is 2 l2 w; torch adds weight_decay w to the gradient.
        [{"params": kernels, "weight_decay": 2 * settings.l2}, {"params": biases}],
        lr=settings.learning_rate,
        betas=settings.betas,
    )
    data = NotSoClevr(DataSpec(canvas=CANVAS, square=SQUARE, split=split))
    train, test = data.train_points, data.test_points
    name, goal = GOALS[task]
    seconds, steps, history = 0.0, 0, []
    while seconds < cap:
        started = time.perf_counter()
        for indices in torch.randperm(len(train)).split(settings.batch_size):
            loss = loss_function(net, train[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
        seconds += time.perf_counter() - started
        scores = [evaluate(net, TASKS[task], side).summary[name] for side in (train, test)]
        history.append([round(seconds, 3), *scores])
        if min(scores) >= goal:
            break
    return {
        "perfect": min(history[-1][1:]) >= goal,
        "seconds": seconds,
        "steps": steps,
        "epochs": len(history),
        "history": history,
    }
