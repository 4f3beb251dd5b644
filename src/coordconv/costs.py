"""Count the parameters and FLOPs that coordinates add to a model."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from coordconv.conversion.examples import Example, call_arguments
from coordconv.conversion.kinds import check_initialized, checked_model, stored_weight
from coordconv.conversion.report import Rows, as_table
from coordconv.conversion.sizes import evaluating, sizes_seen, without_hooks
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer, describe
from coordconv.layers.decomposed import DecomposedCoordConv, DecomposedLayer
from coordconv.layers.others import CoordinatesBeside, CoordinatesInFront

__all__ = ["Costs", "LayerCosts", "coordinate_costs"]

_DECOMPOSED = (DecomposedCoordConv, DecomposedLayer)


class LayerCosts(NamedTuple):
    """The costs of one layer with coordinates.

    Attributes:
        name: Name of the layer in the model; "" if the layer is the model itself.
        layer: Class of the layer, followed by "radius" if it uses the radius, and by its convention
            if this is not the default.
        parameters: Number of parameters.
        coordinate_parameters: Number of parameters for the coordinates.
        flops: Floating-point operations of the layer for one image, summed over all image sizes
            that the layer receives. None if no example was given. Also None if the layer adds the
            coordinates to its input; for such a layer, only ``coordinate_flops`` are counted.
        coordinate_flops: Floating-point operations that the coordinates add to the plain layer.
            None if no example was given, or if the layer only appends coordinates.
    """

    name: str
    layer: str
    parameters: int
    coordinate_parameters: int
    flops: int | None
    coordinate_flops: int | None


class Costs(Rows[LayerCosts]):
    """The costs of all layers with coordinates in a model; ``print`` shows them as a table.

    Args:
        rows: One entry per layer, in the order of ``model.named_modules()``.
        parameters: Number of parameters of the model.
        coordinate_parameters: Number of parameters for coordinates. Parameters that several layers
            share are counted once.
        flops: Floating-point operations of the model for the example, or None without an example.
    """

    def __init__(
        self,
        rows: Sequence[LayerCosts],
        parameters: int,
        coordinate_parameters: int,
        flops: int | None,
    ) -> None:
        super().__init__(rows)
        self.parameters = parameters
        self.coordinate_parameters = coordinate_parameters
        self.flops = flops

    def __str__(self) -> str:
        header = ("name", "layer", "parameters", "coordinates", "FLOPs", "coordinates")
        rows = [
            (
                one.name or "(the model itself)",
                one.layer,
                f"{one.parameters:,}",
                _share(one.coordinate_parameters, one.parameters),
                "" if one.flops is None else f"{one.flops:,}",
                ""
                if one.coordinate_flops is None
                else _share(one.coordinate_flops, one.flops or 0),
            )
            for one in self
        ]
        ours = _share(self.coordinate_parameters, self.parameters)
        text = f"{ours} of {self.parameters:,} parameters"
        if self.flops is not None:
            extra = sum(one.coordinate_flops or 0 for one in self)
            text += f" and {_share(extra, self.flops)} of {self.flops:,} FLOPs"
        return "\n".join([*as_table(header, rows), f"{text} are for coordinates"])


def coordinate_costs(model: nn.Module, example: Example | None = None) -> Costs:
    """Count the parameters and FLOPs that a model uses for coordinates.

    Args:
        model: Any module. It is not changed.
        example: Inputs to call the model with, to also count FLOPs: a tensor, a tuple of
            arguments, or a mapping of keyword arguments. A multiplication and an addition are two
            FLOPs, as in `torch.utils.flop_counter`.

    Returns:
        A sequence with one entry per layer; ``print`` shows it as a table. A layer usually needs
        the FLOPs for its coordinates once per batch, and its other FLOPs once per image.

    Raises:
        ValueError: If the model has an uninitialized lazy layer or a layer from
            `coordconv.decompose`, or if the call with the example does not reach every coordinate
            layer.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = nn.Sequential(CoordConv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> print(coordinate_costs(model, torch.zeros(1, 3, 32, 32)))
        name  layer        parameters  coordinates  FLOPs    coordinates
        0     CoordConv2d  368         144 (39.1%)  492,480  103,680 (21.1%)
        144 (37.3%) of 386 parameters and 103,680 (19.9%) of 521,280 FLOPs are for coordinates
    """
    layers = {
        m: name
        for name, m in checked_model(model).named_modules()
        if isinstance(m, CoordinateLayer)
    }
    check_initialized("count the weights of", model)
    decomposed = [repr(name) for name, m in model.named_modules() if isinstance(m, _DECOMPOSED)]
    if decomposed:
        raise ValueError(
            f"cannot count the coordinate weights of {', '.join(decomposed)}, which are part of a "
            "joint weight; call coordconv.recompose(model) first"
        )
    counts: dict[nn.Module, tuple[int | None, int]] = {}
    flops = None
    if example is not None:
        arguments, options = call_arguments(example)
        sizes = sizes_seen(model, layers, arguments, options)
        counts = {layer: _flops_of(layer, found) for layer, found in sizes.items()}
        with evaluating(model):
            flops = _count(model, *arguments, **options)
    entries = []
    for name, module in model.named_modules():
        if isinstance(module, AddCoords):
            entries.append(
                LayerCosts(name, f"AddCoords{describe(module.convention)}", 0, 0, None, None)
            )
        elif isinstance(module, CoordinateLayer):
            kind = type(module).__name__ + (", radius" if module.radius else "")
            counted = counts.get(module, (None, None))
            numbers = sum(one.numel() for one in module.parameters())
            share = sum(one.numel() for one in _stored(module))
            entries.append(
                LayerCosts(name, kind + describe(module.convention), numbers, share, *counted)
            )
    parameters = sum(one.numel() for one in model.parameters())
    shared = {id(one): one.numel() for layer in layers for one in _stored(layer)}
    return Costs(entries, parameters, sum(shared.values()), flops)


def _stored(layer: nn.Module) -> list[torch.Tensor]:
    """Return the coordinate weights, or the parameters that they are computed from."""
    computed = ("coord_weight_", "parametrizations.coord_weight.")
    return [
        one
        for name, one in layer.named_parameters()
        if name == "coord_weight" or name.startswith(computed)
    ]


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else f"{part:,}"


def _flops_of(layer: Any, sizes: list[tuple[int, ...]]) -> tuple[int | None, int]:
    """Return the FLOPs of a layer and of its coordinates, for one image of each input size."""
    if isinstance(layer, CoordinatesInFront):
        return None, sum(2 * layer.coord_weight.numel() * math.prod(size) for size in sizes)
    weight = stored_weight(layer)
    beside = isinstance(layer, CoordinatesBeside)
    plain = None if beside else _plain(layer, weight.dtype)
    with_coordinates = without = 0
    for size in sizes:
        x = torch.zeros(1, layer.in_channels, *size, dtype=weight.dtype, device=weight.device)
        with evaluating(layer), without_hooks(layer):
            with_coordinates += _count(layer, x)
            if plain is None:
                without += _count(super(CoordinatesBeside, layer).forward, x)  # pyright: ignore[reportAttributeAccessIssue]
            else:
                without += _count(plain, x.to("meta"))
    return with_coordinates, with_coordinates - without


def _plain(layer: Any, dtype: torch.dtype) -> nn.Module:
    """Return the plain torch layer with the same options, on the meta device."""
    name = f"{'ConvTranspose' if layer.transposed else 'Conv'}{len(layer.kernel_size)}d"
    shape = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
    options = {"dilation": layer.dilation, "groups": layer.groups}
    if layer.transposed:
        options["output_padding"] = layer.output_padding
    return getattr(nn, name)(*shape, **options, device="meta", dtype=dtype)


def _product_flop(_: Any, left: Any, right: Any, **__: Any) -> int:
    return 2 * math.prod(left) * right[-1]


# In-place matrix products, which the FLOP counter of torch 2.13 does not count.
_IN_PLACE: dict[Any, Any] = {
    torch.ops.aten.addmm_: _product_flop,
    torch.ops.aten.baddbmm_: _product_flop,
}


def _count(call: Callable[..., Any], *inputs: Any, **options: Any) -> int:
    # With torch 2.15, importing it loads about 80 modules.
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False, custom_mapping=_IN_PLACE)
    with counter, torch.no_grad():
        call(*inputs, **options)
    return counter.get_total_flops()
