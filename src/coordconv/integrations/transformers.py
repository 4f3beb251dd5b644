"""Coordinate layers in ``save_pretrained`` and ``from_pretrained`` of transformers.

Importing this module is all there is to do, and ``convert`` imports it where transformers is in
use. From then on ``save_pretrained`` writes which layers have coordinates, and what those mean, to
``config.json`` under ``"coordconv"``, and ``from_pretrained`` of the ordinary classes converts the
same layers before it loads their weights.

Example:
    >>> import tempfile
    >>> import torch
    >>> from transformers import ResNetConfig, ResNetModel
    >>> from coordconv import convert
    >>> import coordconv.integrations.transformers
    >>> config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    >>> model = convert(ResNetModel(config), radius=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save_pretrained(folder)
    ...     again = ResNetModel.from_pretrained(folder)
    >>> again.embedder.embedder.convolution.radius
    True
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from coordconv.conversion.configuration import (
    conversion_config,
    convert_from_config,
    layers_of,
)
from coordconv.conversion.selection import convolutions
from coordconv.layers.coordinates import CoordinateLayer

__all__ = ["install"]

KEY = "coordconv"  # of the entry in config.json


def install() -> None:
    """Teach ``transformers.PreTrainedModel`` about coordinate layers; a second call does nothing.

    Raises:
        ImportError: If transformers is missing or older than 5.0.

    Example:
        >>> from transformers import PreTrainedModel
        >>> before = PreTrainedModel.save_pretrained
        >>> install()  # importing this module did it
        >>> PreTrainedModel.save_pretrained is before
        True
    """
    try:
        from transformers import PreTrainedModel
    except ImportError as error:
        raise ImportError(
            f"coordconv.integrations.transformers needs transformers 5.0 or newer: {error}"
        ) from error
    wrappers = {
        "save_pretrained": _saving,
        "post_init": _building,
        "_from_config": _building_part,
        "_load_pretrained_model": _loading,
        "_initialize_missing_keys": _initializing,
    }
    if any(not hasattr(PreTrainedModel, name) for name in wrappers):
        raise ImportError(
            "models with coordinates are saved and loaded by transformers 5.0 or newer"
        )
    for name, wrapper in wrappers.items():
        _wrap(PreTrainedModel, name, wrapper)


def _wrap(owner: type, name: str, wrapper: Callable[..., Any]) -> None:
    """Put ``wrapper(original, *args, **kwargs)`` in the place of a method of any kind."""
    found: Any = inspect.getattr_static(owner, name)
    kind = type(found) if isinstance(found, classmethod | staticmethod) else None
    original: Any = found.__func__ if kind else found
    if hasattr(original, "_coordconv"):
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    vars(wrapped)["_coordconv"] = True
    setattr(owner, name, kind(wrapped) if kind else wrapped)


def _saving(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    """``save_pretrained``: write down the coordinate layers that the model has now."""
    config = conversion_config(self) | {"model": type(self).__name__}
    with _entry(self.config, config if config["layers"] else None):
        return original(self, *args, **kwargs)


@contextmanager
def _entry(config: Any, entry: dict[str, Any] | None) -> Iterator[None]:
    """Hold an entry, or none, in a configuration that other models may share."""
    before = vars(config).pop(KEY, None)
    if entry is not None:
        setattr(config, KEY, entry)
    try:
        yield
    finally:
        vars(config).pop(KEY, None)
        if before is not None:
            setattr(config, KEY, before)


def _building(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    """``post_init``: a configuration with coordinates builds a model with coordinates."""
    result = original(self, *args, **kwargs)
    entry: Any = getattr(self.config, KEY, None)
    if _is_for(self, entry):
        # A subclass may create layers after this; loading converts those as well.
        convert_from_config(self, _entry_for(self, entry))
    return result


def _building_part(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``_from_config``: the same for a part of the saved model, or one around it."""
    model = original(*args, **kwargs)
    entry = getattr(model.config, KEY, None)
    if entry is not None:
        convert_from_config(model, _entry_for(model, entry))
    return model


def _is_for(model: Any, entry: Any) -> bool:
    """Whether an entry was written for a model of this class, and not for one around it."""
    return isinstance(entry, Mapping) and entry.get("model") == type(model).__name__


def _loading(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``_load_pretrained_model``: convert before the weights are loaded, and check afterwards."""
    bound = inspect.signature(original).bind(*args, **kwargs)
    model = bound.arguments["model"]
    entry = getattr(model.config, KEY, None)
    if entry is not None:
        convert_from_config(model, entry if _is_for(model, entry) else _entry_for(model, entry))
    result = original(*args, **kwargs)
    info = result[0] if isinstance(result, tuple) else result
    _refuse_unknown(model, info.unexpected_keys)
    return result


def _entry_for(model: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry in the names of a model, which may be a part of the saved one or around it.

    Layers that the model lacks are left out: transformers drops their weights and says so.
    """
    layers = layers_of(entry)
    places = _places(model, layers)
    return {**entry, "layers": {places[name]: layers[name] for name in places}}


def _places(model: Any, names: Iterable[str]) -> dict[str, str]:
    """The convolutions of a model to which the saved names belong, where it has them.

    The order is that in which transformers looks for the place of a weight.
    """
    present = {name for known in convolutions(model).values() for name in known}
    prefix = f"{model.base_model_prefix}."
    found = {}
    for name in names:
        stripped = [name.removeprefix(prefix)] if name.startswith(prefix) else []
        places = [place for place in (*stripped, prefix + name, name) if place in present]
        if places:
            found[name] = places[0]
    return found


def _refuse_unknown(model: Any, unexpected: Iterable[str]) -> None:
    """Raise if weights for coordinates were left out because a layer of the model is plain."""
    suffix = ".coord_weight"
    names = [key.removesuffix(suffix) for key in unexpected if key.endswith(suffix)]
    dropped = sorted(_places(model, names).values())
    if dropped:
        raise ValueError(
            f"the checkpoint has coordinate weights for {', '.join(map(repr, dropped))}, and its "
            f"config.json does not say what they mean ({KEY!r} is missing). Write a subclass whose "
            "__init__ calls convert(self, ...) as the saved model was converted, load with it, and "
            "save again"
        )


def _initializing(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    """``_initialize_missing_keys``: coordinate weights that the files lack are zero.

    Raises:
        ValueError: If ``config.json`` names the layer: its coordinate weights were lost.
    """
    result = original(self, *args, **kwargs)
    entry = getattr(self.config, KEY, None)
    recorded = {} if entry is None else _entry_for(self, entry)["layers"]
    for name, module in self.named_modules():
        if not isinstance(module, CoordinateLayer) or _is_loaded(module, "coord_weight"):
            continue
        if name in recorded and _is_loaded(module, "weight"):
            raise ValueError(
                f"the checkpoint has no coordinate weights for {name!r}, which has some according "
                f"to its config.json. To start from a plain checkpoint, remove {KEY!r} from its "
                "configuration and convert the model after loading"
            )
        if module.starts_at_zero:  # even if the model draws all parameters of a block
            nn.init.zeros_(module.coord_weight)
    return result


def _is_loaded(module: nn.Module, name: str) -> bool:
    """Whether a parameter has its value, here or offloaded to a disk."""
    stored = module._parameters.get(name)
    return stored is None or stored.is_meta or getattr(stored, "_is_hf_initialized", False)


install()
