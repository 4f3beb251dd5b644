"""Layers compute the same with one thread and with two, to the rounding of sums."""

import pytest
import torch

import coordconv

# A part of the largest number of each tensor. A gradient of a weight sums over batch and pixels,
# which every thread does for its share; outputs and the gradient of the input are shared out whole.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}
SHAPES = {1: (2, 16, 4096), 2: (2, 16, 64, 72), 3: (2, 8, 12, 16, 20)}


def computed(layer: torch.nn.Module, x: torch.Tensor, threads: int) -> list[torch.Tensor]:
    torch.set_num_threads(threads)
    x = x.clone().requires_grad_()
    output = layer(x)
    weight = torch.arange(output.numel(), dtype=output.dtype).sin().view_as(output)
    return [output, *torch.autograd.grad(output, [x, *layer.parameters()], weight)]


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("kind", ["CoordConv", "CoordConvTranspose"])
def test_one_thread_and_two_agree_forward_and_backward(kind, rank, dtype):
    torch.manual_seed(0)
    x = torch.randn(SHAPES[rank], dtype=dtype)
    made = getattr(coordconv, f"{kind}{rank}d")
    layer = made(x.shape[1], 8, 3, padding=1, radius=True, dtype=dtype)
    for one, two in zip(computed(layer, x, 1), computed(layer, x, 2), strict=True):
        atol = TOLERANCE[dtype] * one.detach().abs().max().item()
        torch.testing.assert_close(two, one, rtol=0, atol=atol)
