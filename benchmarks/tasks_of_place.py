"""Five generated tasks whose targets depend on position, and five whose targets do not.

Every batch has new images, drawn with torch's random numbers. All positions of objects are equally
likely, so for the second five tasks, targets and positions are independent. The networks are
simple: three convolutions, then a prediction for each pixel, or a prediction for the image from the
mean over all pixels, which discards positions.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = (16, 24)
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class Task(NamedTuple):
    """A generated task.

    Attributes:
        name: Name of the task.
        needs_position: Whether the targets depend on position.
        network: Creates the network, without coordinates.
        batch: Draws inputs and targets, given the number of samples.
        loss: Called with outputs and targets; returns a number.
        metric: Called with outputs and targets; returns a number per sample, 1 at best.
    """

    name: str
    needs_position: bool
    network: Callable[[], nn.Module]
    batch: Callable[[int], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    metric: Callable[[Tensor, Tensor], Tensor]


def per_pixel(outputs: int) -> nn.Module:
    """Return a network with a prediction for each pixel."""
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, outputs, 1))


def per_image(outputs: int, rank: int = 2, padding: str = "zeros") -> nn.Module:
    """Return a network with a prediction for the image, from the mean over all pixels."""
    conv = partial(CONVOLUTIONS[rank], padding_mode=padding)
    layers = [conv(1, 8, 3, padding=1), nn.ReLU(), conv(8, 16, 3, 2, 1), nn.ReLU()]
    layers += [conv(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(2)]
    return nn.Sequential(*layers, Mean(), nn.Linear(32, outputs))


def per_cell(outputs: int) -> nn.Module:
    """Return a network with a prediction for each cell of 4 x 4 pixels."""
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()]
    layers += [nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(32, outputs, 1))


class Mean(nn.Module):
    """The mean over all pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of each channel, (N, C, pixels) to (N, C)."""
        return x.mean(-1)


def indices(size: tuple[int, ...]) -> list[Tensor]:
    """Return the index of each pixel along each axis."""
    return list(torch.meshgrid(*(torch.arange(n).float() for n in size), indexing="ij"))


def balls(samples: int, count: int, size: tuple[int, ...], radius: float) -> tuple[Tensor, Tensor]:
    """Return masks of balls (N, count, *size), and their centers (N, count, rank)."""
    ends = torch.tensor([float(n - 1) for n in size])
    centers = radius + torch.rand(samples, count, len(size)) * (ends - 2 * radius)
    there = centers.view(samples, count, len(size), *[1] * len(size)).unbind(2)
    squares = [(axis - c) ** 2 for axis, c in zip(indices(size), there, strict=True)]
    return sum(squares) <= radius**2, centers  # pyright: ignore[reportReturnType]


def noisy(masks: Tensor, noise: float = 0.2) -> Tensor:
    """Return images (N, 1, ...) of masks (N, ...), with noise."""
    images = masks.float()[:, None]
    return images + noise * torch.randn_like(images)


def is_left(centers: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return which centers are in the left half."""
    return centers[..., -1] < (size[-1] - 1) / 2


def disks_on_the_left(samples: int) -> tuple[Tensor, Tensor]:
    """Draw two disks. The mask contains the disks whose center is in the left half."""
    masks, centers = balls(samples, 2, SIZE, 3)
    wanted = masks & is_left(centers, SIZE)[..., None, None]
    return noisy(masks.any(1)), wanted.any(1, keepdim=True).float()


def count_on_the_left(samples: int) -> tuple[Tensor, Tensor]:
    """Draw three disks. The class is the number of disks in the left half."""
    masks, centers = balls(samples, 3, SIZE, 2)
    return noisy(masks.any(1)), is_left(centers, SIZE).sum(1)


def boxes(samples: int) -> tuple[Tensor, Tensor]:
    """Draw a filled box. The target is its center and size (x, y, width, height), in pixels."""
    size = 4 + torch.rand(samples, 2) * 6
    limits = torch.tensor([float(SIZE[1]), float(SIZE[0])])
    center = size / 2 + torch.rand(samples, 2) * (limits - size)
    y, x = indices(SIZE)
    far_x = (x + 0.5 - center[:, :1, None]).abs() / size[:, :1, None]
    far_y = (y + 0.5 - center[:, 1:, None]).abs() / size[:, 1:, None]
    return noisy((far_x < 0.5) & (far_y < 0.5)), torch.cat([center, size], 1)


def pulses(samples: int) -> tuple[Tensor, Tensor]:
    """Draw a signal of 128 values with a pulse. The target is the pulse's position, from 0 to 1."""
    masks, centers = balls(samples, 1, (128,), 3)
    return noisy(masks[:, 0]), centers[:, 0] / 127


def sides_of_volumes(samples: int) -> tuple[Tensor, Tensor]:
    """Draw a ball in a volume. The class is whether the ball is in the left half."""
    size = (8, 12, 16)
    masks, centers = balls(samples, 1, size, 2)
    return noisy(masks[:, 0]), is_left(centers[:, 0], size).long()


def textures(samples: int) -> tuple[Tensor, Tensor]:
    """Draw stripes along one axis on one side of a random line, and along the other axis elsewhere.

    The mask is one of the sides.
    """
    y, x = indices(SIZE)
    phase = torch.rand(2, samples, 1, 1) * 6.283
    stripes = torch.sin(1.6 * x + phase[0]), torch.sin(1.6 * y + phase[1])
    angle, ends = torch.rand(samples, 1, 1) * 6.283, torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])
    through = torch.rand(samples, 2, 1, 1) * ends[:, None, None]
    across = (x - through[:, 0]) * angle.cos() + (y - through[:, 1]) * angle.sin()
    there = across > 0
    image = torch.where(there, *stripes)[:, None]
    return image + 0.5 * torch.randn_like(image), there[:, None].float()


def shapes(samples: int) -> tuple[Tensor, Tensor]:
    """Draw a disk, a square or a cross anywhere. The class is the shape."""
    kind = torch.randint(3, (samples,))
    center = 4 + torch.rand(samples, 2) * torch.tensor([SIZE[0] - 9.0, SIZE[1] - 9.0])
    y, x = indices(SIZE)
    dy, dx = (y - center[:, :1, None]).abs(), (x - center[:, 1:, None]).abs()
    kinds = [
        dy**2 + dx**2 <= 4**2,
        torch.maximum(dy, dx) <= 3.5,
        (torch.minimum(dy, dx) <= 1) & (torch.maximum(dy, dx) <= 4),
    ]
    return noisy(torch.stack(kinds, 1)[torch.arange(samples), kind]), kind


def counts(samples: int) -> tuple[Tensor, Tensor]:
    """Draw one to four disks anywhere. The class is the number of disks."""
    masks, _ = balls(samples, 4, SIZE, 2)
    number = torch.randint(1, 5, (samples,))
    there = torch.arange(4) < number[:, None]
    return noisy((masks & there[..., None, None]).any(1)), number - 1


def noise_on_fields(samples: int) -> tuple[Tensor, Tensor]:
    """Draw a smooth random field with noise. The target is the field without noise."""
    rough = torch.randn(samples, 1, SIZE[0] + 8, SIZE[1] + 8)
    field = F.avg_pool2d(F.avg_pool2d(rough, 5, 1), 5, 1) * 8
    return field + torch.randn_like(field), field


def overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the intersection over union of boxes (x, y, width, height), shape (N,)."""
    low = torch.maximum(boxes[:, :2] - boxes[:, 2:] / 2, others[:, :2] - others[:, 2:] / 2)
    high = torch.minimum(boxes[:, :2] + boxes[:, 2:] / 2, others[:, :2] + others[:, 2:] / 2)
    both = (high - low).clamp_min(0).prod(1)
    return both / (boxes[:, 2:].clamp_min(0).prod(1) + others[:, 2:].prod(1) - both)


def of_the_cell(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the box that the cell at the center of the true box predicts, relative to the cell."""
    cell = (wanted[:, :2] / 4).long()
    found = outputs[torch.arange(len(outputs)), :, cell[:, 1], cell[:, 0]]
    return torch.cat([4 * cell + 2 + 2 * found[:, :2], 7 + 2 * found[:, 2:]], 1)


def of_the_image(outputs: Tensor) -> Tensor:
    """Return the box that is predicted for the image, relative to the center of the image."""
    middle = torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    return torch.cat([middle + 8 * outputs[:, :2], 7 + 2 * outputs[:, 2:]], 1)


def iou(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the intersection over union of masks, per sample."""
    found, true = (outputs > 0).flatten(1), (wanted > 0.5).flatten(1)
    union = (found | true).sum(1)
    return torch.where(union == 0, 1.0, (found & true).sum(1) / union.clamp_min(1))


def right(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return whether the class is correct."""
    return (outputs.argmax(1) == wanted).float()


def right_pixels(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the accuracy over pixels."""
    return ((outputs > 0) == (wanted > 0.5)).float().flatten(1).mean(1)


def is_near(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return whether the position is correct to 5% of the length."""
    return ((outputs - wanted).abs() < 0.05).float().flatten()


def noise_removed(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the fraction of the noise, with variance 1, that was removed."""
    return 1 - (outputs - wanted).square().flatten(1).mean(1)


mask_loss = F.binary_cross_entropy_with_logits
TASKS = (
    Task("segmentation by place", True, lambda: per_pixel(1), disks_on_the_left, mask_loss, iou),
    Task("counting by side", True, lambda: per_image(4), count_on_the_left, F.cross_entropy, right),
    Task(
        "absolute boxes",
        True,
        lambda: per_image(4),
        boxes,
        lambda outputs, wanted: F.l1_loss(of_the_image(outputs), wanted),
        lambda outputs, wanted: overlap(of_the_image(outputs), wanted),
    ),
    Task("localization in 1-D", True, lambda: per_image(1, 1), pulses, F.mse_loss, is_near),
    Task("side in 3-D", True, lambda: per_image(2, 3), sides_of_volumes, F.cross_entropy, right),
    Task("texture", False, lambda: per_pixel(1), textures, mask_loss, right_pixels),
    Task("shape", False, lambda: per_image(3), shapes, F.cross_entropy, right),
    Task(
        "boxes relative to anchors",
        False,
        lambda: per_cell(4),
        boxes,
        lambda outputs, wanted: F.l1_loss(of_the_cell(outputs, wanted), wanted),
        lambda outputs, wanted: overlap(of_the_cell(outputs, wanted), wanted),
    ),
    Task("class of the image", False, lambda: per_image(4), counts, F.cross_entropy, right),
    Task("denoising", False, lambda: per_pixel(1), noise_on_fields, F.mse_loss, noise_removed),
)
SIDE_WITHOUT_BORDER = Task(
    "side in 3-D, circular padding",
    True,
    lambda: per_image(2, 3, "circular"),
    sides_of_volumes,
    F.cross_entropy,
    right,
)
"""The side in 3-D with circular padding, which does not reveal the border (second registration)."""
