"""Chains of 1 x 1 convolutions and ReLUs, computed in blocks of pixels that fit in the cache.

Such a chain treats every pixel independently. If each layer were computed for all pixels at once,
it would write the feature maps of all images to memory, and the next layer would read them again.
This takes longer than the arithmetic. Here, a block of pixels passes through all layers before the
next block, both forward and backward, and ReLUs work in place. The result equals that of calling
the modules in sequence, up to rounding.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Pixels per block. With about 100 channels in float32, a block takes 1.6 MB and fits in the cache.
BLOCK = 4096

_threshold_backward = torch.ops.aten.threshold_backward.grad_input


def run_pixelwise(layers: Sequence[nn.Module], maps: Tensor) -> Tensor:
    """Apply layers in sequence.

    On a CPU, the last layers that are 1 x 1 convolutions and ReLUs are applied together, one block
    of pixels at a time.

    Args:
        layers: Modules. Each receives the output of the previous module.
        maps: The input, (N, C, H, W).

    Returns:
        The output, (N, C', H, W). Up to rounding, it equals that of `torch.nn.Sequential`.

    Example:
        >>> layers = [nn.Conv2d(2, 8, 1), nn.ReLU(), nn.Conv2d(8, 1, 1)]
        >>> run_pixelwise(layers, torch.ones(4, 2, 5, 6)).shape
        torch.Size([4, 1, 5, 6])
    """
    for index, layer in enumerate(layers):
        if _run_as_blocks(layers[index:], maps):
            convolutions = cast(Sequence[nn.Conv2d], layers[index::2])
            weights = [convolution.weight.flatten(1) for convolution in convolutions]
            biases = [convolution.bias for convolution in convolutions]
            return _Chain.apply(maps, *weights, *biases)
        maps = layer(maps)
    return maps


def _run_as_blocks(layers: Sequence[nn.Module], maps: Tensor) -> bool:
    return (
        maps.device.type == "cpu"
        and maps.dtype in (torch.float32, torch.float64)
        and maps.permute(0, 2, 3, 1).is_contiguous()
        and len(layers) % 2 == 1
        and all(map(_is_pointwise, layers[::2]))
        and all(type(layer) is nn.ReLU for layer in layers[1::2])
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )


def _is_pointwise(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size == layer.stride == (1, 1)
        and layer.padding in ((0, 0), "same", "valid")
        and layer.groups == 1
        and layer.bias is not None
    )


class _Chain(torch.autograd.Function):
    """A chain of 1 x 1 convolutions with a ReLU after each except the last.

    The inputs are the maps, then all weights, each of shape (out, in), and then all biases. The
    maps are treated as a matrix with a row per pixel. Each matrix product is a new tensor and does
    not use ``out=``, because torch 2.13 would then make another pass over the result to add the
    bias.
    """

    @staticmethod
    def forward(ctx, maps: Tensor, *parameters: Tensor) -> Tensor:
        depth = len(parameters) // 2
        weights, biases = parameters[:depth], parameters[depth:]
        activations, outputs = [], []
        for block in _rows(maps).split(BLOCK):
            activations.append(block)
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                block = torch.addmm(bias, block, weight.t()).relu_()
                activations.append(block)
            outputs.append(torch.addmm(biases[-1], block, weights[-1].t()))
        ctx.save_for_backward(*weights, *activations)
        ctx.depth, ctx.size = depth, maps.shape[2:]
        return _as_maps(torch.cat(outputs), ctx.size)

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor):  # pyright: ignore[reportIncompatibleMethodOverride]
        depth, saved = ctx.depth, ctx.saved_tensors
        weights, activations = saved[:depth], saved[depth:]
        of_weights = [torch.zeros_like(weight) for weight in weights]
        of_biases = [weight.new_zeros(len(weight)) for weight in weights]
        blocks = _rows(gradients[0]).split(BLOCK)
        of_maps = list(blocks)
        for index in reversed(range(len(blocks))):  # The last block may still be in the cache.
            gradient = blocks[index]
            ones = gradient.new_ones(len(gradient))
            for layer in reversed(range(depth)):
                block = activations[index * depth + layer]
                of_weights[layer].addmm_(gradient.t(), block)
                of_biases[layer].addmv_(gradient.t(), ones)  # faster than a sum over columns
                gradient = torch.mm(gradient, weights[layer])
                if layer:
                    _threshold_backward(gradient, block, 0, grad_input=gradient)
            of_maps[index] = gradient
        return _as_maps(torch.cat(of_maps), ctx.size), *of_weights, *of_biases


def _rows(maps: Tensor) -> Tensor:
    """Return maps (N, C, H, W) as rows (N H W, C). If they are channels_last, this is a view."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _as_maps(rows: Tensor, size: torch.Size) -> Tensor:
    """Return rows (N H W, C) as maps (N, C, H, W) in channels_last, without a copy."""
    return rows.view(-1, *size, rows.shape[1]).permute(0, 3, 1, 2)
