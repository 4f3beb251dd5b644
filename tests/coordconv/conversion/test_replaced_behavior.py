"""Layers with replaced methods or unusual weights raise errors; hooks continue to work."""

import copy
import functools
from types import MethodType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from coordconv import CoordConv2d, convert, decompose, precompute, recompose, revert
from coordconv.layers.coordinates import CoordinateLayer

INPUT = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))


def tiled(layer: nn.Conv2d, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve a seamless texture, which wraps around its left and right edges."""
    input = functional.pad(input, (1, 1, 0, 0), mode="circular")
    return functional.conv2d(functional.pad(input, (0, 0, 1, 1)), weight, bias)


def scaled(layer: nn.Conv2d, input: Tensor, *rest: object, **named: object) -> Tensor:
    return 2 * getattr(nn.Conv2d, "forward")(layer, input)  # noqa: B009


def ignored(layer: nn.Module, *rest: object, **named: object) -> None:
    return None


def assert_refused(model: nn.Module, said: str) -> None:
    state, before = copy.deepcopy(model.state_dict()), model(INPUT)
    with pytest.raises(ValueError, match=said):
        convert(model)
    assert not any(isinstance(one, CoordinateLayer) for one in model.modules())
    assert list(model.state_dict()) == list(state)
    torch.testing.assert_close(model(INPUT), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("_conv_forward", tiled),
        ("forward", scaled),
        ("_call_impl", scaled),
        ("_load_from_state_dict", ignored),
        ("_save_to_state_dict", ignored),
    ],
)
@pytest.mark.parametrize("made", ["bound", "partial"])
def test_a_method_replaced_on_the_instance_raises_an_error_with_its_name(name, method, made):
    layer = nn.Conv2d(3, 4, 3, padding=1)
    bind = MethodType if made == "bound" else functools.partial
    setattr(layer, name, bind(method, layer))
    assert_refused(nn.Sequential(layer), f"'0': its {name} was replaced on the instance")


def test_methods_that_do_not_use_the_weights_may_be_replaced():
    layer = nn.Conv2d(3, 4, 3)
    layer.train = lambda mode=True: layer  # A common way to freeze the mode of a module.
    layer.extra_repr = lambda: "mine"
    before = layer(INPUT)
    torch.testing.assert_close(convert(layer)(INPUT), before, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.LazyConv2d])
def test_a_forward_replaced_on_the_class_raises_an_error(monkeypatch, kind):
    plain = nn.Conv2d.forward

    @functools.wraps(plain)
    def doubled(layer: nn.Conv2d, input: Tensor) -> Tensor:
        return 2 * plain(layer, input)

    monkeypatch.setattr(nn.Conv2d, "forward", doubled)
    layer = kind(3, 4, 3) if kind is nn.Conv2d else kind(4, 3)
    with pytest.raises(ValueError, match=f"{kind.__name__}.forward was replaced by {__name__}"):
        convert(layer)
    convert(nn.Conv1d(3, 4, 3))  # Other classes are not affected.


def test_a_conv_forward_replaced_on_the_class_raises_an_error(monkeypatch):
    monkeypatch.setattr(nn.Conv2d, "_conv_forward", tiled)
    assert_refused(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1)), "_conv_forward was replaced by")


def test_a_replaced_operation_raises_an_error(monkeypatch):
    plain = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda *all, **named: 2 * plain(*all, **named))
    assert_refused(nn.Conv2d(3, 4, 3), r"torch\.nn\.functional\.conv2d was replaced")


def test_the_initialization_may_be_replaced(monkeypatch):
    # Some code skips the initialization to load models faster.
    monkeypatch.setattr(nn.Conv2d, "reset_parameters", lambda layer: None)
    layer = nn.Conv2d(3, 4, 3)
    nn.init.normal_(layer.weight), nn.init.zeros_(layer.bias)
    before = layer(INPUT)
    torch.testing.assert_close(convert(layer)(INPUT), before, rtol=0, atol=0)


@pytest.mark.parametrize("parametrized", [False, True])
def test_a_replaced_class_raises_an_error(parametrized):
    layer = nn.Conv2d(3, 4, 3, padding=1)
    if parametrized:
        parametrizations.weight_norm(layer)
    base = nn.Conv2d if parametrized else type(layer)
    layer.__class__ = type("ParametrizedConv2d", (base,), {**vars(type(layer)), "forward": scaled})
    with pytest.raises(ValueError, match=r"replaces forward|custom convolution"):
        convert(layer)


def test_a_replaced_method_of_a_coordinate_layer_is_not_reverted_or_folded():
    model = nn.Sequential(CoordConv2d(3, 4, 3))
    nn.init.zeros_(model[0].coord_weight)
    model[0].forward = MethodType(scaled, model[0])
    for change in (revert, lambda one: precompute(one, INPUT)):
        with pytest.raises(ValueError, match="'0': its forward was replaced"):
            change(model)
    assert isinstance(model[0], CoordConv2d)


def pruned(layer: nn.Conv2d) -> nn.Conv2d:
    prune.random_unstructured(layer, "weight", 0.5)
    return layer


def pruned_channels(layer: nn.Conv2d) -> nn.Conv2d:
    prune.ln_structured(prune.l1_unstructured(layer, "weight", 0.3), "weight", 1, n=2, dim=0)
    return layer


def rewritten(layer: nn.Conv2d) -> nn.Conv2d:
    layer.register_forward_pre_hook(lambda module, inputs: module.weight.data.mul_(0.5))
    return layer


COMPUTED = {
    "weight norm": weight_norm,
    "spectral norm": spectral_norm,
    "pruned": pruned,
    "pruned channels": pruned_channels,
    "rewritten": rewritten,
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("where", COMPUTED)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_hooks_that_compute_the_weight_train_as_in_the_plain_model(where, training):
    torch.manual_seed(0)
    plain = COMPUTED[where](nn.Conv2d(3, 4, 3)).train(training)
    torch.manual_seed(0)
    model = convert(COMPUTED[where](nn.Conv2d(3, 4, 3)).train(training))
    frozen = [name for name, _ in plain.named_parameters()]
    for _ in range(3):
        outputs = plain(INPUT), model(INPUT)
        torch.testing.assert_close(*outputs, rtol=0, atol=0)
        for one, output in zip((plain, model), outputs, strict=True):
            output.square().mean().backward()
            with torch.no_grad():
                for name in frozen:
                    parameter = one.get_parameter(name)
                    parameter -= 0.1 * parameter.grad
                    parameter.grad = None
    assert model.coord_weight.grad.count_nonzero() > 0
    state = plain.state_dict()
    for name, value in revert(model).state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    torch.testing.assert_close(model(INPUT), plain(INPUT), rtol=0, atol=0)


def test_global_module_hooks_are_called_as_before():
    layer, seen = nn.Conv2d(3, 4, 3), []
    with (
        nn.modules.module.register_module_forward_hook(lambda module, x, y: 2 * y),
        nn.modules.module.register_module_forward_pre_hook(lambda module, x: seen.append(module)),
    ):
        before = layer(INPUT)
        torch.testing.assert_close(convert(layer)(INPUT), before, rtol=0, atol=0)
    assert seen == [layer, layer]


class Tagged(Tensor):
    """A tensor of another library."""


def with_weight(weight: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(3, 4, 3)
    layer.weight = nn.Parameter(weight, requires_grad=weight.is_floating_point())
    return layer


WEIGHTS = {
    "a subclass": (torch.randn(4, 3, 3, 3).as_subclass(Tagged), "Tagged"),
    "complex": (torch.randn(4, 3, 3, 3, dtype=torch.complex64), "complex64"),
    "integers": (torch.ones(4, 3, 3, 3, dtype=torch.int8), "int8"),
    "sparse": (torch.randn(4, 3, 3, 3).to_sparse(), "sparse"),
    "another width": (torch.randn(5, 3, 3, 3), r"shape \[5, 3, 3, 3\].*\[4, 3, 3, 3\]"),
    "a number": (torch.tensor(1.0), r"shape \[\]"),
}


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_weight_of_unusual_type_or_shape_raises_an_error(weight):
    value, said = WEIGHTS[weight]
    layer = with_weight(value)
    with pytest.raises(ValueError, match=said):
        convert(layer)
    assert type(layer) is nn.Conv2d


CHANGES = {"padding": (2, 2), "dilation": (2, 2), "kernel_size": (1, 1)}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_margins_that_torch_does_not_apply_raise_an_error(mode, name):
    layer = nn.Conv2d(3, 4, 3, padding="same", padding_mode=mode)
    setattr(layer, name, CHANGES[name])
    assert_refused(nn.Sequential(layer), "torch ignores that its padding, kernel_size or dilation")


@pytest.mark.parametrize("padding", [1, [1, 1], (1, 1), "same"])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_same_margins_may_be_set_again(padding, stride):
    layer = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")
    layer.padding, layer.stride = padding, stride
    before = layer(INPUT)
    torch.testing.assert_close(convert(layer)(INPUT), before, rtol=0, atol=0)


@pytest.mark.parametrize("form", [None, "module", "layer"])
def test_no_conversion_back_changes_the_margins_of_a_layer(form):
    model = nn.Sequential(CoordConv2d(3, 4, 3, padding=1, padding_mode="reflect"))
    if form:
        decompose(model, form=form)
    (model[0].conv if form == "module" else model[0]).padding = (2, 2)
    changes = (recompose,) if form else (revert, decompose, lambda one: precompute(one, INPUT))
    for change in changes:
        with pytest.raises(ValueError, match="torch ignores that its padding"):
            change(model)


def test_a_weight_that_is_trained_by_a_hook_raises_an_error():
    layer = nn.Conv2d(3, 4, 3)
    handle = layer.weight.register_post_accumulate_grad_hook(lambda weight: None)
    with pytest.raises(ValueError, match="convert before registering the hook"):
        convert(layer)
    handle.remove()
    convert(layer)


def test_a_weight_partitioned_by_deepspeed_raises_an_error():
    layer = nn.Conv2d(3, 4, 3)
    layer.weight.ds_id = 0  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValueError, match="DeepSpeed"):
        convert(layer)


@pytest.mark.filterwarnings("ignore:.*quint8")  # torch warns once per process.
def test_a_quantized_weight_raises_an_error():
    quantized = torch.quantize_per_tensor(torch.randn(4, 3, 3, 3), 0.1, 0, torch.qint8)
    with pytest.raises(ValueError, match="qint8"):
        convert(with_weight(quantized))


@pytest.mark.parametrize("kind", ["buffer", "attribute"])
def test_a_weight_that_is_not_a_parameter_is_kept(kind):
    layer = nn.Conv2d(3, 4, 3)
    value = layer.weight.detach().clone()
    del layer.weight
    if kind == "buffer":
        layer.register_buffer("weight", value)
    else:
        layer.weight = value
    before = layer(INPUT)
    torch.testing.assert_close(convert(layer)(INPUT), before, rtol=0, atol=0)
    torch.testing.assert_close(revert(layer)(INPUT), before, rtol=0, atol=0)


MODES = [torch.inference_mode, torch.no_grad, lambda: torch.device("meta")]


@pytest.mark.parametrize("mode", MODES)
def test_weights_created_in_any_mode_can_be_trained(mode):
    layer = nn.Conv2d(3, 4, 3)
    with mode():
        convert(layer)
    layer(INPUT).square().mean().backward()
    with torch.no_grad():
        layer.coord_weight -= layer.coord_weight.grad
    assert layer.coord_weight.count_nonzero() > 0


def test_a_model_of_inference_tensors_computes_the_same():
    with torch.inference_mode():
        layer = nn.Conv2d(3, 4, 3)
        before = layer(INPUT)
    convert(layer)
    with torch.inference_mode():
        torch.testing.assert_close(layer(INPUT), before, rtol=0, atol=0)
