"""Changed coordinates are those that the name of the change says, and nothing else changes."""

import copy

import pytest
import torch
from torch import nn

from coordconv import (
    AddCoords,
    CoordConv1d,
    CoordConv2d,
    CoordConvTranspose2d,
    Placement,
    convert,
    decompose,
    positions,
    precompute,
    revert,
)
from coordconv.usage import Ablation, Usage, coordinate_usage


def per_sample(outputs, targets):
    return (outputs - targets).flatten(1).square().mean(1)


def drawn(model):
    """A model whose coordinate weights are not zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "coord_weight" in name:
                parameter.normal_()
    return model.eval()


def network():
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1, groups=2)
    upsampled = nn.ConvTranspose2d(4, 3, 2, 2)
    return drawn(convert(nn.Sequential(*layers, nn.ReLU(), upsampled), radius=True, where="all"))


FORMS = {
    "layers": lambda model: model,
    "decomposed into modules": decompose,
    "decomposed into layers": lambda model: decompose(model, form="layer"),
}


def batches(model, count=3, samples=2, size=(8, 12), seed=0):
    generator = torch.Generator().manual_seed(seed)
    channels = next(m for m in model.modules() if hasattr(m, "in_channels")).in_channels
    made = [torch.randn(samples, channels, *size, generator=generator) for _ in range(count)]
    with torch.no_grad():
        return [(images, model(images)) for images in made]


def row_of(usage, change, layer=None):
    [row] = [row for row in usage if (row.change, row.layer) == (change, layer)]
    return row


def mean_error(model, data, **how):
    with torch.no_grad():
        return torch.cat([per_sample(model(x, **how), y) for x, y in data]).mean().item()


@pytest.mark.parametrize("form", FORMS)
def test_zero_coordinates_are_those_of_the_plain_model(form):
    model = network()
    data = batches(model)
    plain = revert(copy.deepcopy(model), discard=True)
    usage = coordinate_usage(FORMS[form](copy.deepcopy(model)), data, per_sample)
    assert row_of(usage, "zero").score == pytest.approx(mean_error(plain, data), rel=1e-5)
    assert usage.score == pytest.approx(0, abs=1e-10)
    assert usage.samples == 6


def test_positions_are_mirrored_in_the_full_image():
    model = drawn(CoordConv2d(2, 3, 1))
    crop = Placement((20, 30)).crop((3, 7), (8, 12))
    [(images, _)] = batches(model, 1)
    with torch.no_grad(), positions(model, crop):
        targets = model(images)
    usage = coordinate_usage(model, [(images, targets, crop)], per_sample)
    for axis, channel in ((0, 1), (1, 0)):  # the channels of the coordinates are x, y
        # From -1 to 1, mirroring changes the sign.
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.coord_weight[:, channel] *= -1
            with positions(other, crop):
                wanted = per_sample(other(images), targets).mean().item()
        assert row_of(usage, f"mirrored along axis {axis}").score == pytest.approx(wanted, rel=1e-5)


def test_positions_are_shifted_by_a_fraction_of_the_full_image_at_every_layer():
    model = network()
    data = batches(model)
    usage = coordinate_usage(model, data, per_sample, shifts=(0.25,))
    for axis, start in ((0, (2, 0)), (1, (0, 3))):
        there = Placement((8, 12)).crop(start, (8, 12))
        # Behind the stride, three pixels are one and a half.
        with torch.no_grad(), positions(model, there, strict=False):
            wanted = torch.cat([per_sample(model(x), y) for x, y in data]).mean().item()
        found = row_of(usage, f"shifted by 25% along axis {axis}").score
        assert found == pytest.approx(wanted, rel=1e-4)


def test_shuffled_coordinates_keep_their_values():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.coords = AddCoords(radius=True)

        def forward(self, x):
            return self.coords(x)[:, x.shape[1] :].sort(dim=-1).values.sum((-1, -2)).sort().values

    data = [(torch.zeros(5, 1, 6, 9), Sum()(torch.zeros(5, 1, 6, 9)))]
    usage = coordinate_usage(Sum(), data, per_sample)
    assert row_of(usage, "shuffled between pixels").score == pytest.approx(0, abs=1e-9)


def test_samples_exchange_the_positions_that_each_has_of_its_own():
    model = drawn(CoordConv2d(1, 2, 1))
    starts = torch.tensor([[0, 0], [4, 9], [11, 2]])
    crops = Placement((20, 30)).crop(starts, (6, 8))
    others = Placement((20, 30)).crop(starts.roll(1, 0), (6, 8))
    images = torch.randn(3, 1, 6, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        with positions(model, crops):
            targets = model(images)
        with positions(model, others):
            wanted = per_sample(model(images), targets).mean().item()
    usage = coordinate_usage(model, [(images, targets, crops)], per_sample)
    assert row_of(usage, "of another sample").score == pytest.approx(wanted, rel=1e-5)
    shared = coordinate_usage(model, [(images, targets)], per_sample)
    one_by_one = [
        (images[n : n + 1], targets[n : n + 1], Placement((20, 30)).crop(starts[n : n + 1], (6, 8)))
        for n in range(3)
    ]
    alone = coordinate_usage(model, one_by_one, per_sample)
    assert "of another sample" not in {row.change for row in (*shared, *alone)}


def test_the_mean_position_does_not_tell_where_a_crop_is():
    """A network that only has to know on which half of the image a crop is."""
    model = CoordConv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
        model.coord_weight.copy_(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
    starts = torch.tensor([[0, column] for column in range(0, 64, 8)])
    images = torch.zeros(8, 1, 8, 8)
    labels = torch.arange(8) >= 4

    def is_right(outputs, labels):
        return ((outputs.mean((1, 2, 3)) > 0) == labels).float()

    for shared in (True, False):
        whole = (8, 64) if shared else torch.tensor([[8, 64]] * 8)
        placement = Placement((8, 8), whole, starts)
        usage = coordinate_usage(model, [(images, labels, placement)], is_right)
        assert usage.score == 1
        assert usage.uses_positions
        assert row_of(usage, "mean position everywhere").score == 0.5


@pytest.mark.parametrize("form", FORMS)
def test_a_network_that_ignores_its_coordinates_is_told_from_one_that_uses_them(form):
    """The norm of the weights says the opposite here."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(8, 1, 6, 9, generator=generator)
    uses, found = {}, {}
    for name, weight, after in (("ignores", 10.0, 0.0), ("uses", 0.01, 100.0)):
        first, last = CoordConv2d(1, 2, 1), nn.Conv2d(2, 1, 1)
        model = nn.Sequential(first, last)
        with torch.no_grad():
            first.weight.copy_(torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
            first.coord_weight.zero_()[1, 0] = weight
            last.weight.copy_(torch.tensor([1.0, after]).view(1, 2, 1, 1))
            targets = model(images)
        found[name] = coordinate_usage(model, [(images, targets)], per_sample).norms["0"]
        made = FORMS[form](model)
        uses[name] = coordinate_usage(made, [(images, targets)], per_sample).uses_positions
    assert uses == {"ignores": False, "uses": True}
    assert found["ignores"] > 100 * found["uses"]


def test_zero_weights_make_no_difference_at_any_rank():
    layers = CoordConv1d(1, 2, 3), CoordConvTranspose2d(1, 2, 3), CoordConv2d(1, 2, 3, radius=True)
    for layer in layers:
        with torch.no_grad():
            layer.coord_weight.zero_()
        data = batches(layer, size=(7, 9)[: len(layer.kernel_size)])
        usage = coordinate_usage(layer, data, per_sample)
        assert {row.difference for row in usage} == {0}
        assert usage.uses_positions is False


def test_each_layer_is_also_changed_by_itself():
    model = network()
    with torch.no_grad():
        model.get_parameter("2.coord_weight").zero_()
    usage = coordinate_usage(model, batches(model), per_sample)
    changed = {row.layer: row.is_different for row in usage if row.layer is not None}
    assert changed == {"0": True, "2": False, "4": True}
    assert "0" in str(usage)


def test_the_model_is_left_as_it_was_also_after_an_error():
    model = network().train()
    model.get_submodule("1").eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    data = batches(model)
    with pytest.raises(ValueError, match="one number per sample"):
        coordinate_usage(model, data, lambda outputs, targets: per_sample(outputs, targets).mean())
    assert [module.training for module in model.children()] == [True, False, True, True, True]
    assert all(not module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_fewer_than_five_samples_get_no_interval():
    model = network()
    usage = coordinate_usage(model, batches(model, 1), per_sample)
    assert usage.uses_positions is None
    assert {row.interval for row in usage} == {None}


@pytest.mark.parametrize(
    ("interval", "least", "uses"),
    [
        ((0.1, 0.2), 0, True),
        ((-0.1, 0.2), 0, False),
        ((0.1, 0.2), 0.05, True),
        ((-0.2, -0.1), 0.05, True),
        ((-0.01, 0.02), 0.05, False),
        ((0.01, 0.2), 0.05, None),
        (None, 0.05, None),
    ],
)
def test_a_verdict_needs_an_interval_on_one_side_of_the_smallest_difference(interval, least, uses):
    row = Ablation("mean position everywhere", None, 0.0, 0.0, interval)
    assert Usage([row], 0.0, 10, {}, least).uses_positions is uses


class WithSkippedLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.skipped = CoordConv2d(2, 2, 1), CoordConv2d(2, 2, 1)

    def forward(self, x):
        return self.used(x)


@pytest.mark.parametrize(
    ("make", "data", "metric", "message"),
    [
        (lambda: nn.Conv2d(2, 1, 1), None, per_sample, "no layer with coordinates"),
        (
            lambda: precompute(network(), torch.zeros(1, 2, 8, 12)),
            None,
            per_sample,
            "before `precompute`",
        ),
        (WithSkippedLayer, None, per_sample, "does not call 'skipped'"),
        (network, [], per_sample, "no samples"),
        (network, [(torch.zeros(0, 2, 8, 12),) * 2], lambda o, t: o.flatten(), "no samples"),
        (network, [torch.zeros(1, 2, 8, 12)], per_sample, r"must be \(inputs, targets\)"),
        (network, None, lambda o, t: per_sample(o, t) * torch.nan, "not finite"),
        (network, None, lambda o, t: (o - t).flatten(), "for 2 samples"),
    ],
)
def test_what_cannot_be_measured_is_refused(make, data, metric, message):
    model = make()
    data = batches(model) if data is None else data
    with pytest.raises(ValueError, match=message):
        coordinate_usage(model, data, metric)


def test_complex_scores_are_refused():
    model = network()
    with pytest.raises(TypeError, match=r"must return real numbers, got torch\.complex64"):
        coordinate_usage(model, batches(model), lambda o, t: per_sample(o, t) * 1j)


def test_every_batch_is_checked():
    model = network()
    with pytest.raises(ValueError, match=r"each batch .* must be \(inputs, targets\)"):
        coordinate_usage(model, [*batches(model), torch.zeros(2, 2, 8, 12)], per_sample)


def test_shifts_are_finite_numbers_with_a_row_each():
    model = network()
    data = batches(model)
    for shifts in (0.1, (0.1, torch.inf), "0.1", (None,)):
        with pytest.raises(ValueError, match="`shifts` must be a sequence of finite numbers"):
            coordinate_usage(model, data, per_sample, shifts=shifts)
    usage = coordinate_usage(model, data, per_sample, shifts=(0.25, 0.251, 0.25000001))
    for name in ("25%", "25.1%", "25.000001%"):
        assert row_of(usage, f"shifted by {name} along axis 0").difference > 0


@pytest.mark.parametrize("is_warm", [False, True])
def test_a_compiled_model_is_measured_like_the_original(is_warm):
    model = network()
    data = batches(model)
    expected = coordinate_usage(model, data, per_sample)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager")
    if is_warm:
        with torch.no_grad():
            compiled(data[0][0])
    found = coordinate_usage(compiled, data, per_sample)
    assert [row[2:] for row in found] == [row[2:] for row in expected]
    with torch.no_grad():
        assert torch.equal(compiled(data[0][0]), model(data[0][0]))  # No change is left behind.
    torch._dynamo.reset()


def test_explicit_coordinates_are_not_shifted():
    class Given(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = drawn(CoordConv2d(1, 1, 1))

        def forward(self, x):
            return self.layer(x, coordinates=torch.ones(2, *x.shape[2:]))

    model = Given()
    data = [(torch.zeros(5, 1, 6, 8), torch.zeros(5, 1, 6, 8))]
    with pytest.raises(ValueError, match=r"shifts=\(\)"):
        coordinate_usage(model, data, per_sample)
    assert coordinate_usage(model, data, per_sample, shifts=()).uses_positions is False


def test_a_norm_says_nothing_about_use():
    used = drawn(convert(nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(), nn.Conv2d(4, 1, 1))))
    data = batches(used)
    other = copy.deepcopy(used)
    with torch.no_grad():
        for parameter in other[0].parameters():
            parameter.div_(64)  # a power of two, so that nothing is rounded
        other[2].weight.mul_(64)
    found, again = (coordinate_usage(one, data, per_sample, shifts=()) for one in (used, other))
    assert again.norms["0"] == found.norms["0"] / 64
    assert list(again) == list(found)
    assert again.uses_positions
    ignoring = copy.deepcopy(used)
    with torch.no_grad():
        ignoring[0].coord_weight[1:] = 0
        ignoring[0].coord_weight[:1] *= 1000
        ignoring[2].weight[:, 0] = 0
    none = coordinate_usage(ignoring, batches(ignoring), per_sample, shifts=())
    assert none.norms["0"] > 100 * again.norms["0"]
    assert {row.difference for row in none} == {0.0}
    assert none.uses_positions is False


def test_every_change_gets_the_batch_as_it_was_given():
    class Scaled(nn.Module):
        def forward(self, x):
            return 2 * x

    class ScaledInPlace(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    layer, x = drawn(CoordConv2d(1, 1, 1)), torch.randn(4, 1, 6, 8)
    found, expected = (
        coordinate_usage(nn.Sequential(first, layer), [(x.clone(), torch.zeros(()))], per_sample)
        for first in (ScaledInPlace(), Scaled())
    )
    assert list(found) == list(expected)
    targets = torch.randn(4, 1, 6, 8)
    model = nn.Sequential(Scaled(), layer)
    found, expected = (
        coordinate_usage(model, [(x, targets.clone())], metric)
        for metric in (lambda o, t: per_sample(o, t.sub_(1)), lambda o, t: per_sample(o, t - 1))
    )
    assert list(found) == list(expected)
