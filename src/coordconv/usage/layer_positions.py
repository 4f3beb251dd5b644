"""Find the coordinate layers of a model, and read or change the positions that they are given."""

import inspect
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.conventions import Convention
from coordconv.conversion.kinds import checked_model
from coordconv.grids import coordinate_grid
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedCoordConv, DecomposedLayer
from coordconv.pixel_positions import Positions
from coordconv.placements import Placement

__all__ = [
    "COORDINATE_LAYERS",
    "Change",
    "LayerPositions",
    "changed_positions",
    "coordinate_layers",
    "uncompiled",
]


COORDINATE_LAYERS = (CoordinateLayer, AddCoords, DecomposedCoordConv, DecomposedLayer)
"""All classes of layers that use coordinates."""


@dataclass(frozen=True)
class LayerPositions:
    """The positions that a layer is called with.

    Attributes:
        x: Input of the layer, shape (N, C, *size) or (C, *size).
        rank: Number of spatial axes.
        convention: The meaning of the coordinates.
        radius: Whether the coordinates include the distance to the center.
        window: Where the input is in the full image; None if the input is the full image.
        coordinates: Coordinates that the model gave to the layer explicitly.
    """

    x: Tensor
    rank: int
    convention: Convention
    radius: bool
    window: Any
    coordinates: Tensor | None

    @property
    def size(self) -> tuple[int, ...]:
        """Size of the input."""
        return tuple(self.x.shape[self.x.dim() - self.rank :])

    @property
    def grid(self) -> Tensor:
        """The coordinates, shape (d, *size) or (N, d, *size)."""
        dtype = torch.promote_types(self.x.dtype, torch.float32)
        positions = Positions(self.convention, self.radius, self.window, self.coordinates)
        return positions.grid(self.x, self.rank, dtype)

    @property
    def full_image(self) -> Tensor | None:
        """Coordinates over the full image, sampled at up to 64 points per axis, shape (d, ...).

        None if the coordinates are given explicitly, or if a size of the full image is a tensor.
        """
        placement = self.placement
        if placement is None or any(isinstance(n, Tensor) for n in placement.full_size):
            return None
        size = tuple(max(round(n), 1) for n in placement.full_size)
        sampled = Placement(size).resize([min(n, 64) for n in size])
        return coordinate_grid(
            sampled.size,
            convention=self.convention,
            radius=self.radius,
            window=sampled,
            device=self.x.device,
        )

    @property
    def placement(self) -> Placement | None:
        """Where the input is in the full image; None if the coordinates are given explicitly."""
        if self.coordinates is not None:
            return None
        if isinstance(self.window, Placement):
            return self.window
        whole = Placement(self.size)
        return whole if self.window is None else Placement.from_window(self.window, self.size)


Change = Callable[[LayerPositions], dict[str, Any]]
"""Takes the positions of a layer and returns the ``window`` or ``coordinates`` to call it with."""


def coordinate_layers(model: nn.Module) -> dict[nn.Module, str]:
    """Return the layers of a model that have coordinates, with their names.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``.
        ValueError: If ``model`` has no layer with coordinates.
    """
    layers: dict[nn.Module, str] = {}
    inside: set[nn.Module] = set()
    for name, module in checked_model(model).named_modules():
        if isinstance(module, DecomposedCoordConv):
            inside.add(module.coords)
        if isinstance(module, COORDINATE_LAYERS) and module not in inside:
            layers[module] = name
    if not layers:
        raise ValueError(
            "`model` has no layer with coordinates, so there is nothing to test; if it was "
            "precomputed, it has constants instead: pass the model from before `precompute`"
        )
    return layers


def uncompiled() -> AbstractContextManager[Any]:
    """Return a context in which compiled models run as if they were not compiled.

    Compiled code ignores hooks that are registered later, and keeps hooks that are removed.
    """
    if "torch._dynamo" not in sys.modules:  # Nothing is compiled, and the import takes a second.
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


@contextmanager
def changed_positions(
    layers: Mapping[nn.Module, str], change: Change, *, compiled: bool = False
) -> Generator[set[nn.Module]]:
    """Change the positions with which layers are called inside the ``with`` block.

    Args:
        layers: Layers of one model, with their names.
        change: Takes the positions of a layer and returns the positions to use instead.
        compiled: Whether compiled code stays compiled, although it may ignore the change.

    Returns:
        A context manager. Its value is the set of layers that have been called in the block.
    """
    called: set[nn.Module] = set()

    def replace(layer: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
        called.add(layer)
        # Use the forward of the class, because tools replace the forward of an instance with a
        # function without argument names.
        bound = inspect.signature(type(layer).forward).bind(layer, *args, **kwargs)
        given = {name: bound.arguments.get(name) for name in ("window", "coordinates")}
        seen = _positions_of(layer, bound.arguments["input"], **given)
        bound.arguments.update({"window": None, "coordinates": None} | change(seen))
        return bound.args[1:], bound.kwargs

    hooks = [layer.register_forward_pre_hook(replace, with_kwargs=True) for layer in layers]
    try:
        with nullcontext() if compiled else uncompiled():
            yield called
    finally:
        for hook in hooks:
            hook.remove()


def _positions_of(layer: Any, x: Tensor, window: Any, coordinates: Any) -> LayerPositions:
    options = layer.coords if isinstance(layer, DecomposedCoordConv) else layer
    kernel = getattr(layer, "coord_kernel_size", None)
    rank = x.dim() - 2 if kernel is None else len(kernel)
    found = Positions.of(x, rank, options.convention, options.radius, window, coordinates)
    return LayerPositions(x, rank, *found)
