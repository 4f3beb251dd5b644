"""Values that are kept between calls, for layers with small batches on a CPU.

Such a layer would otherwise spend more time on its coordinates than on a convolution. Two kinds of
values are kept. The first kind depends only on sizes and options, such as the coordinates of the
pixels of a full image. The second kind is the coordinate term, which also depends on the coordinate
weights. It is used only if the weights are the same, bit for bit, as those that it was computed
from.

No layer holds a reference to a kept value, so copies, checkpoints and exports of layers do not
contain it. The caller must not change a kept value.
"""

import sys
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from coordconv.computation.torch_modes import may_write_in_place
from coordconv.pixel_positions import Positions

__all__ = [
    "MAX_BYTES_EACH",
    "found",
    "found_for_weight",
    "has_gradients",
    "keep",
    "kept",
    "kept_for_weight",
    "may_keep",
    "may_keep_for_call",
]

Value = TypeVar("Value")

# A larger value belongs to a layer whose convolution takes far longer than its coordinates.
MAX_BYTES_EACH = 2**23
_MAX_BYTES = 2**25
_MAX_ENTRIES = 500

_SMALLEST_NORMAL = sys.float_info.min

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class _Entry(NamedTuple):
    value: Any
    bytes: int
    bits: Tensor | None = None  # The coordinate weights, as integers.


# Threads use this without a lock. Single operations on a dict are atomic, and threads that make the
# same entry at the same time make equal values.
_entries: dict[Hashable, _Entry] = {}


def may_keep(x: Tensor, positions: Positions) -> bool:
    """Whether the coordinates of ``x`` are those of a full image, and may be kept."""
    return positions.window is None and positions.coordinates is None and _is_plain_call(x)


def _is_plain_call(x: Tensor) -> bool:
    """Whether a layer is called on a CPU and computes at once, without a mode that changes it.

    On accelerators, a tensor that was made in one stream may not be ready in another stream. A
    recorded graph must contain how the coordinates are computed. Modes such as ``FakeTensorMode``
    must see it, and may change it.
    """
    return (
        may_write_in_place()
        and not torch._C._is_tracing()
        and isinstance(x, Tensor)
        and x.is_cpu
        and x.layout == torch.strided
        and not torch._C._len_torch_function_stack()
    )


def may_keep_for_call(x: Tensor, coord_weight: Tensor) -> bool:
    """Whether values may be kept for calls with the same sizes and options as this one.

    The coordinates must be those of a full image. The coordinate weights must be a parameter,
    because other tensors may be new in each call.
    """
    return (
        type(coord_weight) is nn.Parameter
        and _is_plain_call(x)
        and forward_ad._current_level < 0
        and coord_weight.is_cpu
        and coord_weight.itemsize in _INTEGERS
    )


def has_gradients(coord_weight: Tensor) -> bool:
    """Whether the call records gradients of the coordinate weights."""
    return coord_weight.requires_grad and torch.is_grad_enabled()


def kept(key: Hashable, made: Callable[[], Value]) -> Value:
    """Return the value for ``key``, which must determine it. The first call makes it.

    With a key that contains a list, which is not hashable, every call makes it.
    """
    value = found(key)
    if value is None:
        # A tensor that is made in inference mode could not be used in training.
        with torch.inference_mode(False):
            value = made()
        keep(key, value)
    return value


def found(key: Hashable) -> Any:
    """Return the value that is kept for ``key``, or None."""
    try:
        entry = _entries.get(key)
    except TypeError:  # a list is not hashable
        return None
    return None if entry is None else entry.value


def found_for_weight(key: Hashable, coord_weight: Tensor) -> Any:
    """Return what `kept_for_weight` keeps for ``key`` and the bits of ``coord_weight``, or None."""
    try:
        entry = _entries.get(_key_for_weight(key, coord_weight))
    except TypeError:  # a list is not hashable
        return None
    if entry is None or entry.bits is None or not torch.equal(entry.bits, _bits(coord_weight)):
        return None
    return entry.value


def kept_for_weight(key: Hashable, coord_weight: Tensor, made: Callable[[Tensor], Value]) -> Value:
    """Return the value for ``key`` and the bits of ``coord_weight``. The first call makes it.

    Args:
        key: Determines the value together with the coordinate weights. With a key that contains a
            list, which is not hashable, every call makes the value.
        coord_weight: The coordinate weights.
        made: Returns the value for a copy of the coordinate weights, of which it may keep parts.
    """
    value = found_for_weight(key, coord_weight)
    if value is None:
        with torch.inference_mode(False):
            copy = coord_weight.detach().clone()
            value = made(copy)
            keep(_key_for_weight(key, coord_weight), value, _bits(copy))
    return value


def _key_for_weight(key: Hashable, coord_weight: Tensor) -> Hashable:
    return key, id(coord_weight), coord_weight.dtype, coord_weight.stride(), _settings()


def _bits(coord_weight: Tensor) -> Tensor:
    return coord_weight.view(_INTEGERS[coord_weight.itemsize])


def _settings() -> Hashable:
    """Return the settings of torch that change the last bits of products and convolutions."""
    flushes_denormals = _SMALLEST_NORMAL / 2 == 0  # torch has no function that tells
    others = torch._C._get_mkldnn_enabled(), flushes_denormals
    try:
        setting = torch._C._get_fp32_precision_getter
    except AttributeError:  # an older torch, with only the old setting
        return torch.get_float32_matmul_precision(), others
    # A setting that is "none" follows the one after it, and both follow the last one.
    precisions = setting("mkldnn", "matmul"), setting("mkldnn", "conv"), setting("mkldnn", "all")
    return precisions, setting("generic", "all"), others


def keep(key: Hashable, value: Any, bits: Tensor | None = None) -> None:
    """Keep a value, unless it is too large. It belongs to these bits of coordinate weights."""
    sizes = [one.untyped_storage().nbytes() for one in _tensors(value)]
    if max(sizes) > MAX_BYTES_EACH:
        return
    try:
        hash(key)
    except TypeError:  # a list is not hashable
        return
    size = sum(sizes) + (0 if bits is None else bits.untyped_storage().nbytes())
    used = sum(entry.bytes for entry in list(_entries.values()))
    if used + size > _MAX_BYTES or len(_entries) >= _MAX_ENTRIES:
        _entries.clear()
    _entries[key] = _Entry(value, size, bits)


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of a value, which is a tensor or an object with tensors."""
    if isinstance(value, Tensor):
        yield value
    else:
        for part in getattr(value, "__dict__", {}).values():
            yield from _tensors(part)
