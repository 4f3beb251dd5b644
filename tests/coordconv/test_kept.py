"""A layer whose values are kept between calls computes the same bits as a layer made anew."""

import copy
import pickle
import threading
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, distributed, nn
from torch.autograd import forward_ad
from torch.distributed.tensor import (
    Replicate,
    distribute_module,
    distribute_tensor,
    init_device_mesh,
)
from torch.distributed.tensor.experimental import implicit_replication
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

import coordconv
from coordconv import CONVENTIONS, Convention
from coordconv.computation import kept

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(kept, "_entries", {})


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


def gradients(output: Tensor, layer: nn.Module, upstream: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients of the parameters that are trained."""
    trained = [one for one in layer.parameters() if one.requires_grad]
    return torch.autograd.grad(output, trained, upstream)


# Changes of a layer. None of them scales only ``weight``, which layers refuse.
def _written_without_a_version(layer: nn.Module) -> None:
    stored = layer.coord_weight.detach()
    if stored.dtype in (torch.float32, torch.float64):
        stored.numpy()[...] += 1
    else:
        stored.view(torch.int16).numpy()[...] ^= 1


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
            upstream = torch.randn_like(actual)
            for one, other in zip(
                gradients(actual, layer, upstream),
                gradients(expected, fresh, upstream),
                strict=True,
            ):
                assert_same_bits(one, other)


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
    x, upstream = torch.randn(1, 2, 6, 7), torch.randn(1, 3, 4, 5)
    for layer in (*layers, doubled):
        inputs, up = x.to(layer.weight.dtype), upstream.to(layer.weight.dtype)
        for _ in range(2):
            output, expected = layer(inputs), anew(lambda layer=layer, x=inputs: layer(x))
            assert_same_bits(output, expected)
            for one, other in zip(
                gradients(output, layer, up), gradients(expected, layer, up), strict=True
            ):
                assert_same_bits(one, other)


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
    upstream = torch.randn(2, 3, 6, 7)
    for ours, expected in zip(
        gradients(layer(x), layer, upstream),
        gradients(anew(lambda: layer(x)), layer, upstream),
        strict=True,
    ):
        assert_same_bits(ours, expected)


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


@pytest.mark.parametrize("where", ["", "cuda.matmul", "mkldnn", "mkldnn.matmul", "cudnn"])
def test_the_precision_of_torch_can_be_set_in_every_way(where):
    place = torch.backends
    for name in filter(None, where.split(".")):
        place = getattr(place, name)
    if not hasattr(place, "fp32_precision"):
        pytest.skip("this version of torch has no such setting")
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    before = place.fp32_precision
    place.fp32_precision = "tf32"
    try:
        with torch.no_grad():
            assert torch.equal(layer(x), anew(lambda: layer(x)))
    finally:
        place.fp32_precision = before


def test_settings_that_change_the_last_bits_make_the_term_anew():
    layer = coordconv.CoordConv2d(16, 48, 5, radius=True).eval()
    small = coordconv.CoordConv2d(2, 2, 1, bias=False, convention="pixels").eval()
    nn.init.zeros_(small.weight)
    nn.init.constant_(small.coord_weight, 1e-39)
    x, y = torch.randn(2, 16, 64, 64), torch.zeros(1, 2, 200, 3)
    with torch.no_grad():
        layer(x), small(y)
        with torch.backends.mkldnn.flags(enabled=False):
            assert torch.equal(layer(x), anew(lambda: layer(x)))
        try:
            if torch.set_flush_denormal(True):
                assert torch.equal(small(y), anew(lambda: small(y)))
        finally:
            torch.set_flush_denormal(False)
        stored = layer.coord_weight.data
        layer.coord_weight.data = stored.movedim(1, -1).contiguous().movedim(-1, 1)
        assert torch.equal(layer(x), anew(lambda: layer(x)))


class _More(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        return output * 1.5 if function is torch.arange else output


def test_a_mode_that_changes_results_changes_only_its_own():
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    right = anew(lambda: layer(x))
    with _More():
        assert not torch.equal(layer(x), right)
    assert torch.equal(layer(x), right)


def test_what_is_traced_before_dispatch_finds_nothing_kept():
    weights = [nn.Parameter(torch.randn(3, 2, 3, 3)) for _ in range(2)]
    x = torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        wanted = coordconv.coord_conv(x, *weights)

        def call(*tensors: Tensor) -> Tensor:
            return coordconv.coord_conv(*tensors)

        graph = make_fx(call, pre_dispatch=True)(x, *weights)
        torch.testing.assert_close(graph(x, *weights), wanted)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_distributed_tensor_gives_the_same_output(kernel):
    layer, x = coordconv.CoordConv2d(2, 3, kernel).eval(), torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        wanted = layer(x)
        distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
        try:
            distribute_module(layer, mesh := init_device_mesh("cpu", (1,)))
            with implicit_replication():
                output = layer(distribute_tensor(x, mesh, [Replicate()]))
            torch.testing.assert_close(output.full_tensor(), wanted)
        finally:
            distributed.destroy_process_group()


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
