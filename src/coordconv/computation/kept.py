"""Values that are kept between calls, for layers with small batches on a CPU.

Such a layer would otherwise spend more time on its coordinates than on a convolution. Two kinds of
values are kept. The first kind depends only on sizes and options, such as the coordinates of the
pixels of a full image. The second kind also depends on the coordinate weights. It is used only if
the weights are the same, bit for bit, as those that it was computed from.

No layer holds a reference to a kept value, so copies, checkpoints and exports of layers do not
contain it. The caller must not change a kept value.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from coordconv.computation.torch_modes import is_traced, may_write_in_place
from coordconv.pixel_positions import Positions

__all__ = ["kept", "kept_for_weight", "may_keep", "may_keep_for_weight"]

Value = TypeVar("Value")

# A larger value belongs to a layer whose convolution takes far longer than its coordinates.
_MOST_BYTES_EACH = 2**21
_MOST_BYTES = 2**25
_MOST_ENTRIES = 500

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class _Entry(NamedTuple):
    value: Any
    bytes: int
    bits: Tensor | None = None  # The coordinate weights, as integers.


# Threads use this without a lock. Single operations on a dict are atomic, and threads that make the
# same entry at the same time make equal values.
_entries: dict[Hashable, _Entry] = {}


def may_keep(x: Tensor, positions: Positions) -> bool:
    """Whether the coordinates of ``x`` are those of a full image, and may be kept.

    On accelerators, a tensor that was made in one stream may not be ready in another stream. A
    recorded graph must contain how the coordinates are computed. Modes such as ``FakeTensorMode``
    must see it, and may change it.
    """
    return (
        positions.window is None
        and positions.coordinates is None
        and x.device.type == "cpu"
        and may_write_in_place()
        and not is_traced()
        and not torch._C._len_torch_dispatch_stack()
        and not torch._ops._len_torch_dispatch_stack_pre_dispatch()
        and not torch._C._len_torch_function_stack()
    )


def may_keep_for_weight(x: Tensor, positions: Positions, coord_weight: Tensor) -> bool:
    """Whether a value that is computed from these positions and coordinate weights may be kept.

    This requires parameters without gradients or tangents. Other tensors may be new in each call.
    """
    return (
        type(coord_weight) is nn.Parameter
        and not (coord_weight.requires_grad and torch.is_grad_enabled())
        and may_keep(x, positions)
        and forward_ad._current_level < 0
        and coord_weight.device.type == "cpu"
        and coord_weight.itemsize in _INTEGERS
    )


def kept(key: Hashable, made: Callable[[], Value]) -> Value:
    """Return the value for ``key``, which must determine it. The first call makes it.

    With a key that contains a list, which is not hashable, every call makes it.
    """
    try:
        entry = _entries.get(key)
    except TypeError:
        return made()
    if entry is not None:
        return entry.value
    # A tensor that is made in inference mode could not be used in training.
    with torch.inference_mode(False):
        value = made()
    _keep(key, value)
    return value


def kept_for_weight(key: Hashable, coord_weight: Tensor, made: Callable[[Tensor], Value]) -> Value:
    """Return the value for ``key`` and the bits of ``coord_weight``.

    Args:
        key: Determines the value together with the coordinate weights.
        coord_weight: The coordinate weights.
        made: Returns the value for a copy of the coordinate weights, of which it may keep parts.
    """
    bits = coord_weight.view(_INTEGERS[coord_weight.itemsize])
    key = (key, id(coord_weight), coord_weight.dtype, _precision_of_products())
    try:
        entry = _entries.get(key)
    except TypeError:
        return made(coord_weight)
    if entry is not None and entry.bits is not None and torch.equal(entry.bits, bits):
        return entry.value
    with torch.inference_mode(False):
        copy = coord_weight.detach().clone()
        value = made(copy)
        _keep(key, value, copy.view(bits.dtype))
    return value


def _precision_of_products() -> Hashable:
    """Return the settings of the process for the precision of products of float32 matrices."""
    try:
        setting = torch._C._get_fp32_precision_getter
    except AttributeError:  # an older torch, with only the old setting
        return torch.get_float32_matmul_precision()
    # A setting that is "none" follows the next one.
    return setting("mkldnn", "matmul"), setting("mkldnn", "all"), setting("generic", "all")


def _keep(key: Hashable, value: Any, bits: Tensor | None = None) -> None:
    tensors = [value] if isinstance(value, Tensor) else [*vars(value).values(), bits]
    size = sum(one.untyped_storage().nbytes() for one in tensors if isinstance(one, Tensor))
    if size > _MOST_BYTES_EACH:
        return
    used = sum(entry.bytes for entry in list(_entries.values()))
    if used + size > _MOST_BYTES or len(_entries) >= _MOST_ENTRIES:
        _entries.clear()
    _entries[key] = _Entry(value, size, bits)
