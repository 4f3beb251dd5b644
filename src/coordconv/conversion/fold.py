"""From coordinate layers to plain convolutions plus constants, for one size of input."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrize

from coordconv.conversion.kinds import checked_model, own_class, plain_kind, stored_weight
from coordconv.conversion.made import made_class
from coordconv.conversion.revert import become_plain
from coordconv.conversion.sizes import Size, evaluating, sizes_seen, without_hooks
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.others import CoordinatesInFront

__all__ = ["fold"]


def fold(model: nn.Module, *example: Any, **options: Any) -> nn.Module:
    """Copy a model with plain convolutions, each followed by the addition of a constant.

    The share of the coordinates depends on the size of the input alone. Where that is fixed it is
    a constant map, which any runtime can add. A layer that is called with inputs of several sizes,
    as one head for all levels of a pyramid, keeps a map for each. Parametrized weights of these
    layers become what they are now.

    Args:
        model: Any module; it may be a coordinate layer itself. It is left as it is.
        example: What to call the model with: inputs of the size that it is to be used with.
        options: The same by name.

    Returns:
        The copy. It computes what the model does, to rounding, for every batch of that size, and
        refuses other sizes.

    Raises:
        ValueError: If a coordinate layer is not reached by the example, if it is called with a
            window, with coordinates or with an output size, or if it is of a class of its own kind;
            or if the model cannot be copied.
        TypeError: If the model is none, or the example no tensor.

    Example:
        >>> from coordconv import CoordConv2d
        >>> folded = fold(nn.Sequential(CoordConv2d(3, 8, 3)), torch.zeros(1, 3, 6, 9))
        >>> folded
        Sequential(
          (0): FoldedConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), sizes=6 x 9)
        )
        >>> folded(torch.zeros(4, 3, 6, 9)).shape
        torch.Size([4, 8, 4, 7])
    """
    checked_model(model)
    try:
        model = copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            "the model cannot be copied while it holds weights that were computed with gradients, "
            "as by a hook: call it once under torch.no_grad() first"
        ) from error
    layers = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    in_front = {name for m, name in layers.items() if isinstance(m, CoordinatesInFront)}

    def refuse(name: str, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if name in in_front:  # What else the layer is given does not change the coordinates.
            inputs, named = inputs[:1], {key: named.get(key) for key in ("window", "coordinates")}
        _unknown_to_a_constant(name, inputs, named)

    sizes = sizes_seen(model, layers, example, options, refuse=refuse)
    for layer in layers:
        _fix_parametrized(layer)
    strange = [repr(name) for layer, name in layers.items() if not _folded_kind(layer)]
    if strange:
        raise ValueError(f"cannot fold {', '.join(strange)}: of a class of its own kind")
    maps = {layer: {size: _share(layer, size) for size in sizes[layer]} for layer in layers}
    for layer in layers:
        _become_folded(layer, maps[layer])
    return model


def _unknown_to_a_constant(name: str, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Refuse a call with more than the data, which decides where they lie or how large they get."""
    extra = [key for key, value in named.items() if key != "input" and value is not None]
    if extra or any(one is not None for one in inputs[1:]):
        what = ", ".join(extra) or "an output size"
        raise ValueError(
            f"cannot fold {name!r}: it is called with {what}, which a constant cannot know"
        )


def _fix_parametrized(layer: nn.Module) -> None:
    """Keep what parametrized tensors are now, instead of how they come about."""
    if not parametrize.is_parametrized(layer):
        return
    # Removing deletes from the class, which a copy shares with its original.
    kind = type(layer)
    layer.__class__ = own_class(kind.__name__, kind.__bases__[0], kind)
    with evaluating(layer):
        for name in list(layer.parametrizations):  # pyright: ignore[reportArgumentType]
            parametrize.remove_parametrizations(layer, name)


def _share(layer: Any, size: Size) -> Tensor:
    """What the coordinates add at one size, shape (1, out, *size of the output).

    In front of a layer, they add it to the input, shape (1, in, *size).
    """
    in_front = isinstance(layer, CoordinatesInFront)
    weight = layer.coord_weight if in_front else stored_weight(layer)
    nothing = torch.zeros(1, layer.in_channels, *size, dtype=weight.dtype, device=weight.device)
    precise = torch.autocast(weight.device.type, enabled=False)
    if in_front:
        with torch.no_grad(), precise:
            return layer.with_coordinates(nothing)
    without = {} if layer.bias is None else {"bias": torch.zeros_like(layer.bias)}
    with torch.no_grad(), evaluating(layer), without_hooks(layer), precise:
        return functional_call(layer, without, (nothing,))


class _Folded(nn.Module):
    """The part of a folded layer that is the same for all."""

    kernel_size: tuple[int, ...]

    def forward(self, input: Tensor) -> Tensor:
        """Convolve, and add the map of this size.

        Raises:
            ValueError: There is none.
        """
        constant = self._map_for(input)
        output = super().forward(input)
        return output + (constant if output.dim() == constant.dim() else constant[0])

    def _map_for(self, input: Tensor) -> Tensor:
        size = tuple(input.shape[-len(self.kernel_size) :])
        constant = getattr(self, _name(size), None)
        if constant is None:
            raise ValueError(
                f"this layer was folded for inputs of size {self._sizes()}, got "
                f"{_written(size)}; fold the model again for that size"
            )
        return constant

    def extra_repr(self) -> str:
        """Return what the plain layer does, and the sizes."""
        return f"{super().extra_repr()}, sizes={self._sizes()}"

    def _sizes(self) -> str:
        names = [name for name, _ in self.named_buffers(recurse=False) if name.startswith(_MAP)]
        return ", ".join(name.removeprefix(_MAP).replace("x", " x ") for name in names)


class _FoldedInFront(_Folded):
    """A folded layer whose coordinates are added to its input."""

    def forward(self, input: Tensor, *arguments: Any, **options: Any) -> Any:
        """Add the map of this size to the input, and call the layer.

        Raises:
            ValueError: There is none.
        """
        constant = self._map_for(input)
        input = input + (constant if input.dim() == constant.dim() else constant[0])
        return super(_Folded, self).forward(input, *arguments, **options)


_MAP = "coord_map_"


def _name(size: Size) -> str:
    return _MAP + "x".join(map(str, size))


def _written(size: Size) -> str:
    return " x ".join(map(str, size))


_FOLDED: dict[Any, type[nn.Module]] = {
    plain: type(f"Folded{plain.__name__}", (_Folded, plain), {"__module__": __name__})
    for plain in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
    )
}
globals().update({kind.__name__: kind for kind in _FOLDED.values()})  # so that they can be pickled


def _folded_kind(layer: nn.Module) -> type[nn.Module] | None:
    """The class that a coordinate layer is folded to; None for a class of its own kind."""
    plain: Any = plain_kind(layer)
    if plain is None or plain in _FOLDED:
        return _FOLDED.get(plain)
    way = _FoldedInFront if isinstance(layer, CoordinatesInFront) else _Folded
    return made_class("Folded", way, plain)


def _become_folded(layer: Any, maps: dict[Size, Tensor]) -> None:
    folded = _folded_kind(layer)
    become_plain(layer, plain_kind(layer))
    layer.__class__ = folded
    for size, constant in maps.items():
        layer.register_buffer(_name(size), constant)
