"""Replace coordinates with constant maps that are precomputed for fixed input sizes."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
import torch.fx
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrize

from coordconv.conversion.decompose import recompose
from coordconv.conversion.examples import Example, call_arguments
from coordconv.conversion.guards import check_holders
from coordconv.conversion.kinds import (
    check_initialized,
    checked_model,
    own_class,
    plain_kind,
    stored_weight,
)
from coordconv.conversion.made import made_class
from coordconv.conversion.replaced import check_methods
from coordconv.conversion.revert import become_plain
from coordconv.conversion.sizes import Size, evaluating, sizes_seen, without_hooks
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.others import CoordinatesInFront
from coordconv.layers.weight_guard import WeightGuard
from coordconv.model_positions import refuse_placement

__all__ = ["precompute"]


def precompute(model: nn.Module, example: Example) -> nn.Module:
    """Return a copy of a model in which constant maps replace the coordinates.

    What the coordinates add to the output of a layer only depends on the input size. For a fixed
    size, this is a constant map. In the copy, each coordinate layer is a plain convolution that
    adds this map, which any runtime can execute. A layer that gets inputs of several sizes, such as
    a head shared by all levels of a pyramid, keeps a map for each size. Parametrized weights of
    coordinate layers are replaced with their current values.

    Args:
        model: Any module, including a single coordinate layer. Its layers may have been decomposed
            by `coordconv.decompose`. It is not changed.
        example: Inputs to call the model with, of the sizes that the copy will be used with: a
            tensor, a tuple of arguments, or a mapping of keyword arguments.

    Returns:
        The copy. It computes the same as the model, up to rounding, for any batch size at these
        image sizes, and raises an error for other sizes.

    Raises:
        ValueError: If the example does not reach every coordinate layer, or if a coordinate layer
            is called with a window, coordinates or an output size. Also if a coordinate layer is a
            custom subclass, if the model has an uninitialized lazy layer, or if it cannot be
            copied.
        TypeError: If ``model`` is not an ``nn.Module``, if ``example`` is a size instead of inputs,
            or if the input of a coordinate layer is not a tensor.

    Example:
        >>> from coordconv import CoordConv2d
        >>> precomputed = precompute(nn.Sequential(CoordConv2d(3, 8, 3)), torch.zeros(1, 3, 6, 9))
        >>> precomputed
        Sequential(
          (0): PrecomputedConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), sizes=6 x 9)
        )
        >>> precomputed(torch.zeros(4, 3, 6, 9)).shape
        torch.Size([4, 8, 4, 7])
    """
    checked_model(model)
    check_initialized("precompute", model)  # The copy would draw weights of its own.
    found = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    check_holders("precompute", model, found, copied=True)
    check_methods("precompute", found)
    try:
        model = copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            "the model cannot be copied because it holds non-leaf weights, for example from a "
            "hook that computes them; call the model once under torch.no_grad() first"
        ) from error
    except Exception as error:  # Attributes that cannot be copied, such as locks, raise any error.
        raise ValueError(
            f"the model cannot be copied ({type(error).__name__}: {error}); remove the attribute "
            "that cannot be copied, or pass the part of the model that has the coordinate layers"
        ) from error
    recompose(model)
    layers = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    in_front = {name for m, name in layers.items() if isinstance(m, CoordinatesInFront)}

    def refuse(name: str, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if name in in_front:  # Only these two keyword arguments change the coordinates.
            inputs, named = inputs[:1], {key: named.get(key) for key in ("window", "coordinates")}
        _unknown_to_a_constant(name, inputs, named)

    sizes = sizes_seen(model, layers, *call_arguments(example), refuse=refuse)
    for layer in layers:
        _fix_parametrized(layer)
    strange = [repr(name) for layer, name in layers.items() if not _precomputed_kind(layer)]
    if strange:
        raise ValueError(
            f"cannot precompute {', '.join(strange)}: custom subclasses are not supported"
        )
    maps = {layer: {size: _share(layer, size) for size in sizes[layer]} for layer in layers}
    for layer in layers:
        _become_precomputed(layer, maps[layer])
    return model


def _unknown_to_a_constant(name: str, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Raise if a layer is called with a window, coordinates or an output size."""
    extra = [key for key, value in named.items() if key != "input" and value is not None]
    if extra or any(one is not None for one in inputs[1:]):
        what = ", ".join(extra) or "an output size"
        raise ValueError(
            f"cannot precompute {name!r}: it is called with {what}, but the coordinates of a "
            "precomputed layer are constant; call it with the data only"
        )


def _fix_parametrized(layer: nn.Module) -> None:
    """Replace parametrizations with their current values."""
    if not parametrize.is_parametrized(layer):
        return
    # A copy shares its class with the original, and removing a parametrization changes the class.
    kind = type(layer)
    layer.__class__ = own_class(kind.__name__, kind.__bases__[0], kind)
    with evaluating(layer):
        for name in list(layer.parametrizations):  # pyright: ignore[reportArgumentType]
            parametrize.remove_parametrizations(layer, name)


def _share(layer: Any, size: Size) -> Tensor:
    """Return what the coordinates add to the output at one size, shape (1, out, *output size).

    For a `CoordinatesInFront` layer, return what they add to its input, shape (1, in, *size).
    """
    in_front = isinstance(layer, CoordinatesInFront)
    weight = layer.coord_weight if in_front else stored_weight(layer)
    nothing = torch.zeros(1, layer.in_channels, *size, dtype=weight.dtype, device=weight.device)
    precise = torch.autocast(weight.device.type, enabled=False)
    if in_front:
        with torch.no_grad(), precise:
            return layer._with_coordinates(nothing)
    without = {} if layer.bias is None else {"bias": torch.zeros_like(layer.bias)}
    with torch.no_grad(), evaluating(layer), without_hooks(layer), precise:
        return functional_call(layer, without, (nothing,))


class _Precomputed(WeightGuard):
    """Mixin shared by the precomputed layers."""

    kernel_size: tuple[int, ...]

    def forward(self, input: Tensor) -> Tensor:
        """Convolve the input and add the map for its size.

        Raises:
            ValueError: If there is no map for the size of the input.
        """
        self._check_weights()
        output = super().forward(input)
        self._accept_own_changes()
        return self._with_map(output, input)

    def _with_map(self, data: Tensor, input: Tensor) -> Tensor:
        names = self._map_names()
        maps = [getattr(self, name) for name in names]
        return _add_map(data, input, maps, [_size(name) for name in names])

    def _coordinate_tensors(self) -> list[Tensor]:
        """Return the maps."""
        return [self._buffers[name] for name in self._map_names()]  # pyright: ignore[reportReturnType]

    def _output_axis(self) -> int:
        """Return the axis of the output channels in the maps."""
        return 1

    def extra_repr(self) -> str:
        """Return the description of the plain layer and the sizes."""
        return f"{super().extra_repr()}, sizes={_listed(map(_size, self._map_names()))}"

    def _map_names(self) -> list[str]:
        return [name for name in self._buffers if name.startswith(_MAP)]


def _add_map(output: Tensor, input: Tensor, maps: list[Tensor], sizes: list[Size]) -> Tensor:
    """Add the map for the size of the input to the output.

    ``torch.fx`` records this function as a single call, because it cannot trace the size lookup.
    """
    refuse_placement(input, len(sizes[0]))
    size = tuple(map(int, input.shape[-len(sizes[0]) :]))
    if size not in sizes:
        raise ValueError(
            f"this layer was precomputed for inputs of size {_listed(sizes)}, got "
            f"{_listed([size])}; precompute the model again for that size"
        )
    constant = maps[sizes.index(size)]
    if output.dim() < constant.dim():
        constant = constant[0]
    if constant.dtype != output.dtype:  # Autocast computes the output in lower precision.
        constant = constant.to(output.dtype)
    if torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        # The size check is not part of the trace. Instead, both calls of `expand` fail for inputs
        # of other sizes.
        fitting = constant.expand_as(output)
        output = output.expand(*output.shape[: 1 - constant.dim()], *constant.shape[1:])
        return output + fitting
    return output + constant


class _PrecomputedInFront(_Precomputed):
    """A precomputed layer whose coordinates are added to its input."""

    def forward(self, input: Tensor, *arguments: Any, **options: Any) -> Any:
        """Add the map for the size of the input to the input, and call the layer.

        Raises:
            ValueError: If there is no map for the size of the input.
        """
        return super(_Precomputed, self).forward(
            self._with_map(input, input), *arguments, **options
        )

    def _coordinate_tensors(self) -> list[Tensor]:
        """Return an empty list: fusing must not scale a map that is added to the input."""
        return []


_MAP = "coord_map_"


def _name(size: Size) -> str:
    return _MAP + "x".join(map(str, size))


def _size(name: str) -> Size:
    return tuple(map(int, name.removeprefix(_MAP).split("x")))


def _listed(sizes: Iterable[Size]) -> str:
    return ", ".join(" x ".join(map(str, size)) for size in sizes)


torch.fx.wrap("_add_map")


_FOLDED: dict[Any, type[nn.Module]] = {
    plain: type(f"Precomputed{plain.__name__}", (_Precomputed, plain), {"__module__": __name__})
    for plain in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
    )
}
# Pickle looks up the classes in this module.
globals().update({kind.__name__: kind for kind in _FOLDED.values()})


def _precomputed_kind(layer: nn.Module) -> type[nn.Module] | None:
    """Return the precomputed class for a coordinate layer, or None for a custom subclass."""
    plain: Any = plain_kind(layer)
    if plain is None or plain in _FOLDED:
        return _FOLDED.get(plain)
    way = _PrecomputedInFront if isinstance(layer, CoordinatesInFront) else _Precomputed
    return made_class("Precomputed", way, plain)


def _become_precomputed(layer: Any, maps: dict[Size, Tensor]) -> None:
    precomputed = _precomputed_kind(layer)
    become_plain(layer, plain_kind(layer))
    layer.__class__ = precomputed
    for size, constant in maps.items():
        layer.register_buffer(_name(size), constant)
    layer.trust_weights()
