"""Which plain layer becomes which coordinate layer, and what can become none."""

from torch import Tensor, nn
from torch.nn.utils import parametrize

from coordconv import layers
from coordconv.layers.coordinates import CoordinateLayer

__all__ = [
    "checked_model",
    "coordinate_kind",
    "is_convolution",
    "own_class",
    "plain_kind",
    "stored_weight",
    "why_not",
    "written_class",
]

PAIRS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: layers.CoordConv1d,
    nn.Conv2d: layers.CoordConv2d,
    nn.Conv3d: layers.CoordConv3d,
    nn.ConvTranspose1d: layers.CoordConvTranspose1d,
    nn.ConvTranspose2d: layers.CoordConvTranspose2d,
    nn.ConvTranspose3d: layers.CoordConvTranspose3d,
    nn.LazyConv1d: layers.LazyCoordConv1d,
    nn.LazyConv2d: layers.LazyCoordConv2d,
    nn.LazyConv3d: layers.LazyCoordConv3d,
    nn.LazyConvTranspose1d: layers.LazyCoordConvTranspose1d,
    nn.LazyConvTranspose2d: layers.LazyCoordConvTranspose2d,
    nn.LazyConvTranspose3d: layers.LazyCoordConvTranspose3d,
}
BACK = {coordinate: plain for plain, coordinate in PAIRS.items()}

_FOREIGN = ("torch.ao.nn", "torch.nn.quantized", "torch.nn.qat", "torch.nn.intrinsic", "torchao")


def checked_model(model: object) -> nn.Module:
    """Return the model, if it is one.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    return model


def is_convolution(module: nn.Module) -> bool:
    """Whether a module is a convolution of any kind, one that cannot be converted included."""
    kinds = (nn.modules.conv._ConvNd, CoordinateLayer)
    return isinstance(module, kinds) or (_is_foreign(module) and "Conv" in type(module).__name__)


def why_not(module: nn.Module) -> str:
    """Say why a convolution cannot be converted; "" where it can."""
    kind = written_class(module)
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if _is_foreign(module):
        return f"{name} is quantized, or made to be; convert before quantizing"
    if isinstance(module, CoordinateLayer):
        return "it sees coordinates already"
    if kind not in PAIRS:
        return (
            f"{name} is a convolution of its own kind, and what its forward does with the weights "
            "is not known here"
        )
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    dtype = stored_weight(module).dtype
    if not dtype.is_floating_point:
        return f"its weights are {dtype}, which is no floating-point type"
    return ""


def coordinate_kind(module: nn.Module) -> type[nn.Module]:
    """The class that a plain convolution becomes."""
    return _in_place_of(module, PAIRS[written_class(module)])


def plain_kind(module: nn.Module) -> type[nn.Module] | None:
    """The class that a coordinate layer goes back to; None for a class of its own kind."""
    plain = BACK.get(written_class(module))
    return None if plain is None else _in_place_of(module, plain)


def stored_weight(module: nn.Module) -> Tensor:
    """The weight, or what it is computed from where it is parametrized.

    Reading such a weight can change it: spectral normalization then takes a step.
    """
    if parametrize.is_parametrized(module, "weight"):
        return next(module.parametrizations["weight"].parameters())  # pyright: ignore[reportIndexIssue, reportAttributeAccessIssue, reportArgumentType]
    return module.weight  # pyright: ignore[reportReturnType]


def _is_foreign(module: nn.Module) -> bool:
    return type(module).__module__.startswith(_FOREIGN)


def written_class(module: nn.Module) -> type[nn.Module]:
    """The class of a module, without the one that torch puts above it for parametrizations."""
    # A parametrized module has a class of its own, made by torch, above the one that was written.
    kind = type(module)
    return kind.__bases__[0] if parametrize.is_parametrized(module) else kind


def _in_place_of(module: nn.Module, kind: type[nn.Module]) -> type[nn.Module]:
    if not parametrize.is_parametrized(module):
        return kind
    return own_class(f"Parametrized{kind.__name__}", kind, type(module))


def own_class(name: str, base: type[nn.Module], like: type[nn.Module]) -> type[nn.Module]:
    """A class of its own for one parametrized module, with what torch put into another such."""
    made = {key: value for key, value in vars(like).items() if key not in _OF_A_CLASS}
    return type(name, (base,), made)


_OF_A_CLASS = ("__dict__", "__weakref__", "__doc__")
