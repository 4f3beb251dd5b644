"""Save the options of the coordinate layers of a model as JSON, and rebuild the layers from it.

A state dict holds weights but not options such as the convention or the radius. `conversion_config`
returns these options as a dictionary. Formats that store a configuration next to the weights, such
as the ``config.json`` of transformers, can include this dictionary.
"""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

from torch import nn

from coordconv.computation import Method
from coordconv.conventions import Convention, checked_radius
from coordconv.conversion.convert import convert_again
from coordconv.conversion.in_front import in_front_kind
from coordconv.conversion.kinds import checked_model, coordinate_class, why_not, written_class
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer, checked_kernel

__all__ = ["conversion_config", "convert_from_config"]

FORMAT = 1
_OPTIONS = {"class", "radius", "convention", "coord_kernel_size", "method"}


def conversion_config(model: nn.Module) -> dict[str, Any]:
    """Return the coordinate layers of a model and their options.

    Args:
        model: Any module. It is not changed.

    Returns:
        A dictionary that can be saved as JSON and passed to `convert_from_config`. It has the keys
        ``format``, ``version`` (of this package) and ``layers``, which maps the name of each layer
        to its options. A shared layer is listed under each of its names.

    Raises:
        ValueError: If a layer cannot be rebuilt from its options, for example because it was
            created by `coordconv.precompute` or `coordconv.decompose`.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import convert
        >>> model = convert(nn.Sequential(nn.Conv2d(3, 8, 3)), radius=True)
        >>> config = conversion_config(model)
        >>> config["layers"]["0"]["class"], config["layers"]["0"]["radius"]
        ('CoordConv2d', True)
    """
    layers = {}
    for name, module in checked_model(model).named_modules(remove_duplicate=False):
        if _is_other_form(module):
            raise ValueError(
                f"{name!r} is a {type(module).__name__}, which cannot be rebuilt from a "
                "configuration; save the model before precomputing or decomposing it"
            )
        if isinstance(module, CoordinateLayer):
            layers[name] = _options_of(module)
    return {"format": FORMAT, "version": _version(), "layers": layers}


def convert_from_config(model: nn.Module, config: Mapping[str, Any]) -> nn.Module:
    """Convert the layers of a plain model that are named in a configuration, in place.

    Layers of ``model`` that already are coordinate layers with the same options are skipped.

    Args:
        model: A model with the same layers as the model from which the configuration was saved.
        config: The result of `conversion_config`, which may have been saved as JSON.

    Returns:
        The model. Its new coordinate weights are zero, so load the state dict next.

    Raises:
        ValueError: If the configuration has an unknown format or is invalid, or if it names a layer
            that does not exist, cannot be converted or is already a coordinate layer with other
            options. The model is then unchanged.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import convert
        >>> trained = convert(nn.Sequential(nn.Conv2d(3, 8, 3)), convention="monai")
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3))
        >>> _ = convert_from_config(model, conversion_config(trained))
        >>> model.load_state_dict(trained.state_dict())
        <All keys matched successfully>
    """
    found = dict(checked_model(model).named_modules(remove_duplicate=False))
    plain: dict[nn.Module, dict[str, Any]] = {}
    first: dict[nn.Module, str] = {}
    for name, given in layers_of(config).items():
        if name not in found:
            raise ValueError(
                f"the configuration names a layer {name!r}, which does not exist in the model"
            )
        module, options = found[name], _checked_options(name, given)
        first.setdefault(module, name)
        in_front = given["class"] == in_front_kind(written_class(module)).__name__
        options["unknown"] = "in_front" if in_front else "raise"
        if isinstance(module, CoordinateLayer):
            _check_same(name, _options_of(module), given)
        elif plain.setdefault(module, options) != options:
            raise ValueError(
                f"{name!r} and another name refer to the same layer of the model, but the "
                "configuration gives them different options"
            )
        else:
            _check_convertible(name, module, given, options)
    for module, options in plain.items():
        method = options.pop("method")
        convert_again(model, where=[first[module]], **options)
        module.method = method  # pyright: ignore[reportAttributeAccessIssue]
    return model


def layers_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layers of a configuration.

    Raises:
        ValueError: If the configuration has an unknown format or is invalid.
    """
    if not isinstance(config, Mapping) or "format" not in config:
        raise ValueError(f"`config` must be the result of conversion_config(), got {config!r}")
    if config["format"] != FORMAT or isinstance(config["format"], bool):
        raise ValueError(
            f"the configuration was written by coordconv {config.get('version')} in format "
            f"{config['format']!r}, but coordconv {_version()} reads format {FORMAT}; upgrade with "
            "pip install --upgrade torch-coordconv"
        )
    layers = config.get("layers")
    if not isinstance(layers, Mapping):
        raise ValueError(f"`layers` of the configuration must be a mapping, got {layers!r}")
    return dict(layers)


def _is_other_form(module: nn.Module) -> bool:
    """Whether a module is from this package, but not a coordinate layer or `AddCoords`."""
    ours = type(module).__module__.partition(".")[0] == "coordconv"
    return ours and not isinstance(module, (CoordinateLayer, AddCoords))


def _options_of(layer: CoordinateLayer) -> dict[str, Any]:
    convention = asdict(layer.convention)
    if layer.convention.span != "pixels":
        convention["span"] = list(layer.convention.span)
    return {
        "class": written_class(layer).__name__,
        "radius": layer.radius,
        "convention": convention,
        "coord_kernel_size": list(layer.coord_kernel_size),
        "method": layer.method,
    }


def _checked_options(name: str, given: Any) -> dict[str, Any]:
    """Return the saved options of one layer as arguments of ``convert``, plus its ``method``."""
    if not isinstance(given, Mapping) or set(given) != _OPTIONS:
        raise ValueError(
            f"the configuration of {name!r} must have the keys {sorted(_OPTIONS)}, got {given}"
        )
    if given["method"] not in get_args(Method):
        raise ValueError(
            f"the method of {name!r} in the configuration must be one of {get_args(Method)}, got "
            f"{given['method']!r}"
        )
    try:
        return {
            "radius": checked_radius(given["radius"]),
            "convention": Convention(**given["convention"]),
            "coord_kernel_size": tuple(given["coord_kernel_size"]),
            "method": given["method"],
        }
    except (TypeError, ValueError) as error:
        raise ValueError(f"the configuration of {name!r} is invalid: {error}") from error


def _check_same(name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    other = [f"{key}={options[key]!r}" for key in sorted(_OPTIONS) if options[key] != given[key]]
    if other:
        saved = [f"{key}={given[key]!r}" for key in sorted(_OPTIONS) if options[key] != given[key]]
        raise ValueError(
            f"the model has {name!r} with {', '.join(other)}, but the configuration has "
            f"{', '.join(saved)}; convert this layer with the same options, or pass the plain model"
        )


def _check_convertible(name: str, module: Any, given: Any, options: Mapping[str, Any]) -> None:
    reason = why_not(module, options["unknown"])
    if reason:
        raise ValueError(f"cannot convert {name!r}: {reason}")
    checked_kernel(options["coord_kernel_size"], module.kernel_size)
    after = coordinate_class(module).__name__
    if after != given["class"]:
        raise ValueError(
            f"the configuration has {name!r} as {given['class']}, but the model has a "
            f"{type(module).__name__}, which becomes {after}; build the model with the same layer"
        )


def _version() -> str:
    try:
        return version("torch-coordconv")
    except PackageNotFoundError:  # The package was imported from a checkout without installation.
        return "0+unknown"
