"""Give positions to all coordinate layers of a model whose ``forward`` takes only images.

A placement says where an image is in the full image that it was cut from. `positions` sets the
placement of the input of a model. While the model is called, each of its coordinate layers calls
`placement_here`, which infers the placement of the layer's own input from the size of that input.
"""

import sys
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from coordconv import recomputation
from coordconv.feature_maps import placement_of_feature_map
from coordconv.pixel_placements import PixelPlacement
from coordconv.placements import Placement, StartAndSize

__all__ = ["placement_here", "positions", "refuse_placement"]


@contextmanager
def positions(
    model: nn.Module, placement: Placement | PixelPlacement | StartAndSize, *, strict: bool = True
) -> Generator[None]:
    """Tell all coordinate layers of a model where the model's input is in the full image.

    If ``model`` is called inside the block, each of its coordinate layers, at any depth, uses the
    true positions of its own input. After strided layers, these are positions in the feature map of
    the full image, and they are inferred from the sizes. If the model itself passes ``window`` or
    ``coordinates`` to a layer, the layer uses this argument instead.

    The placement is only set for the current thread or asyncio task. Layers may be recomputed after
    the block, as by activation checkpointing. ``nn.DataParallel`` is not supported.

    Args:
        model: The module that will be called. It may be compiled by ``torch.compile``.
        placement: Where the input of ``model`` is in the full image. A `Placement` or
            ``PixelPlacement`` must have the size of one of the model's inputs. A `Window`, or a
            pair (start, full size), applies to the first input with as many spatial axes.
        strict: Whether to raise an error if pixels of a crop's feature map are not pixels of the
            full image's feature map, or if a coordinate layer that is not part of ``model`` is
            called inside the block. If False, positions between pixels are used in the first case,
            and the input of the layer is treated as a full image in the second case.

    Returns:
        A context manager.

    Raises:
        TypeError: If ``model`` is not a module, or if ``placement`` has an unsupported type.
        ValueError: When the model is called, if no input has the size of the placement, or if the
            placement of a layer's input cannot be inferred. In the second case, the error names the
            layer and says what to do.
        RuntimeError: When a replica of the model is called, as by ``nn.DataParallel``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = nn.Sequential(CoordConv2d(3, 8, 1), nn.MaxPool2d(2), CoordConv2d(8, 1, 1))
        >>> image = torch.randn(1, 3, 12, 16)
        >>> crop = Placement((12, 16)).crop((4, 6), (4, 8))
        >>> with positions(model, crop):
        ...     output = model(image[..., 4:8, 6:14])
        >>> torch.testing.assert_close(output, model(image)[..., 2:4, 3:7])
    """
    owner = _Owner(model, placement, strict)
    if torch.compiler.is_compiling():  # a compiled graph cannot contain the hooks
        with _called(owner.call_for(None)):
            yield
        return
    _ENTERED.set((*_ENTERED.get(), owner))
    _STATE.strict += owner.strict
    hooks = [
        model.register_forward_pre_hook(owner.begin, with_kwargs=True),
        model.register_forward_hook(owner.end, always_call=True),
    ]
    try:
        yield
    finally:
        owner.is_over = True
        for hook in hooks:
            hook.remove()
        _STATE.strict -= owner.strict
        # Blocks in suspended generators may end in any order, and in another context.
        _ENTERED.set(tuple(one for one in _ENTERED.get() if one is not owner))


def placement_here(x: Tensor, rank: int) -> Placement | PixelPlacement | None:
    """Return the placement of a layer's input ``x``, or None if no placement was set.

    Raises:
        ValueError: If the placement of ``x`` cannot be inferred.
    """
    if torch.compiler.is_compiling():  # compiled code can read neither records nor contexts
        call, is_strict = _STATE.call, _STATE.strict > 0
    else:
        call, is_strict = recomputation.call_of_this_backward() or _STATE.call, _is_strict()
    if call is not None:
        return call.placement_of(tuple(x.shape[x.dim() - rank :]))
    if is_strict:
        raise ValueError(
            "a coordinate layer was called inside positions(...), but not by the model that was "
            "passed to positions(...); call the layer after the block, use another positions(...) "
            "for it, or pass strict=False. If the model is compiled, pass the object that "
            "torch.compile returned"
        )
    return None


def refuse_placement(x: Tensor, rank: int) -> None:
    """Raise if the input of a layer with fixed positions is not a full image.

    Raises:
        ValueError: If a placement was set, and it is not that of a full image.
    """
    placement = placement_here(x, rank)
    if placement is not None and not placement.is_full_image:
        raise ValueError(
            "a precomputed layer always uses the positions of a full image; inside "
            "positions(...), use the original model, which was not precomputed"
        )


class _Call:
    """One call of a model, with the placement of its input."""

    def __init__(
        self, model: nn.Module, placement: Placement | PixelPlacement, strict: bool
    ) -> None:
        self.model = weakref.ref(model)
        self.placement = placement
        self.strict = strict
        self.known: dict[tuple[int, ...], Placement | PixelPlacement] = {}

    def placement_of(self, size: tuple[int, ...]) -> Placement | PixelPlacement:
        """Return the placement of a feature map of this size."""
        if torch.compiler.is_compiling():
            return self._placed(size)
        if size not in self.known:
            self.known[size] = self._placed(size)
        return self.known[size]

    def _placed(self, size: tuple[int, ...]) -> Placement | PixelPlacement:
        rank = len(self.placement.size)
        if len(size) != rank:
            raise ValueError(
                f"{self._caller()} has {len(size)} spatial axes, but the placement has {rank}"
            )
        try:
            return placement_of_feature_map(self.placement, size, strict=self.strict)
        except ValueError as error:
            raise ValueError(f"{self._caller()}: {error}") from None

    def _caller(self) -> str:
        """Describe the innermost module of the model that is being called, for an error message."""
        model = self.model()
        names = {} if model is None else {id(m): name for name, m in model.named_modules()}
        frame: Any = None if torch.compiler.is_compiling() else sys._getframe()
        while frame is not None:
            module = frame.f_locals.get("self")
            if id(module) in names:
                return f"layer {names[id(module)]!r} ({type(module).__name__})"
            frame = frame.f_back
        return "a layer with coordinates"


class _Owner:
    """The model and the placement of one ``with positions(...)`` block."""

    def __init__(
        self, model: nn.Module, placement: Placement | PixelPlacement | StartAndSize, strict: bool
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"`model` must be an nn.Module, got {type(model).__name__}")
        if not isinstance(placement, (Placement, PixelPlacement, tuple, list)):
            raise TypeError(
                f"`placement` must be a Placement or a Window, got {type(placement).__name__}"
            )
        self.model, self.placement, self.strict = model, placement, bool(strict)
        self.is_over = False

    def begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin a call. This is a forward pre-hook."""
        if self.is_over:
            return
        if module is not self.model:
            raise RuntimeError(
                "a replica or a copy of the model that was passed to positions(...) was called, as "
                "nn.DataParallel does; use DistributedDataParallel, or call the model itself"
            )
        if self in _ENTERED.get():  # otherwise, this is a call in another thread
            call = self.call_for((args, kwargs))
            _begin(call)
            recomputation.begin(call)

    def end(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """End a call, even if it failed. This is a forward hook."""
        if _STATE.call is not None and _STATE.call.model() is module and self in _ENTERED.get():
            recomputation.end(_STATE.call)
            _STATE.call.known.clear()
            _end()

    def call_for(self, inputs: Any) -> _Call:
        """Return a call with these inputs, one of which must have the size of the placement."""
        placement = self.placement
        if inputs is None and not isinstance(placement, (Placement, PixelPlacement)):
            raise TypeError("in a compiled function, positions(...) must be given a Placement")
        if inputs is not None:
            shapes = [one.shape for one in _pytree.tree_leaves(inputs) if isinstance(one, Tensor)]
            placement = _fitting(placement, shapes, type(self.model).__name__)
        return _Call(self.model, placement, self.strict)  # pyright: ignore[reportArgumentType]


def _fitting(
    placement: Placement | PixelPlacement | StartAndSize, shapes: Sequence[Any], kind: str
) -> Placement | PixelPlacement:
    """Return the placement for inputs of these shapes, or raise if no input fits it."""
    if not isinstance(placement, (Placement, PixelPlacement)):
        rank = _rank_of(placement)
        sizes = [shape[-rank:] for shape in shapes if len(shape) in (rank + 1, rank + 2)]
        if not sizes:
            raise ValueError(
                f"the window has {rank} axes, but no input of {kind} has {rank} spatial axes; "
                f"got inputs of shape {[*map(tuple, shapes)]}"
            )
        return Placement.from_window(placement, tuple(sizes[0]))
    rank = len(placement.size)
    if not any(tuple(shape[-rank:]) == placement.size for shape in shapes):
        raise ValueError(
            f"the placement has size {placement.size}, but no input of {kind} has this size; "
            f"got inputs of shape {[*map(tuple, shapes)]}"
        )
    return placement


def _rank_of(window: StartAndSize) -> int:
    start = window[0] if len(window) == 2 else None
    if isinstance(start, Tensor) and start.dim() > 0:
        return start.shape[-1]
    if isinstance(start, (tuple, list)):
        return len(start)
    raise ValueError(f"`window` must be a pair (start, full_size), got {window!r}")


class _State(threading.local):
    """The model calls of the current thread.

    The calls are stored per instance, because torch.compile does not guard class attributes.
    """

    def __init__(self) -> None:
        self.call: _Call | None = None
        self.outer: list[_Call | None] = []
        self.strict = 0


_STATE = _State()
_ENTERED: ContextVar[tuple[_Owner, ...]] = ContextVar("coordconv.positions", default=())


def _is_strict() -> bool:
    """Whether a layer must not be called outside the models that were passed to `positions`."""
    entered = _ENTERED.get()
    return bool(entered) and any(owner.strict and not owner.is_over for owner in entered)


def _begin(call: _Call) -> None:
    _STATE.outer.append(_STATE.call)
    _STATE.call = call


def _end() -> None:
    _STATE.call = _STATE.outer.pop()


@contextmanager
def _called(call: _Call) -> Generator[None]:
    outer = _STATE.call
    _STATE.call = call
    try:
        yield
    finally:
        _STATE.call = outer
