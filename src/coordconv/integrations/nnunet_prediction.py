"""Predict the sliding windows of nnU-Net, and their mirror images, at their true positions."""

from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.layers.coordinates import CoordinateLayer
from coordconv.placements import Placement
from coordconv.prediction import predict_flipped

__all__ = ["as_tensors", "install"]

Method = Callable[..., Any]


@cache
def install() -> None:
    """Extend ``nnUNetPredictor`` so that networks with coordinates get the positions of windows.

    Networks without coordinates are not affected.

    Raises:
        ImportError: If nnunetv2 is missing, or lacks one of the methods to replace.
    """
    try:
        from nnunetv2.inference.predict_from_raw_data import (  # pyright: ignore[reportMissingImports]
            nnUNetPredictor,
        )
    except ImportError as error:
        raise ImportError(
            f"coordconv.integrations.nnunet requires nnunetv2: pip install nnunetv2 ({error})"
        ) from error
    extensions = {
        "predict_sliding_window_return_logits": _keeping_the_size,
        "_internal_predict_sliding_window_return_logits": _placing_windows,
        "_internal_maybe_mirror_and_predict": _mirroring,
    }
    if lacking := [name for name in extensions if not hasattr(nnUNetPredictor, name)]:
        raise ImportError(
            f"nnUNetPredictor of this version of nnunetv2 has no {', '.join(lacking)}; use 2.8"
        )
    for name, extension in extensions.items():
        setattr(nnUNetPredictor, name, extension(getattr(nnUNetPredictor, name)))


def as_tensors(places: Sequence[Placement]) -> Placement:
    """Combine placements into a batch.

    All numbers become tensors, so that a compiled network is not compiled again for new numbers.
    """
    numbers = [[one.full_size, one.start, one.matrix] for one in places]
    full_size, start, matrix = (torch.tensor(part).float() for part in zip(*numbers, strict=True))
    rows = tuple(row.unbind(-1) for row in matrix.unbind(-2))
    return Placement.made(places[0].size, full_size.unbind(-1), start.unbind(-1), rows)


def _keeping_the_size(predict: Method) -> Method:
    """Store the size of the image before nnU-Net pads it to at least the size of a window."""

    @wraps(predict)
    def extended(self: Any, input_image: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.coordconv_full_size = tuple(input_image.shape[1:])
        return predict(self, input_image, *args, **kwargs)

    return extended


def _placing_windows(predict: Method) -> Method:
    """Store the positions of the windows, in the order in which nnU-Net predicts the windows."""

    @wraps(predict)
    def extended(self: Any, data: Tensor, slicers: Any, *args: Any, **kwargs: Any) -> Any:
        slicers = list(slicers)
        padded, full = tuple(data.shape[1:]), getattr(self, "coordconv_full_size", None)
        places = [_place(full or padded, padded, slicer[1:]) for slicer in slicers]
        self.coordconv_places = iter(places)
        return predict(self, data, slicers, *args, **kwargs)

    return extended


def _place(full: Sequence[int], padded: Sequence[int], slicer: Sequence[Any]) -> Placement:
    """Return the position of a window; axes with an index instead of a slice are ignored."""
    axes = [axis for axis, one in enumerate(slicer) if isinstance(one, slice)]
    # Half of the padding is before the image and the rest is after it.
    starts = [slicer[axis].start - (padded[axis] - full[axis]) // 2 for axis in axes]
    size = [slicer[axis].stop - slicer[axis].start for axis in axes]
    return Placement(tuple(full[axis] for axis in axes)).crop(starts, size)


def _mirroring(predict: Method) -> Method:
    """Predict a window and its mirror images, with mirrored coordinates."""

    @wraps(predict)
    def extended(self: Any, x: Tensor) -> Tensor:
        if not _sees_coordinates(self.network):
            return predict(self, x)
        place = next(getattr(self, "coordconv_places", iter(())), None)
        if place is None:
            raise RuntimeError(
                "the position of this window is not known: call the predictor's "
                "predict_sliding_window_return_logits, or a method that calls it"
            )
        axes = (self.allowed_mirroring_axes if self.use_mirroring else None) or ()
        dims = [axis - len(place.size) for axis in axes]
        place = as_tensors([place]).to(x.device)
        with torch.inference_mode():
            return predict_flipped(self.network, x, dims, placement=place, strict=False)

    return extended


def _sees_coordinates(network: nn.Module) -> bool:
    return any(isinstance(module, CoordinateLayer) for module in network.modules())
