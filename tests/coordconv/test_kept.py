"""A layer whose values are kept between calls computes the same bits as a layer made anew."""

import copy
import pickle
import threading
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.autograd import forward_ad

import coordconv
from coordconv import CONVENTIONS, Convention
from coordconv.computation import kept
from tests.coordconv.made_anew import anew, assert_same_bits, assert_same_gradients

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(kept, "_entries", {})


# Changes of a layer. None of them scales only ``weight``, which layers refuse.
def _written_without_a_version(layer: nn.Module) -> None:
    stored, version = layer.coord_weight.data, layer.coord_weight._version
    if stored.dtype in (torch.float32, torch.float64):
        stored.add_(1)
    else:
        stored.view(torch.int16).bitwise_xor_(1)
    assert layer.coord_weight._version == version


def _in_place(layer: nn.Module) -> None:
    with torch.no_grad():
        layer.coord_weight.add_(0.5)


def _one_number(layer: nn.Module) -> None:
    layer.coord_weight.data.view(-1)[-1:] -= 1


def _negative_zero(layer: nn.Module) -> None:
    layer.coord_weight.data.fill_(-0.0 if layer.coord_weight.sum() != 0 else 0.0)


def _replaced(layer: nn.Module) -> None:
    layer.coord_weight = nn.Parameter(torch.randn_like(layer.coord_weight))


def _other_data(layer: nn.Module) -> None:
    layer.coord_weight.data = torch.randn_like(layer.coord_weight.data)


def _loaded(layer: nn.Module) -> None:
    layer.load_state_dict({name: torch.randn_like(x) for name, x in layer.state_dict().items()})


def _not_finite(layer: nn.Module) -> None:
    layer.coord_weight.data.view(-1)[0] = float("nan")


def _trained(layer: nn.Module) -> None:
    layer.train()
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    layer(
        torch.ones(2, layer.in_channels, *[6] * len(layer.kernel_size)).to(layer.weight)
    ).sum().backward()
    optimizer.step()
    layer.eval()


CHANGES = {
    "nothing": lambda layer: None,
    "written without a version": _written_without_a_version,
    "in place": _in_place,
    "one number": _one_number,
    "zeros": _negative_zero,
    "replaced": _replaced,
    "other data": _other_data,
    "loaded": _loaded,
    "NaN": _not_finite,
    "trained": _trained,
    "frozen": lambda layer: layer.coord_weight.requires_grad_(False),
    "not frozen": lambda layer: layer.coord_weight.requires_grad_(True),
    "train": lambda layer: layer.train(),
    "eval": lambda layer: layer.eval(),
    **{f"to {dtype}": lambda layer, dtype=dtype: layer.to(dtype) for dtype in DTYPES},
    **{
        f"method {name}": lambda layer, name=name: setattr(layer, "method", name)
        for name in ("auto", "separate", "concatenate")
    },
    **{
        f"convention {name}": lambda layer, name=name: setattr(
            layer, "convention", Convention.of(name)
        )
        for name in CONVENTIONS
    },
}


def _in_a_thread(call: Callable[[], Tensor]) -> Tensor:
    found: list[Tensor] = []
    worker = threading.Thread(target=lambda: found.append(_without_gradients(call)))
    worker.start()
    worker.join()
    return found[0]


def _without_gradients(call: Callable[[], Tensor]) -> Tensor:
    with torch.no_grad():
        return call()


def _in_inference_mode(call: Callable[[], Tensor]) -> Tensor:
    with torch.inference_mode():
        return call()


def _in_autocast(call: Callable[[], Tensor]) -> Tensor:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return call()


MODES = {
    "with gradients": lambda call: call(),
    "without gradients": _without_gradients,
    "inference": _in_inference_mode,
    "autocast": _in_autocast,
    "thread": _in_a_thread,
}

LAYERS = {
    "1x1": lambda: coordconv.CoordConv2d(2, 3, 1),
    "1x1, radius": lambda: coordconv.CoordConv2d(2, 3, 1, radius=True),
    "3x3": lambda: coordconv.CoordConv2d(2, 3, 3, padding=1),
    "3x3, radius": lambda: coordconv.CoordConv2d(2, 3, 3, padding=1, radius=True),
    "3x3, reflected, strided": lambda: coordconv.CoordConv2d(
        2, 4, 3, 2, 1, padding_mode="reflect", coord_kernel_size=(1, 3)
    ),
    "3x2, dilated, grouped": lambda: coordconv.CoordConv2d(4, 4, (3, 2), dilation=2, groups=2),
    "signal": lambda: coordconv.CoordConv1d(2, 3, 3, padding="same"),
    "volume": lambda: coordconv.CoordConv3d(1, 2, 2),
    "transposed": lambda: coordconv.CoordConvTranspose2d(2, 3, 3, 2, 1, 1),
    "many outputs, concatenated": lambda: coordconv.CoordConv2d(2, 64, 1),
}

STEPS = st.tuples(
    st.sampled_from(sorted(CHANGES)),
    st.sampled_from(sorted(MODES)),
    st.sampled_from([(1, 5, 6), (1, 6, 5), (3, 5, 5), (2, 7, 8)]),
    st.booleans(),
)


@pytest.mark.slow("many random changes")
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=10)
@given(steps=st.lists(STEPS, min_size=4, max_size=8), seed=st.integers(0, 99))
def test_no_change_of_a_layer_leaves_a_kept_value_behind(name, steps, seed):
    torch.manual_seed(seed)
    layer = LAYERS[name]().eval()
    rank = len(layer.kernel_size)
    for change, mode, (batch, height, width), channels_last in steps:
        CHANGES[change](layer)
        size = (9, height, width)[-rank:]
        x = torch.randn(batch, layer.in_channels, *size).to(layer.weight.dtype)
        if channels_last and rank == 2:
            x = x.to(memory_format=torch.channels_last)
        actual = MODES[mode](lambda x=x: layer(x))
        fresh = copy.deepcopy(layer)
        fresh.trust_weights()
        expected = MODES[mode](lambda x=x, fresh=fresh: anew(lambda: fresh(x)))
        assert_same_bits(actual, expected)
        if actual.requires_grad:
            assert_same_gradients(actual, expected, layer, fresh)


@pytest.mark.parametrize("with_gradients", [False, True])
def test_a_second_call_makes_nothing_new(with_gradients):
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    with torch.set_grad_enabled(with_gradients):
        layer(x)
        entries = dict(kept._entries)
        layer(x)
    assert entries
    assert all(kept._entries[key] is entry for key, entry in entries.items())


@pytest.mark.parametrize("name", LAYERS)
def test_a_crop_does_not_use_the_term_of_the_full_image(name):
    layer = LAYERS[name]().eval()
    rank = len(layer.kernel_size)
    x = torch.randn(2, layer.in_channels, *(9, 5, 6)[-rank:])
    window = (1, 2, 3)[-rank:], (20, 21, 22)[-rank:]
    with torch.no_grad():
        full = layer(x), layer(x)
        with coordconv.positions(layer, window):
            crop = layer(x)
        assert torch.equal(crop, layer(x, window=window))
        assert torch.equal(*full)
        assert not torch.equal(crop, layer(x))


def test_a_repeated_call_with_an_invalid_option_is_refused_like_the_first():
    x, weights = torch.randn(1, 2, 6, 7), [nn.Parameter(torch.randn(3, n, 1, 1)) for n in (2, 3)]
    with torch.no_grad():
        coordconv.coord_conv(x, *weights, radius=True)
        with pytest.raises(TypeError, match="radius"):
            coordconv.coord_conv(x, *weights, radius=1)
        with pytest.raises(ValueError, match="method"):
            coordconv.coord_conv(x, *weights, radius=True, method="fastest")
        with pytest.raises(TypeError, match="floating-point"):
            coordconv.coord_conv(x.int(), *weights, radius=True)
        for stride in (1.0, (1.0, 1)):
            with pytest.raises(TypeError, match="stride"):
                coordconv.coord_conv(x, *weights, None, stride, radius=True)


def test_two_layers_of_one_shape_do_not_share_what_depends_on_weights():
    one, other = (coordconv.CoordConv2d(2, 3, 3).eval() for _ in range(2))
    other.weight, other.bias = one.weight, one.bias
    x = torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        assert not torch.equal(one(x), other(x))
        assert torch.equal(one(x), anew(lambda: one(x)))


def test_two_layers_in_training_share_only_what_their_coordinate_kernels_have_in_common():
    layers = [coordconv.CoordConv2d(2, 3, 3, coord_kernel_size=size) for size in (3, 1, 3)]
    doubled = coordconv.CoordConv2d(2, 3, 3).double()
    for layer in (*layers, doubled):
        x = torch.randn(1, 2, 6, 7, dtype=layer.weight.dtype)
        for _ in range(2):
            output, expected = layer(x), anew(lambda layer=layer, x=x: layer(x))
            assert_same_bits(output, expected)
            assert_same_gradients(output, expected, layer, layer)


def test_a_tangent_is_not_lost():
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    tangent = torch.randn_like(layer.coord_weight)

    def derivative() -> Tensor:
        with torch.no_grad(), forward_ad.dual_level():
            dual = forward_ad.make_dual(layer.coord_weight.detach(), tangent)
            output = torch.func.functional_call(layer, {"coord_weight": dual}, (x,))
            return forward_ad.unpack_dual(output).tangent

    with torch.no_grad():
        layer(x)
    assert torch.equal(derivative(), anew(derivative))
    assert derivative().any()


def test_what_inference_keeps_can_be_used_in_training():
    layer, x = coordconv.CoordConv2d(2, 3, 3, padding=1), torch.randn(2, 2, 6, 7)
    with torch.inference_mode():
        layer(x)
    assert_same_gradients(layer(x), anew(lambda: layer(x)), layer, layer)


def test_copies_pickles_and_checkpoints_hold_nothing_kept():
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    layer.trust_weights()
    before = len(pickle.dumps(layer)), set(layer.state_dict())
    with torch.no_grad():
        layer(x)
        assert kept._entries
        assert (len(pickle.dumps(layer)), set(layer.state_dict())) == before
        assert torch.equal(copy.deepcopy(layer)(x), layer(x))


@pytest.mark.parametrize("kernel", [1, 3])
def test_transforms_and_compilers_do_not_see_kept_values(kernel):
    layer = coordconv.CoordConv2d(2, 3, kernel, padding=kernel // 2).eval()
    x = torch.randn(4, 2, 6, 7)
    with torch.no_grad():
        wanted = layer(x)
        kept_before = dict(kept._entries)
        mapped = torch.func.vmap(layer)(x)
        torch.testing.assert_close(mapped, wanted)
        exported = torch.export.export(layer, (x,)).module()(x)
        torch.testing.assert_close(exported, wanted)
        with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as mode:
            assert layer(mode.from_tensor(x)).shape == wanted.shape
    assert kept._entries.keys() == kept_before.keys()


def test_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr(kept, "_MAX_ENTRIES", 50)
    with torch.no_grad():
        for side in range(3, 400, 2):
            coordconv.CoordConv2d(1, 8, 3).eval()(torch.zeros(1, 1, side, 4))
            assert sum(entry.bytes for entry in kept._entries.values()) <= kept._MAX_BYTES
            assert len(kept._entries) <= kept._MAX_ENTRIES
        kept._entries.clear()
        coordconv.CoordConv2d(1, 1, 1).eval()(torch.zeros(1, 1, 2048, 2048))
        assert not kept._entries


def test_sizes_in_lists_are_allowed():
    x, (weight, coord_weight) = torch.randn(1, 2, 6, 7), torch.randn(2, 3, 2, 3, 3)
    lists = coordconv.coord_conv(x, weight, nn.Parameter(coord_weight), None, [2, 1], [1, 0])
    tuples = coordconv.coord_conv(x, weight, coord_weight, None, (2, 1), (1, 0))
    torch.testing.assert_close(lists, tuples)
