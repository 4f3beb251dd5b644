"""The arms of a trial: the models that are compared."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv import convert
from coordconv.usage.layer_positions import (
    COORDINATE_LAYERS,
    LayerPositions,
    changed_positions,
    coordinate_layers,
)
from coordconv_lab.errors import InputError, in_short
from coordconv_lab.trials.functions import takes

__all__ = [
    "PLAIN",
    "Arm",
    "arms_named",
    "digest_of_weights",
    "has_coordinates",
    "make_arm",
    "parameters_of",
    "uses_coordinates",
]

PLAIN = "none"
SHUFFLED = "shuffled"


class Arm(NamedTuple):
    """One of the models that are compared.

    Attributes:
        name: Name on the command line and in the report.
        where: Which convolutions get coordinates, as in `coordconv.convert`; None for the unchanged
            model.
        is_shuffled: Whether the coordinates are shuffled between pixels, differently at each call.
            Shuffled coordinates contain no position, so any remaining gain comes from the extra
            parameters.
    """

    name: str
    where: str | tuple[str, ...] | None
    is_shuffled: bool = False

    def positions(self, model: nn.Module, seed: int) -> AbstractContextManager[Any]:
        """Return the context in which a model of this arm is trained and scored."""
        if not self.is_shuffled:
            return nullcontext()
        return changed_positions(coordinate_layers(model), _shuffled_anew(seed))


def arms_named(names: Sequence[str]) -> list[Arm]:
    """Return the model without coordinates as the first arm, then the arms with these names.

    Args:
        names: "first", "all", "detector", or names or patterns of layers, separated by "+". The
            prefix "shuffled:" means shuffled coordinates in the same layers.

    Raises:
        InputError: A name is empty, repeated or not a string, or no name is given.
    """
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise InputError(f"arms must be names such as 'first', got {in_short(names)}")
    arms = [Arm(PLAIN, None)]
    for name in names:
        prefix, colon, rest = name.partition(":")
        is_shuffled = bool(colon) and prefix == SHUFFLED
        where = tuple((rest if is_shuffled else name).split("+"))
        if not all(where):
            raise InputError(
                f"an arm must be first, all, detector, or names of layers such as enc.0+enc.1; got "
                f"{in_short(name)}"
            )
        if name == PLAIN:
            continue
        if name in [arm.name for arm in arms]:
            raise InputError(f"the arm {in_short(name)} is given twice")
        arms.append(Arm(name, where[0] if len(where) == 1 else where, is_shuffled))
    if len(arms) == 1:
        raise InputError("a trial needs an arm with coordinates, such as first")
    return arms


def make_arm(arm: Arm, make: Callable[..., Any], example: Any) -> Any:
    """Make the model of an arm.

    Coordinate weights start at zero, so all arms start with the same outputs, unless ``make`` has a
    parameter ``where`` and adds the coordinates itself.

    Raises:
        InputError: ``make`` does not return a module, or the module already has coordinates or
            cannot be converted. Also if ``make(where=None)`` returns a model with coordinates, or
            if the arm has shuffled coordinates, but the model that ``make(where=...)`` returns has
            no coordinate layer of coordconv.
    """
    if takes(make, "where"):
        model = make(where=arm.where)
        if arm.where is None and has_coordinates(model):
            raise InputError("make(where=None) must return a model without coordinates")
        if arm.is_shuffled and not has_coordinates(model):
            raise InputError(
                "coordinates can be shuffled only in torch layers of coordconv, but make(where) "
                "returned a model without such a layer"
            )
        return model
    model = make()
    if not isinstance(model, nn.Module):
        raise InputError(f"make() must return a torch.nn.Module, got {in_short(model)}")
    if has_coordinates(model):
        raise InputError("make() must return a model without coordinates; the trial adds them")
    if arm.where is None:
        return model
    try:
        convert(model, arm.where, example=example)
    except (TypeError, ValueError) as error:
        raise InputError(f"the model cannot be converted: {error}") from error
    return model


def has_coordinates(model: Any) -> bool:
    """Whether a model has layers with coordinates."""
    return isinstance(model, nn.Module) and any(
        isinstance(module, COORDINATE_LAYERS) for module in model.modules()
    )


def uses_coordinates(model: Any) -> bool:
    """Whether a model has layers with coordinates, or what remains of them in other modules.

    A traced or precomputed model has no such layers, but it has their weights or maps.
    """
    if not isinstance(model, nn.Module):
        return False
    tensors = [*model.named_parameters(), *model.named_buffers()]
    own = ("coord_weight", "coord_map_")
    return has_coordinates(model) or any(n.split(".")[-1].startswith(own) for n, _ in tensors)


def parameters_of(model: Any) -> int:
    """Return the number of parameters of a torch or Keras model."""
    if hasattr(model, "count_params"):
        return int(model.count_params())
    return sum(one.numel() for one in model.parameters() if not is_lazy(one))


def digest_of_weights(model: nn.Module) -> str:
    """Return a digest of the parameters and buffers of a model, without coordinate weights.

    Raises:
        InputError: A tensor is on the meta device, so it has no values.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, Tensor) and not is_lazy(value) and not name.endswith("coord_weight"):
            if value.is_meta:
                raise InputError(
                    f"make() must return a model with weights, but {name} is on the meta device"
                )
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            dense = value.detach().cpu().to_dense().contiguous()
            digest.update(dense.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _shuffled_anew(seed: int) -> Callable[[LayerPositions], dict[str, Any]]:
    """Return a function that shuffles coordinates between pixels, differently at each call.

    Each sample of a batch gets its own order.
    """
    generator = torch.Generator().manual_seed(seed)

    def change(seen: LayerPositions) -> dict[str, Any]:
        grid = seen.grid.flatten(-seen.rank)
        samples = seen.x.shape[0] if seen.x.dim() == seen.rank + 2 else 1
        grid = grid.expand(samples, *grid.shape[-2:])
        order = torch.rand(samples, 1, grid.shape[-1], generator=generator).argsort(-1)
        grid = grid.gather(-1, order.to(grid.device).expand_as(grid)).unflatten(-1, seen.size)
        return {"coordinates": grid if seen.x.dim() == seen.rank + 2 else grid[0]}

    return change
