"""Layers that are recomputed in the backward pass see the positions of their own call."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from coordconv import CoordConv2d, Placement, positions

IMAGE = Placement((48, 64))


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool | None) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.inner = nn.Sequential(
            CoordConv2d(4, 4, 1), nn.Tanh(), nn.MaxPool2d(2), CoordConv2d(4, 1, 1), nn.Tanh()
        )
        self.reentrant = reentrant

    def forward(self, x):
        x = self.first(x)
        if self.reentrant is None:
            return self.inner(x)
        return checkpoint(self.inner, x, use_reentrant=self.reentrant)


@pytest.mark.parametrize("where", ["after", "in another block"])
@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing_recomputes_each_call_at_its_own_place(reentrant, where):
    plain, kept = Checkpointed(None), Checkpointed(reentrant)
    kept.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    places = [IMAGE.crop((4, 8), (8, 8)), IMAGE.crop((40, 0), (8, 8)).flip(-1)]
    for model in (plain, kept):
        losses = [model(x).sum()]
        for number, place in enumerate(places, start=2):
            with positions(model, place):
                losses.append(number * model(x).sum())
        loss = torch.stack(losses).sum()
        if where == "after":
            loss.backward()
        else:
            with positions(model, IMAGE.crop((8, 8), (8, 8)), strict=False):
                loss.backward()
    for one, other in zip(kept.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
def test_outputs_of_convolutions_can_be_saved_by_selective_checkpointing(allowed, kernel, method):
    """The saved output of the plain convolution must not be changed in place."""

    def policy(_, operation, *arguments, **options):
        is_saved = operation is torch.ops.aten.convolution.default
        return CheckpointPolicy.MUST_SAVE if is_saved else CheckpointPolicy.PREFER_RECOMPUTE

    contexts = partial(
        create_selective_checkpoint_contexts, policy, allow_cache_entry_mutation=allowed
    )
    layer = CoordConv2d(3, 4, kernel, method=method)
    model = nn.Sequential(layer, nn.SiLU(), nn.Conv2d(4, 2, 3), nn.SiLU())
    x = torch.randn(2, 3, 8, 8)
    model(x).sum().backward()
    expected = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    checkpoint(model, x, use_reentrant=False, context_fn=contexts).sum().backward()
    for weight, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
