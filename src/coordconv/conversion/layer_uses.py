"""Find layers that a model does not call, or whose parameters it reads without calling them.

For example, the decoder of a tied autoencoder reads the weight of a convolution of the encoder.
"""

import functools
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.fx
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from coordconv.conversion.examples import Example, call_arguments
from coordconv.conversion.sizes import evaluating
from coordconv.layers.decomposed import DecomposedCoordConv

__all__ = ["LayerUses", "layer_uses", "place_of", "traced"]


class LayerUses(NamedTuple):
    """How a model uses some of its layers.

    Attributes:
        called: The layers whose ``forward`` is called.
        read: The layers with a parameter or buffer that is read outside of their ``forward``.
    """

    called: set[nn.Module]
    read: set[nn.Module]


def layer_uses(
    model: nn.Module, layers: Iterable[nn.Module], example: Example | None = None
) -> LayerUses | None:
    """Return how a model uses layers, or None if there is no example and tracing fails.

    With an example, the model is called once in evaluation mode. Without an example, it is traced
    with ``torch.fx``, which fails for many models.

    Args:
        model: Any module; it is not changed.
        layers: Layers of the model.
        example: A tensor, a tuple of arguments, or a mapping of keyword arguments.
    """
    layers = [*layers]
    recorder = _Recorder(layers)
    if example is not None:
        arguments, options = call_arguments(example)
        with _recording_calls(layers, recorder), evaluating(model), torch.no_grad(), recorder:
            model(*arguments, **options)
        return recorder.uses
    try:
        with torch.no_grad(), recorder:  # Operations on parameters only are executed, not traced.
            graph = traced(model)
    except Exception:  # A model that cannot be traced may raise any error.
        return None
    recorder.add(graph, model)
    return recorder.uses


def traced(model: nn.Module) -> torch.fx.Graph:
    """Trace a model with ``torch.fx``, without tracing into its convolutions.

    The attributes that the model sets while it is traced are restored.

    Raises:
        Exception: If the model cannot be traced. The error may have any type.
    """
    before = {module: dict(vars(module)) for module in model.modules()}
    try:
        return _Tracer().trace(model)
    finally:
        for module, attributes in before.items():
            vars(module).clear()
            vars(module).update(attributes)


class _Tracer(torch.fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether the tracer records a call of the module without tracing into it."""
        kinds = (DecomposedCoordConv, nn.modules.conv._ConvNd)
        return isinstance(m, kinds) or super().is_leaf_module(m, module_qualified_name)


class _Recorder(TorchDispatchMode):
    """Records which layers have tensors that operations outside of their ``forward`` read."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.uses = LayerUses(set(), set())
        self.inside: list[nn.Module] = []
        self.owners: dict[Any, set[nn.Module]] = {}
        for layer in layers:
            for tensor in (*layer.parameters(), *layer.buffers()):
                self.owners.setdefault(place_of(tensor), set()).add(layer)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not func.name().startswith("aten::new_"):  # These only use the dtype and the device.
            for leaf in tree_leaves((args, kwargs)):
                if isinstance(leaf, Tensor):
                    self.add_read(leaf)
        return func(*args, **kwargs or {})

    def add_read(self, tensor: Tensor) -> None:
        """Record that a tensor is read."""
        owners = self.owners.get(place_of(tensor), set())
        if owners.isdisjoint(self.inside):
            self.uses.read.update(owners)

    def add(self, graph: torch.fx.Graph, model: nn.Module) -> None:
        """Record the calls and the reads in a graph of the model."""
        modules = dict(model.named_modules(remove_duplicate=False))
        tensors: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
        tensors.update(model.named_buffers(remove_duplicate=False))
        for node in graph.nodes:
            if node.op == "call_module":
                self.uses.called.add(modules[str(node.target)])
            elif node.op == "get_attr" and node.target in tensors and _reads_values(node):
                self.add_read(tensors[str(node.target)])
        self.uses.read.discard(model)  # The graph of a single layer is its own forward.


@contextmanager
def _recording_calls(layers: Iterable[nn.Module], recorder: _Recorder) -> Generator[None]:
    """Replace the ``forward`` of each layer with one that the recorder knows about."""
    before = {layer: vars(layer).get("forward") for layer in layers}
    for layer in before:
        vars(layer)["forward"] = _recorded(layer, layer.forward, recorder)
    try:
        yield
    finally:
        for layer, forward in before.items():
            del vars(layer)["forward"]
            if forward is not None:
                vars(layer)["forward"] = forward


def _recorded(
    layer: nn.Module, forward: Callable[..., Any], recorder: _Recorder
) -> Callable[..., Any]:
    @functools.wraps(forward)
    def recorded(*arguments: Any, **options: Any) -> Any:
        recorder.uses.called.add(layer)
        recorder.inside.append(layer)
        try:
            return forward(*arguments, **options)
        finally:
            recorder.inside.pop()

    return recorded


def place_of(tensor: Tensor) -> tuple[int, int]:
    """Return where a tensor starts in memory, which is the same for ``tensor.data``."""
    try:
        return tensor.untyped_storage()._cdata, int(tensor.storage_offset())
    except (NotImplementedError, RuntimeError, ValueError):  # It is sparse or not initialized.
        return id(tensor), -1


_WITHOUT_VALUES = ("dtype", "device", "shape", "ndim", "requires_grad", "size", "dim")


def _reads_values(node: torch.fx.Node) -> bool:
    """Whether a graph uses more of a tensor than properties such as its dtype."""
    for user in node.users:
        used = str(user.args[1] if user.target is getattr else user.target)
        if used not in _WITHOUT_VALUES and not used.startswith("new_"):
            return True
    return False
