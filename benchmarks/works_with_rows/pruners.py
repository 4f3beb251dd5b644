"""Tools that zero or remove weights."""

import copy

import torch
from torch.nn.utils import prune

import coordconv
from works_with_rows.registry import Pair, row


@row("torch.nn.utils.prune.l1_unstructured", "pruners", "torch", forms=("layer", "expanded layer"))
def unstructured(model, x):
    """Half of the numbers of a tensor become zero."""
    before = copy.deepcopy(model)
    smallest = before[0].weight.abs().flatten().argsort()
    with torch.no_grad():
        before[0].weight.view(-1)[smallest[: round(len(smallest) / 2)]] = 0
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    return [Pair(model, before)]


@row(
    "torch.nn.utils.prune.ln_structured",
    "pruners",
    "torch",
    forms=("layer", "expanded layer"),
)
def structured(model, x):
    """Two output channels of a tensor become zero, and removing the mask makes that permanent."""
    before = copy.deepcopy(model)
    smallest = before[0].weight.flatten(1).norm(dim=1).argsort()[:2]
    with torch.no_grad():
        before[0].weight[smallest] = 0
    masked, removed = model, copy.deepcopy(model)
    for one in (masked, removed):
        prune.ln_structured(one[0], "weight", amount=2, n=2, dim=0)
    prune.remove(removed[0], "weight")
    return [Pair(masked, before), Pair(removed, before)]


CHANNELS = [1, 5]


def without_channels(reference, x):
    """Return the outputs of a network some of whose channels do not reach the next layer."""
    with torch.no_grad():
        reference[3].weight[:, CHANNELS] = 0
    return reference


def expanded_then_pruned(model, x):
    import torch_pruning

    model = coordconv.decompose(model, form="module")
    graph = torch_pruning.DependencyGraph().build_dependency(model, example_inputs=x)
    graph.get_pruning_group(
        model[0].conv, torch_pruning.prune_conv_out_channels, idxs=CHANNELS
    ).prune()
    return model


@row(
    "Torch-Pruning DependencyGraph",
    "pruners",
    "torch-pruning",
    expected=without_channels,
    recipe=expanded_then_pruned,
)
def removed(model, x):
    import torch_pruning

    graph = torch_pruning.DependencyGraph().build_dependency(model, example_inputs=x)
    first = getattr(model[0], "conv", model[0])
    graph.get_pruning_group(first, torch_pruning.prune_conv_out_channels, idxs=CHANNELS).prune()
    return model
