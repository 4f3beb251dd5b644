"""Find the image and the placement in a sample of a data set, also in nested containers."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from coordconv import Placement

__all__ = ["image_of", "placement_of"]

MOST_PIXELS = 64  # maximum along an axis
MOST_CHANNELS = 4
_MOST_DEPTH = 6


def image_of(sample: Any) -> Tensor | None:
    """Return the largest array of a sample as a small gray image, with only its spatial axes.

    A first or last axis of length four or less counts as channels. Return None if no array has a
    spatial axis of length eight or more.

    Example:
        >>> image_of({"label": 3, "image": torch.zeros(3, 32, 48)}).shape
        torch.Size([32, 48])
    """
    arrays = [array for array in map(_array, _parts(sample)) if array is not None]
    if not arrays:
        return None
    image = max(arrays, key=lambda array: array.numel())  # in a tie, the first one
    image = torch.as_tensor(image).detach().cpu().float()
    if image.dim() > 1 and image.shape[0] <= MOST_CHANNELS:
        image = image.mean(0)
    elif image.dim() > 2 and image.shape[-1] <= MOST_CHANNELS:
        image = image.mean(-1)
    if image.dim() not in (1, 2, 3) or min(image.shape) < 8 or not image.isfinite().all():
        return None
    return _pooled(image)


def placement_of(sample: Any) -> Placement | None:
    """Return the placement in a sample, if it has one."""
    return next((part for part in _parts(sample) if isinstance(part, Placement)), None)


def _parts(sample: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the parts of a sample, also from nested containers."""
    yield sample
    if depth == _MOST_DEPTH or isinstance(sample, (str, bytes, Tensor, np.ndarray, Placement)):
        return
    if isinstance(sample, Mapping):
        inner = list(sample.values())
    elif isinstance(sample, (tuple, list)):
        inner = list(sample)
    else:
        return
    for part in inner[:64]:
        yield from _parts(part, depth + 1)


def _array(part: Any) -> Tensor | None:
    """Convert a tensor, an array or a PIL image to a tensor; return None for other types."""
    if isinstance(part, Tensor):
        return part if part.dim() and not part.is_complex() and part.numel() else None
    if hasattr(part, "__array_interface__"):
        array = np.asarray(part)
        if array.ndim and array.size and array.dtype.kind in "biuf":
            return torch.from_numpy(np.ascontiguousarray(array.astype(np.float32)))
    return None


def _pooled(image: Tensor) -> Tensor:
    """Average pixels so that no axis is longer than 64. Mirroring the image mirrors the result."""
    size = [min(n, MOST_PIXELS) for n in image.shape]
    if size == list(image.shape):
        return image
    pool = (
        functional.adaptive_avg_pool1d,
        functional.adaptive_avg_pool2d,
        functional.adaptive_avg_pool3d,
    )[image.dim() - 1]
    return pool(image[None, None], size)[0, 0]  # pyright: ignore[reportArgumentType]
