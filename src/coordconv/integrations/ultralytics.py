"""Keep the coordinates of ultralytics models during training, loading and fusing.

Without this module, ultralytics would silently drop coordinate weights in three steps. For
training, it rebuilds the model from its YAML file, without coordinate layers. When it loads
weights, it only copies those whose names exist in the model. Before it validates, predicts or
exports, it fuses batch normalization into ``weight``, but not into the coordinate weights.
"""

from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any

from torch import Tensor, nn

from coordconv.conversion import fuse_batch_norm
from coordconv.conversion.convert import convert_again
from coordconv.conversion.sizes import evaluating, without_hooks
from coordconv.layers.coordinates import CoordinateLayer

__all__ = ["install"]

Form = tuple[type[Any], dict[str, Any]]
Method = Callable[..., Any]


@cache
def install() -> None:
    """Extend the methods of ultralytics. Models without coordinates are not affected.

    This function is called when a coordinate layer is created, copied or unpickled, if ultralytics
    has been imported by then.
    """
    from ultralytics.engine.model import Model  # pyright: ignore[reportMissingImports]
    from ultralytics.nn.tasks import BaseModel  # pyright: ignore[reportMissingImports]

    Model.train = _training(Model.train)
    BaseModel.load = _loading(BaseModel.load)
    BaseModel.fuse = _fusing(BaseModel.fuse)
    if hasattr(
        BaseModel, "_remap_cls_by_names"
    ):  # Older versions of ultralytics do not match classes by name.
        BaseModel._remap_cls_by_names = _remapping(BaseModel._remap_cls_by_names)


def _training(train: Method) -> Method:
    """Extend ``Model.train``: give the trainer's model the coordinate layers of the original."""

    @wraps(train)
    def extended(self: Any, trainer: Any = None, **options: Any) -> Any:
        forms = _forms(self.model)
        if forms:
            trainer = _coordinate_trainer(trainer or self._smart_load("trainer"), forms)
        return train(self, trainer, **options)

    return extended


def _coordinate_trainer(trainer: type[Any], forms: Mapping[str, Form]) -> type[Any]:
    class CoordinateTrainer(trainer):
        def get_model(self, *args: Any, **options: Any) -> nn.Module:
            model = super().get_model(*args, **options)
            _convert_like(model, forms)
            _check_merged(model)
            return model

    return CoordinateTrainer


def _loading(load: Method) -> Method:
    """Extend ``BaseModel.load``: add the coordinate layers that the loaded weights belong to."""

    @wraps(load)
    def extended(self: nn.Module, weights: Any, *args: Any, **options: Any) -> Any:
        source = weights
        if isinstance(weights, dict):
            source = weights.get("ema") or weights["model"]
        _convert_like(self, _forms(source))
        return load(self, weights, *args, **options)

    return extended


def _remapping(remap: Method) -> Method:
    """Extend ``BaseModel._remap_cls_by_names``: match coordinate weights by class name as well."""

    @wraps(remap)
    def extended(
        self: Any, weights: dict[str, Tensor], source: Any, *args: Any, **options: Any
    ) -> Any:
        known, own = set(weights), self.state_dict()
        count = remap(self, weights, source, *args, **options)
        for name in known - set(weights):
            key = f"{name.removesuffix('weight')}coord_weight"
            if key in weights:
                _copy_by_name(own[key], self.names, weights.pop(key), source.names)
        return count

    return extended


def _copy_by_name(
    target: Tensor, names: Mapping[int, str], source: Tensor, source_names: Mapping[int, str]
) -> None:
    rows = {str(name).strip().lower(): row for row, name in source_names.items()}
    for row, name in names.items():
        found = rows.get(str(name).strip().lower())
        if found is not None:
            target[row] = source[found].to(target)


def _fusing(fuse: Method) -> Method:
    """Extend ``BaseModel.fuse``: fuse blocks with coordinate layers before the other blocks."""

    @wraps(fuse)
    def extended(self: nn.Module, *args: Any, **options: Any) -> Any:
        _check_merged(self)
        for block in list(self.modules()):
            for name in ("conv", "conv_transpose"):
                layer = getattr(block, name, None)
                if layer is not None and _is_ours(layer) and hasattr(block, "bn"):
                    _fuse_block(block, layer)
        return fuse(self, *args, **options)

    return extended


def _forms(model: object) -> dict[str, Form]:
    """Return the class and the options of every module of this package, by name."""
    if not isinstance(model, nn.Module):
        return {}
    named = model.named_modules(remove_duplicate=False)
    return {name: _form(module) for name, module in named if _is_ours(module)}


def _form(module: nn.Module | None) -> Form:
    kind = CoordinateLayer if isinstance(module, CoordinateLayer) else type(module)
    options = ("radius", "convention", "coord_kernel_size")
    return kind, {name: getattr(module, name) for name in options if hasattr(module, name)}


def _is_ours(module: nn.Module | None) -> bool:
    return any(kind.__module__.startswith("coordconv.") for kind in type(module).__mro__)


def _convert_like(model: nn.Module, forms: Mapping[str, Form]) -> None:
    """Convert the convolutions that ``forms`` names, with the options that it gives.

    Raises:
        ValueError: If the model has no plain convolution with one of the names, or if ``forms``
            has a precomputed or decomposed layer that the model lacks.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    lacking = {name: form for name, form in forms.items() if _form(modules.get(name)) != form}
    alike: dict[Any, list[str]] = {}
    for name, (kind, options) in lacking.items():
        if kind is not CoordinateLayer or name not in modules or _is_ours(modules[name]):
            raise ValueError(
                f"expected {_described((kind, options))} at {name!r}, as in the model that the "
                f"weights are from, got {_described(_form(modules.get(name)))}; use the same YAML "
                "and options of `convert`, and train or load before `precompute` or `decompose`"
            )
        alike.setdefault(tuple(options.items()), []).append(name)
    for options, names in alike.items():
        convert_again(model, where=names, **dict(options))


def _described(form: Form) -> str:
    kind, options = form
    if kind is type(None):
        return "no module"
    listed = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return f"{kind.__name__}({listed})"


def _check_merged(model: nn.Module) -> None:
    """Raise if a block has coordinates and ultralytics merges its branches into one convolution.

    Raises:
        ValueError: If the model has such a block.
    """
    merged = [
        f"{name}.{inner}"
        for name, block in model.named_modules()
        for inner in _forms(block)
        if _is_merged(block, inner)
    ]
    if merged:
        raise ValueError(
            f"ultralytics merges {', '.join(merged)} with other weights into a plain convolution, "
            "which has no coordinates; exclude these layers from `where`"
        )


def _is_merged(block: nn.Module, inner: str) -> bool:
    kinds = {kind.__name__ for kind in type(block).__mro__}
    if "YOLOEDetect" in kinds:  # Text features are merged into the last convolution of a branch.
        branches = (getattr(block, name, None) or () for name in ("cv3", "one2one_cv3"))
        return block.get_submodule(inner) in [branch[-1] for each in branches for branch in each]
    return not kinds.isdisjoint(("Conv2", "RepConv", "RepVGGDW"))


def _fuse_block(block: Any, layer: nn.Module) -> None:
    """Fuse the normalization of a block into its layer, as ultralytics does for plain layers.

    Raises:
        ValueError: If the normalization cannot be fused into the layer.
    """
    pair = nn.Sequential(layer, block.bn)
    with evaluating(pair), without_hooks(layer):
        fuse_batch_norm(pair)
    if not isinstance(pair[1], nn.Identity):
        raise ValueError(
            f"the batch normalization of this {type(block).__name__} cannot be fused into its "
            f"{type(layer).__name__}, because a weight is tied, parametrized or pruned, or a "
            "forward was replaced; undo that first"
        )
    layer.requires_grad_(False)
    del block.bn
    block.forward = block.forward_fuse
