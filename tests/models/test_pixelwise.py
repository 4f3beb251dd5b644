"""A chain of 1 x 1 convolutions computed in blocks is the modules one after another."""

import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from coordconv_lab.experiments.notsoclevr.networks import pixelwise
from coordconv_lab.experiments.notsoclevr.networks.pixelwise import run_pixelwise


def _layers(widths: list[int], before: list[nn.Module] | None = None) -> nn.Sequential:
    layers = list(before or [])
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def _results(function, layers, maps):
    """The output, and the gradients of the maps and of every parameter."""
    maps = maps.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = function(layers, maps)
    output.square().sum().backward()
    return output, maps.grad, *[parameter.grad for parameter in layers.parameters()]


@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    count=st.integers(1, 3),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    block=st.integers(1, 100),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_output_and_gradients_are_those_of_the_modules(widths, count, size, block, seed):
    torch.manual_seed(seed)
    layers = _layers(widths).double()
    maps = torch.randn(count, widths[0], *size, dtype=torch.float64)
    maps = maps.to(memory_format=torch.channels_last)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pixelwise, "BLOCK", block)
        blocks = _results(lambda layers, x: run_pixelwise(list(layers), x), layers, maps)
    modules = _results(lambda layers, x: layers(x), copy.deepcopy(layers), maps)
    for ours, theirs in zip(blocks, modules[:2] + modules[2:], strict=True):
        assert_close(ours, theirs)


@pytest.fixture
def chains(monkeypatch) -> list[int]:
    """How many layers each call of the chain computed in blocks."""
    calls = []
    apply = pixelwise._Chain.apply

    def counted(maps, *parameters):
        calls.append(len(parameters) // 2)
        return apply(maps, *parameters)

    monkeypatch.setattr(pixelwise._Chain, "apply", counted)
    return calls


MAPS = torch.randn(2, 4, 5, 6).to(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("before", "in_blocks"),
    [([], 2), ([nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()], 2), ([nn.BatchNorm2d(4)], 2)],
    ids=["from the start", "after a larger kernel", "after a normalisation"],
)
def test_blocks_start_where_only_1_x_1_convolutions_and_relus_follow(before, in_blocks, chains):
    layers = _layers([4, 8, 1], before)
    assert_close(run_pixelwise(list(layers), MAPS), layers(MAPS))
    assert chains == [in_blocks]


OTHERS = {
    "a larger kernel at the end": nn.Conv2d(8, 1, 3),
    "a stride": nn.Conv2d(8, 1, 1, stride=2),
    "a margin": nn.Conv2d(8, 1, 1, padding=1),
    "groups": nn.Conv2d(8, 2, 1, groups=2),
    "no bias": nn.Conv2d(8, 1, 1, bias=False),
    "another activation": nn.Tanh(),
}


@pytest.mark.parametrize("last", OTHERS.values(), ids=OTHERS)
def test_all_other_chains_are_computed_module_by_module(last, chains):
    layers = nn.Sequential(nn.Conv2d(4, 8, 1), nn.ReLU(), last)
    assert_close(run_pixelwise(list(layers), MAPS), layers(MAPS))
    assert chains == []


def test_transformed_and_half_precision_chains_are_computed_module_by_module(chains):
    layers = _layers([4, 8, 1])
    with torch.autocast("cpu", torch.bfloat16):
        assert run_pixelwise(list(layers), MAPS).dtype == torch.bfloat16
    together = torch.func.vmap(lambda maps: run_pixelwise(list(layers), maps))(MAPS[None])
    assert_close(together[0], layers(MAPS))
    assert chains == []


def test_the_input_is_not_changed():
    maps = MAPS.clone(memory_format=torch.preserve_format)
    run_pixelwise(list(_layers([4, 8, 1])), maps).sum().backward()
    assert_close(maps, MAPS, rtol=0, atol=0)
