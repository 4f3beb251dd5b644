"""Compare a call with one that finds nothing kept, bit for bit."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coordconv.computation import kept


def anew(call: Callable[[], Tensor]) -> Tensor:
    """Return the result of a call that finds nothing kept."""
    before, kept._entries = kept._entries, {}
    try:
        return call()
    finally:
        kept._entries = before


def assert_same_bits(actual: Tensor, expected: Tensor) -> None:
    assert actual.dtype == expected.dtype
    assert actual.stride() == expected.stride()
    assert torch.equal(actual.nan_to_num(7.0), expected.nan_to_num(7.0))


def assert_same_gradients(
    output: Tensor, expected: Tensor, layer: nn.Module, other: nn.Module
) -> None:
    """Compare the gradients of the trained parameters of two layers, for random gradients."""
    upstream = torch.randn_like(output)
    ours, theirs = (
        torch.autograd.grad(y, [p for p in one.parameters() if p.requires_grad], upstream)
        for y, one in ((output, layer), (expected, other))
    )
    for gradient, wanted in zip(ours, theirs, strict=True):
        assert_same_bits(gradient, wanted)
