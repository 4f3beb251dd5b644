"""Register `Placement` as a pytree of tensors, and let a ``DataLoader`` batch placements."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree
from torch.utils.data._utils.collate import default_collate_fn_map

from coordconv.placements import Placement

__all__ = ["collate_placements"]


def collate_placements(
    batch: Sequence[Placement], *, collate_fn_map: dict[Any, Any] | None = None
) -> Placement:
    """Combine the placements of all samples into one placement for the batch.

    Numbers that are equal in all placements stay numbers. The other numbers become tensors with one
    value per sample. The default collate function of a ``DataLoader`` calls this function.

    Args:
        batch: One placement per sample.
        collate_fn_map: Not used. torch passes this argument to all collate functions.

    Raises:
        ValueError: If the placements have different sizes, or are themselves placements of several
            samples.

    Example:
        >>> image = Placement((6, 9))
        >>> both = collate_placements([image.crop((1, 2), (3, 3)), image.crop((1, 4), (3, 3))])
        >>> both.start
        (1, tensor([2, 4]))
    """
    sizes = sorted({placement.size for placement in batch})
    if len(sizes) > 1:
        raise ValueError(f"placements of one batch must have the same size, got {sizes}")
    columns = zip(*map(_numbers, batch), strict=True)
    numbers = [_together(column) for column in columns]
    fixed = tuple(None if isinstance(one, Tensor) else one for one in numbers)
    return _unflattened([one for one in numbers if isinstance(one, Tensor)], (sizes[0], fixed))


def _together(column: Sequence[Any]) -> Any:
    if not any(isinstance(one, Tensor) for one in column) and len(set(column)) == 1:
        return column[0]
    # The default dtype may be a half type, which would round positions.
    precise = torch.promote_types(torch.get_default_dtype(), torch.float32)
    tensors = [
        torch.as_tensor(one, dtype=precise if isinstance(one, float) else None) for one in column
    ]
    if several := [one for one in tensors if one.numel() != 1]:
        raise ValueError(
            "expected the placement of one sample in each item of the batch, got a placement of "
            f"{len(several[0])} samples"
        )
    return torch.stack([one.reshape(()) for one in tensors])


def _numbers(placement: Placement) -> list[Any]:
    """Return all numbers of a placement except those of ``size``."""
    rows = [entry for row in placement.matrix for entry in row]
    return [*placement.full_size, *placement.start, *rows]


def _flattened(placement: Placement) -> tuple[list[Any], Any]:
    """Return the tensors of a placement, and its structure: the size and all plain numbers."""
    numbers = _numbers(placement)
    leaves = vars(placement).get("_leaves")
    if leaves is None:
        leaves = [n for n, one in enumerate(numbers) if isinstance(one, Tensor)]
    fixed = tuple(None if n in leaves else one for n, one in enumerate(numbers))
    return [numbers[n] for n in leaves], (placement.size, fixed)


def _unflattened(children: Iterable[Any], structure: Any) -> Placement:
    """Return the placement that ``_flattened`` was called with."""
    (size, fixed), left = structure, iter(children)
    leaves = [n for n, one in enumerate(fixed) if one is None]
    numbers = [next(left) if one is None else one for one in fixed]
    rank = len(size)
    rows = [tuple(numbers[n : n + rank]) for n in range(2 * rank, len(numbers), rank)]
    full_size, start = tuple(numbers[:rank]), tuple(numbers[rank : 2 * rank])
    made = Placement.made(size, full_size, start, tuple(rows))
    if not all(isinstance(numbers[n], Tensor) for n in leaves):
        # A pytree may temporarily hold other objects instead of tensors, such as axes to map over.
        object.__setattr__(made, "_leaves", leaves)
    return made


def _with_keys(placement: Placement) -> tuple[list[Any], Any]:
    children, structure = _flattened(placement)
    return [(_pytree.SequenceKey(n), child) for n, child in enumerate(children)], structure


def _from_lists(structure: Any) -> Any:
    size, fixed = structure
    return tuple(size), tuple(fixed)


_pytree.register_pytree_node(
    Placement,
    _flattened,
    _unflattened,
    serialized_type_name="coordconv.Placement",
    to_dumpable_context=lambda structure: structure,
    from_dumpable_context=_from_lists,
    flatten_with_keys_fn=_with_keys,
)
torch.serialization.add_safe_globals([Placement])
default_collate_fn_map[Placement] = collate_placements
