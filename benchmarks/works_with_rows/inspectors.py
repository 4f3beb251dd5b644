"""Tools that count, draw or explain a model, and have to leave it as it was."""

import torch

from works_with_rows.onnx_files import quiet
from works_with_rows.registry import Pair, row


@row("torch.utils.flop_counter", "inspectors", "torch")
def flop_counter(model, x):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(x)
    assert counter.get_total_flops() > 0
    return model


@row("torch.profiler", "inspectors", "torch")
def profiler(model, x):
    with torch.profiler.profile(record_shapes=True) as profile:
        model(x)
    assert profile.key_averages()
    return model


@row("fvcore FlopCountAnalysis", "inspectors", "fvcore")
def fvcore(model, x):
    from fvcore.nn import FlopCountAnalysis

    assert FlopCountAnalysis(model, x).total() > 0
    return model


@row("ptflops", "inspectors", "ptflops")
def ptflops(model, x):
    from ptflops import get_model_complexity_info

    with quiet():
        counted = get_model_complexity_info(
            model, tuple(x.shape[1:]), print_per_layer_stat=False, as_strings=False
        )
    assert counted[0] > 0
    return model


@row("thop", "inspectors", "thop")
def thop(model, x):
    import thop

    assert thop.profile(model, (x,), verbose=False)[0] > 0
    return model


@row("torchinfo", "inspectors", "torchinfo")
def torchinfo(model, x):
    import torchinfo

    summary = torchinfo.summary(model, input_data=x, verbose=0)
    assert summary.total_params == sum(one.numel() for one in model.parameters())
    return model


@row("captum IntegratedGradients", "inspectors", "captum")
def captum(model, x):
    """The attributions are the gradient along the way, summed by hand."""
    from captum.attr import IntegratedGradients

    def explained(x):
        with torch.enable_grad():
            scores = lambda x: model(x).mean((2, 3))  # noqa: E731
            return IntegratedGradients(scores).attribute(x, target=1, n_steps=8)

    def by_hand(x):
        import numpy

        nodes, weights = numpy.polynomial.legendre.leggauss(8)
        total = torch.zeros_like(x)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            point = (x * node).detach().requires_grad_()
            with torch.enable_grad():
                model(point).mean((2, 3))[:, 1].sum().backward()
            total += weight * point.grad
        return total * x

    return [Pair(model), Pair(explained, by_hand)]


@row("torchvision create_feature_extractor", "inspectors", "torchvision", quick=False)
def features(model, x):
    from torchvision.models.feature_extraction import create_feature_extractor

    made = create_feature_extractor(model, {"2": "hidden"})
    return [Pair(lambda x: made(x)["hidden"], lambda x: model[:3](x))]


@row("torchview", "inspectors", "torchview", "graphviz")
def torchview(model, x):
    from torchview import draw_graph

    assert draw_graph(model, input_data=x, device="cpu").visual_graph.body
    return model


@row("forward hooks", "inspectors", "torch")
def hooks(model, x):
    """The output of a layer that a hook sees is the one that the layer computes."""
    seen = []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))

    def run(x):
        seen.clear()
        model(x)
        return seen[0]

    return [Pair(model), Pair(run, model[:1])]
