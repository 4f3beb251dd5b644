"""Save and load coordinate layers with ``save_pretrained`` and ``from_pretrained`` of transformers.

Importing this module patches transformers. `coordconv.convert` imports it if transformers is
already imported. Afterwards, ``save_pretrained`` writes the coordinate layers and their options to
``config.json`` under ``"coordconv"``, and ``from_pretrained`` of the original model classes
converts the same layers before it loads their weights.

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
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
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

KEY = "coordconv"  # The key of the entry in config.json that lists the coordinate layers.


def install() -> None:
    """Patch ``transformers.PreTrainedModel`` to save and load coordinate layers; idempotent.

    Raises:
        ImportError: If transformers is missing or older than 5.0.

    Example:
        >>> from transformers import PreTrainedModel
        >>> before = PreTrainedModel.save_pretrained
        >>> install()  # has no effect, because importing this module already called it
        >>> PreTrainedModel.save_pretrained is before
        True
    """
    try:
        from transformers import PreTrainedModel
    except ImportError as error:
        raise ImportError(
            f"coordconv.integrations.transformers requires transformers 5.0 or newer: {error}"
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
            "saving and loading models with coordinates requires transformers 5.0 or newer"
        )
    for name, wrapper in wrappers.items():
        _wrap(PreTrainedModel, name, wrapper)


def _wrap(owner: type, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a method of any kind by one that calls ``wrapper(original, *args, **kwargs)``."""
    found: Any = inspect.getattr_static(owner, name)
    kind = type(found) if isinstance(found, (classmethod, staticmethod)) else None
    original: Any = found.__func__ if kind else found
    if hasattr(original, "_coordconv"):
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    vars(wrapped)["_coordconv"] = True
    setattr(owner, name, kind(wrapped) if kind else wrapped)


def _saving(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    """Wrap ``save_pretrained`` to save the coordinate layers of a model in its configuration."""
    with ExitStack() as stack:
        for config, entry in _entries(self):
            stack.enter_context(_entry(config, entry))
        return original(self, *args, **kwargs)


def _entries(model: Any) -> list[tuple[Any, dict[str, Any] | None]]:
    """Return the configuration of a model with its current entry, or None for a plain model.

    Nested configurations that already have an entry, as that of a backbone, are also returned with
    the current entry of the part that they belong to.
    """
    found = [(model.config, _entry_of(model))]
    for config in _nested(model.config):
        if hasattr(config, KEY):
            parts = (m for m in model.modules() if getattr(m, "config", None) is config)
            part = next((one for one in parts if hasattr(one, "save_pretrained")), None)
            found.append((config, None if part is None else _entry_of(part)))
    return found


def _nested(config: Any) -> Iterator[Any]:
    """Yield the configurations inside a configuration, such as that of a backbone."""
    for inside in vars(config).values():
        if hasattr(inside, "to_json_string"):
            yield inside
            yield from _nested(inside)


def _entry_of(model: Any) -> dict[str, Any] | None:
    config = conversion_config(model) | {"model": type(model).__name__}
    return config if config["layers"] else None


@contextmanager
def _entry(config: Any, entry: dict[str, Any] | None) -> Generator[None]:
    """Temporarily set or remove the entry of a configuration, which other models may share."""
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
    """Wrap ``post_init`` to convert a model whose configuration has coordinate layers."""
    result = original(self, *args, **kwargs)
    entry: Any = getattr(self.config, KEY, None)
    if _is_for(self, entry):
        # A subclass may create more layers later. `_loading` converts these layers as well.
        convert_from_config(self, _entry_for(self, entry))
    return result


def _building_part(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Wrap ``_from_config`` to convert a part of the saved model, or a larger model around it."""
    model = original(*args, **kwargs)
    entry = getattr(model.config, KEY, None)
    if entry is not None:
        convert_from_config(model, _entry_for(model, entry))
    return model


def _is_for(model: Any, entry: Any) -> bool:
    """Whether an entry was saved from a model of the same class."""
    return isinstance(entry, Mapping) and entry.get("model") == type(model).__name__


def _loading(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Wrap ``_load_pretrained_model`` to convert before loading the weights, and check after it."""
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
    """Rename the layers in an entry for a model that is a part of the saved model or contains it.

    Layers that do not exist in the model are omitted. When transformers loads the checkpoint, it
    drops the weights of these layers with a warning.
    """
    layers = layers_of(entry)
    places = _places(model, layers)
    return {**entry, "layers": {places[name]: layers[name] for name in places}}


def _places(model: Any, names: Iterable[str]) -> dict[str, str]:
    """Map saved names to the names of the convolutions of a model.

    Each name is tried with and without the prefix of the base model, in the order that transformers
    uses for weights.
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
    """Raise if coordinate weights were dropped because a layer of the model is plain."""
    suffix = ".coord_weight"
    names = [key.removesuffix(suffix) for key in unexpected if key.endswith(suffix)]
    dropped = sorted(_places(model, names).values())
    if dropped:
        raise ValueError(
            f"the checkpoint has coordinate weights for {', '.join(map(repr, dropped))}, but "
            f"{KEY!r} is missing from its config.json; load it with a subclass whose __init__ "
            "calls convert(self, ...) with the options of the saved model, and save it again"
        )


def _initializing(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    """Wrap ``_initialize_missing_keys`` to zero coordinate weights that are not in the checkpoint.

    Raises:
        ValueError: If the coordinate weights of a layer are missing although ``config.json`` lists
            the layer.
    """
    result = original(self, *args, **kwargs)
    entry = getattr(self.config, KEY, None)
    recorded = {} if entry is None else _entry_for(self, entry)["layers"]
    for name, module in self.named_modules():
        if not isinstance(module, CoordinateLayer) or _is_loaded(module, "coord_weight"):
            continue
        if name in recorded and _is_loaded(module, "weight"):
            raise ValueError(
                f"the checkpoint has no coordinate weights for {name!r}, but its config.json lists "
                f"this layer; to start from a plain checkpoint, remove {KEY!r} from the "
                "configuration and convert the model after loading"
            )
        if module._starts_at_zero:  # The model may have initialized all parameters of a block.
            nn.init.zeros_(module.coord_weight)
    return result


def _is_loaded(module: nn.Module, name: str) -> bool:
    """Whether a parameter was loaded from the checkpoint, into memory or offloaded to disk."""
    stored = module._parameters.get(name)
    return stored is None or stored.is_meta or getattr(stored, "_is_hf_initialized", False)


install()
