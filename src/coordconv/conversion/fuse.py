"""Batch normalization fused into the convolution before it, coordinates included."""

from collections import Counter
from typing import Any, NamedTuple

import torch
import torch.fx
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from coordconv.conversion.kinds import checked_model
from coordconv.conversion.sizes import evaluating
from coordconv.layers.expanded import ExpandedCoordConv
from coordconv.layers.weight_guard import WeightGuard

__all__ = ["fuse_batch_norm"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_Pairs = dict[nn.Module, nn.Module]


def fuse_batch_norm(model: nn.Module, *example: Any, **options: Any) -> nn.Module:
    """Fuse each batch normalization into the convolution before it, in place, for inference.

    Every output channel of the weight, of the coordinate weights (or of the map of a folded layer)
    and of the bias is scaled as the normalization would scale it, and an ``nn.Identity`` takes its
    place. Plain convolutions are fused as well. Fusers of other libraries scale ``weight`` only.

    A normalization is fused if its input is the output of one convolution and goes nowhere else.
    The pairs are found by tracing the model with ``torch.fx`` or, if an example is given, by
    running it.

    Args:
        model: Any module in evaluation mode, with coordinate layers, expanded or folded ones.
        example: What to call the model with, for a model that ``torch.fx`` cannot trace. The
            outputs of its convolutions are followed through this run.
        options: The same by name.

    Returns:
        The model. Pairs that cannot be fused are left as they are: with a hook between the two, a
        normalization without running statistics, a shared or tied module, a weight that is
        computed from others.

    Raises:
        ValueError: If a normalization is in training mode, in which it uses the statistics of the
            batch; or if the model cannot be traced and no example is given. The model is then as it
            was.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = nn.Sequential(CoordConv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
        >>> fuse_batch_norm(model)
        Sequential(
          (0): CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
          (1): Identity()
        )
    """
    checked_model(model)
    names = {m: name for name, m in model.named_modules() if type(m) in _NORMS}
    if not names:
        return model
    training = [repr(name) for norm, name in names.items() if norm.training]
    if training:
        raise ValueError(
            f"{', '.join(training)} is in training mode, in which it uses the statistics of each "
            "batch; call model.eval() first"
        )
    tied = _tied(model)
    for convolution, norm in _pairs(model, example, options).items():
        if not _can_fuse(convolution, norm, tied):
            continue
        _fuse(convolution, norm)
        _replace(model, norm)
    return model


def _pairs(model: nn.Module, example: tuple[Any, ...], options: dict[str, Any]) -> _Pairs:
    if example or options:
        return _pairs_when_run(model, example, options)
    try:
        graph = _Tracer().trace(model)
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"torch.fx cannot trace this model ({first}), so that it is not known what follows a "
            "convolution; pass an example, such as "
            "fuse_batch_norm(model, torch.zeros(1, 3, 64, 64))"
        ) from error
    return _pairs_of(graph, dict(model.named_modules(remove_duplicate=False)))


class _Tracer(torch.fx.Tracer):
    """Traces to the layers that are fused, and into all others."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Tell whether a module is called as it is."""
        return _is_convolution(m) or super().is_leaf_module(m, module_qualified_name)


def _pairs_of(graph: torch.fx.Graph, modules: dict[str, nn.Module]) -> _Pairs:
    calls = Counter(modules[str(node.target)] for node in graph.nodes if node.op == "call_module")
    found: _Pairs = {}
    for node in graph.nodes:
        if node.op != "call_module" or type(modules[node.target]) not in _NORMS:
            continue
        before = node.args[0] if node.args else None
        if not isinstance(before, torch.fx.Node) or before.op != "call_module":
            continue
        pair = modules[str(before.target)], modules[node.target]
        if len(before.users) == 1 and calls[pair[0]] == calls[pair[1]] == 1:
            found[pair[0]] = pair[1]
    return found


class _Use(NamedTuple):
    """Where the output of a convolution went in one run."""

    convolution: nn.Module
    output: Tensor
    norms: list[nn.Module]
    others: list[Any]


def _pairs_when_run(model: nn.Module, example: tuple[Any, ...], options: dict[str, Any]) -> _Pairs:
    """Find the pairs by following the outputs of convolutions through a run."""
    uses: dict[int, _Use] = {}
    calls: Counter[nn.Module] = Counter()
    inside: list[nn.Module] = []

    def leave(module: nn.Module, _: Any, output: Any) -> None:
        calls[module] += 1
        if isinstance(output, Tensor):  # Kept, so that no later tensor gets its identity.
            uses[id(output)] = _Use(module, output, [], [])

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        calls[module] += 1
        inside.append(module)
        if inputs and id(inputs[0]) in uses:
            uses[id(inputs[0])].norms.append(module)

    class Follow(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if not inside:
                for leaf in tree_leaves((args, kwargs)):
                    if id(leaf) in uses:
                        uses[id(leaf)].others.append(func)
            return func(*args, **kwargs or {})

    hooks = []
    for module in model.modules():
        if _is_convolution(module):
            hooks.append(module.register_forward_hook(leave))
        elif type(module) in _NORMS:
            hooks.append(module.register_forward_pre_hook(enter))
            hooks.append(module.register_forward_hook(lambda *_: inside.pop() and None))
    try:
        with evaluating(model), torch.no_grad(), Follow():
            result = model(*example, **options)
    finally:
        for hook in hooks:
            hook.remove()
    returned = {id(leaf) for leaf in tree_leaves(result)}
    return {
        use.convolution: use.norms[0]
        for key, use in uses.items()
        if len(use.norms) == 1
        and not use.others
        and key not in returned
        and calls[use.convolution] == calls[use.norms[0]] == 1
    }


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, ExpandedCoordConv | nn.modules.conv._ConvNd)


def _tied(model: nn.Module) -> set[int]:
    """Return the identities of the parameters that more than one module holds."""
    owners = Counter(
        id(one)
        for module in model.modules()
        for one in module._parameters.values()
        if one is not None
    )
    return {key for key, count in owners.items() if count > 1}


def _can_fuse(module: nn.Module, norm: Any, tied: set[int]) -> bool:
    convolution: Any = module.conv if isinstance(module, ExpandedCoordConv) else module
    if not _is_convolution(convolution) or norm.running_mean is None or norm.running_var is None:
        return False
    if not type(convolution).__module__.startswith(("torch.nn.modules.conv", "coordconv.")):
        return False  # What the forward of a subclass does with its weight is not known.
    for one in {module, convolution, norm}:
        if one._forward_hooks or one._forward_pre_hooks or "forward" in vars(one):
            return False
    parameters = [convolution._parameters.get("weight"), convolution._parameters.get("bias")]
    if parameters[0] is None or (convolution.bias is not None and parameters[1] is None):
        return False
    if isinstance(convolution, WeightGuard) and not convolution.coordinate_tensors():
        return False
    every = [*convolution._parameters.values(), *norm._parameters.values()]
    return not any(id(one) in tied for one in every)


def _fuse(module: nn.Module, norm: Any) -> None:
    convolution: Any = module.conv if isinstance(module, ExpandedCoordConv) else module
    guard = _guard_of(convolution)
    weight = convolution.weight
    with torch.no_grad():
        working = torch.promote_types(weight.dtype, torch.float32)
        factors = torch.rsqrt(norm.running_var.to(working) + norm.eps)
        if norm.weight is not None:
            factors = factors * norm.weight.to(working)
        bias = 0 if convolution.bias is None else convolution.bias.to(working)
        bias = (bias - norm.running_mean.to(working)) * factors
        if norm.bias is not None:
            bias = bias + norm.bias.to(working)
        scaled = [(weight, 1 if convolution.transposed else 0, convolution.groups)]
        if guard is not None:
            scaled += [(one, guard.output_axis(), 1) for one in guard.coordinate_tensors()]
        for tensor, axis, groups in scaled:
            tensor.copy_(_scaled(tensor.to(working), factors, axis, groups))
        if convolution.bias is None:
            convolution.bias = nn.Parameter(bias.to(weight), requires_grad=weight.requires_grad)
        else:
            convolution.bias.copy_(bias)
        if guard is not None:
            guard.trust_weights()


def _guard_of(convolution: nn.Module) -> WeightGuard | None:
    return convolution if isinstance(convolution, WeightGuard) else None


def _scaled(tensor: Tensor, factors: Tensor, axis: int, groups: int) -> Tensor:
    """Scale the outputs along an axis; with groups, that axis counts those of one group."""
    if axis == 1 and groups > 1:
        by_group = tensor.unflatten(0, (groups, -1))
        shape = [groups, 1, -1, *[1] * (tensor.dim() - 2)]
        return (by_group * factors.view(shape)).flatten(0, 1)
    shape = [1] * tensor.dim()
    shape[axis] = -1
    return tensor * factors.view(shape)


def _replace(model: nn.Module, norm: nn.Module) -> None:
    """Put an identity under each name of a normalization."""
    identity = nn.Identity().train(norm.training)
    for module in model.modules():
        for name, child in module._modules.items():
            if child is norm:
                module._modules[name] = identity
