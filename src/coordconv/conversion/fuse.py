"""Fuse batch normalization into the preceding convolution, including its coordinate weights."""

from collections import Counter
from typing import Any, NamedTuple

import torch
import torch.fx
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from coordconv.conversion.examples import Example, call_arguments
from coordconv.conversion.kinds import checked_model
from coordconv.conversion.layer_uses import layer_uses, place_of, traced
from coordconv.conversion.sizes import evaluating
from coordconv.layers.decomposed import DecomposedCoordConv
from coordconv.layers.weight_guard import WeightGuard

__all__ = ["fuse_batch_norm"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_RANKS = {nn.BatchNorm1d: 1, nn.BatchNorm2d: 2, nn.BatchNorm3d: 3}
_Pairs = dict[nn.Module, nn.Module]


def fuse_batch_norm(model: nn.Module, example: Example | None = None) -> nn.Module:
    """Fuse each batch normalization into the preceding convolution, in place, for inference.

    The output channels of the weight, the bias and the coordinate weights (or the map of a
    precomputed layer) are scaled, and the normalization is replaced with an ``nn.Identity``. Fusers
    of other libraries do not scale the coordinate weights. Plain convolutions are fused as well.

    A normalization is fused if its input is the output of a convolution, and nothing else uses that
    output. Such pairs of a convolution and a normalization are found by tracing the model with
    ``torch.fx`` or, if an example is given, by running the model.

    Args:
        model: Any module in evaluation mode. Its coordinate layers may come from
            `coordconv.decompose` or `coordconv.precompute`.
        example: Inputs to call the model with, needed if ``torch.fx`` cannot trace the model: a
            tensor, a tuple of arguments, or a mapping of keyword arguments.

    Returns:
        The model. A pair is left unchanged if one of its modules has a forward hook or is shared,
        if the normalization has no running statistics or is of another rank, if a weight is tied,
        parametrized, pruned or also read in another place of the model, or if the convolution has a
        class of another library.

    Raises:
        ValueError: If a normalization is in training mode, or if the model cannot be traced and no
            example is given. The model is then unchanged.
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
            f"{', '.join(training)} is in training mode and would use the statistics of each "
            "batch; call model.eval() first"
        )
    tied, pairs = _tied(model), _pairs(model, example)
    uses = layer_uses(model, [one for pair in pairs.items() for one in pair], example)
    for convolution, norm in pairs.items():
        if uses is not None and not uses.read.isdisjoint((convolution, norm)):
            continue
        if not _can_fuse(convolution, norm, tied):
            continue
        _fuse(convolution, norm)
        _replace(model, norm)
    return model


def _pairs(model: nn.Module, example: Example | None) -> _Pairs:
    if example is not None:
        return _pairs_when_run(model, *call_arguments(example))
    try:
        graph = traced(model)
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"torch.fx cannot trace this model ({first}); pass an example input to run the model "
            "instead, such as fuse_batch_norm(model, torch.zeros(1, 3, 64, 64))"
        ) from error
    return _pairs_of(graph, dict(model.named_modules(remove_duplicate=False)))


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
    """The uses of the output of a convolution in one run."""

    convolution: nn.Module
    output: Tensor
    norms: list[nn.Module]
    others: list[Any]


def _pairs_when_run(
    model: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> _Pairs:
    """Find the pairs by tracking the outputs of convolutions in a run."""
    uses: dict[int, _Use] = {}
    calls: Counter[nn.Module] = Counter()
    inside: list[nn.Module] = []

    def leave(module: nn.Module, _: Any, output: Any) -> None:
        calls[module] += 1
        if isinstance(output, Tensor):  # Keep the output, so that no later tensor gets its id.
            uses[id(output)] = _Use(module, output, [], [])

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        calls[module] += 1
        inside.append(module)
        if inputs and id(inputs[0]) in uses:
            uses[id(inputs[0])].norms.append(module)

    class Follow(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
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
            result = model(*arguments, **options)
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
    return isinstance(module, (DecomposedCoordConv, nn.modules.conv._ConvNd))


def _tied(model: nn.Module) -> set[tuple[int, int]]:
    """Return the places in memory of parameters that are held by more than one module."""
    owners = Counter(
        place_of(one)
        for module in model.modules()
        for one in module._parameters.values()
        if one is not None
    )
    return {key for key, count in owners.items() if count > 1}


def _can_fuse(module: nn.Module, norm: Any, tied: set[tuple[int, int]]) -> bool:
    convolution: Any = module.conv if isinstance(module, DecomposedCoordConv) else module
    if not _is_convolution(convolution) or norm.running_mean is None or norm.running_var is None:
        return False
    if not type(convolution).__module__.startswith(("torch.nn.modules.conv", "coordconv.")):
        return False  # A subclass with its own forward may use its weight in another way.
    # On one image without a batch axis, a normalization of another rank does not see the channels.
    rank = len(convolution.kernel_size)
    if _RANKS.get(type(norm), rank) != rank or norm.num_features != convolution.out_channels:
        return False
    for one in {module, convolution, norm}:
        if one._forward_hooks or one._forward_pre_hooks or "forward" in vars(one):
            return False
    parameters = [convolution._parameters.get("weight"), convolution._parameters.get("bias")]
    if parameters[0] is None or (convolution.bias is not None and parameters[1] is None):
        return False
    if isinstance(convolution, WeightGuard) and not convolution._coordinate_tensors():
        return False
    every = (*convolution._parameters.values(), *norm._parameters.values())
    return not any(place_of(one) in tied for one in every if one is not None)


def _fuse(module: nn.Module, norm: Any) -> None:
    convolution: Any = module.conv if isinstance(module, DecomposedCoordConv) else module
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
            scaled += [(one, guard._output_axis(), 1) for one in guard._coordinate_tensors()]
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
    """Scale weights along their output axis.

    In a transposed convolution with groups, this axis only has the output channels of one group.
    """
    if axis == 1 and groups > 1:
        by_group = tensor.unflatten(0, (groups, -1))
        shape = [groups, 1, -1, *[1] * (tensor.dim() - 2)]
        return (by_group * factors.view(shape)).flatten(0, 1)
    shape = [1] * tensor.dim()
    shape[axis] = -1
    return tensor * factors.view(shape)


def _replace(model: nn.Module, norm: nn.Module) -> None:
    """Replace a normalization with an identity under each of its names."""
    identity = nn.Identity().train(norm.training)
    for module in model.modules():
        for name, child in module._modules.items():
            if child is norm:
                module._modules[name] = identity
