"""Adapters of PEFT: right on a decomposed model, refused where they would lose coordinates."""

import copy

import pytest
import torch
from torch import Tensor, nn

from coordconv import CoordConv2d, convert, decompose, recompose

peft = pytest.importorskip("peft")

CONFIGS = {
    "LoRA": lambda **options: peft.LoraConfig(r=2, **options),
    "DoRA": lambda **options: peft.LoraConfig(r=2, use_dora=True, **options),
    "LoHa": lambda **options: peft.LoHaConfig(r=2, **options),
}


def model() -> tuple[nn.Module, Tensor]:
    made = convert(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1)))
    nn.init.normal_(made[0].coord_weight)
    return made.eval(), torch.randn(2, 3, 8, 9)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_fresh_adapter_changes_nothing_and_merging_one_that_was_trained_neither(kind):
    plain, x = model()
    output = plain(x)
    adapted = peft.get_peft_model(decompose(plain), CONFIGS[kind](target_modules=["0.conv"])).eval()
    torch.testing.assert_close(adapted(x), output)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) / 10)
    output = adapted(x)
    merged = recompose(adapted.merge_and_unload())
    assert type(merged[0]) is CoordConv2d
    torch.testing.assert_close(merged(x), output, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["LoRA", "DoRA"])
def test_an_adapter_on_a_coordinate_layer_is_refused_and_says_how(kind):
    made, x = model()
    before = made(x)
    for one in (made, convert(nn.Sequential(nn.Conv2d(3, 8, 3)))):
        with pytest.raises(ValueError, match=r'coordconv.decompose\(model, form="module"\)'):
            peft.get_peft_model(copy.deepcopy(one), CONFIGS[kind](target_modules=["0"]))
    torch.testing.assert_close(made(x), before, rtol=0, atol=0)


def test_an_adapter_that_adds_to_the_weight_is_right_on_a_coordinate_layer():
    made, x = model()
    output = made(x)
    adapted = peft.get_peft_model(made, CONFIGS["LoHa"](target_modules=["0"])).eval()
    torch.testing.assert_close(adapted(x), output)
