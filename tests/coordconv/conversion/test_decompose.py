"""A decomposed model computes the same with convolutions that other tools can edit."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

import coordconv
from coordconv import AddCoords, convert, decompose, precompute, recompose, revert
from coordconv.layers.decomposed import DecomposedCoordConv

KINDS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
FORMS = ["module", "layer"]


def layer_and_input(kind: str, **options) -> tuple[nn.Module, torch.Tensor]:
    layer = getattr(coordconv, kind)(4, 6, 4, 2, dtype=torch.float64, **options).eval()
    return layer, torch.randn(2, 4, *(9, 7, 8)[: int(kind[-2])], dtype=torch.float64)


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("coord_kernel_size", [None, 1, 3])
@pytest.mark.parametrize("convention", ["paper", "wizaron", "pixels"])
def test_outputs_are_preserved_and_collapse_restores_the_layer_bit_for_bit(
    kind, form, groups, coord_kernel_size, convention
):
    options = {"groups": groups, "coord_kernel_size": coord_kernel_size, "convention": convention}
    layer, x = layer_and_input(kind, radius=True, **options)
    before, outputs, shown = state(layer), (layer(x), layer(x[0])), repr(layer)
    assert decompose(layer, form=form) is layer
    for input, output in zip((x, x[0]), outputs, strict=True):
        torch.testing.assert_close(layer(input), output)
    recompose(layer)
    assert repr(layer) == shown
    after = state(layer)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_scaling_the_output_channels_of_the_weight_scales_the_coordinates(kind, form):
    layer, x = layer_and_input(kind, bias=False)
    output = layer(x)
    decompose(layer, form=form)
    convolution = layer.conv if form == "module" else layer
    with torch.no_grad():
        convolution.weight.mul_(-3.0)
    torch.testing.assert_close(layer(x), -3 * output)
    torch.testing.assert_close(recompose(layer)(x), -3 * output)


@pytest.mark.parametrize("form", FORMS)
def test_windows_coordinates_and_output_sizes_are_passed_through(form):
    layer, x = layer_and_input("CoordConvTranspose2d")
    calls = [
        {"window": ((1, 2), (30, 40))},
        {"coordinates": torch.rand(2, 2, 9, 7, dtype=torch.float64)},
        {"output_size": [21, 16]},
    ]
    outputs = [layer(x, **options) for options in calls]
    decompose(layer, form=form)
    for options, output in zip(calls, outputs, strict=True):
        torch.testing.assert_close(layer(x, **options), output)


def test_the_module_form_is_add_coords_and_a_plain_convolution():
    layer = decompose(coordconv.CoordConv2d(4, 6, 3, groups=2, radius=True))
    assert type(layer.coords) is AddCoords
    assert type(layer.conv) is nn.Conv2d
    assert layer.conv.in_channels == 4 + 2 * 3
    assert layer.conv.weight.shape == (6, 5, 3, 3)


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_layer_built_from_the_attributes_rejects_the_input(form):
    layer, x = layer_and_input("CoordConv2d")
    decompose(layer, form=form)
    source = layer.conv if form == "module" else layer
    built = nn.Conv2d(source.in_channels, 6, 4, 2, dtype=torch.float64)
    with torch.no_grad():
        built.weight.copy_(source.weight)
    with pytest.raises(RuntimeError, match="channels"):
        built(x)


@pytest.mark.parametrize("form", FORMS)
def test_sharing_hooks_modes_copies_and_pickles_are_preserved(form):
    shared = coordconv.CoordConv2d(3, 3, 3, padding=1)
    model, calls = nn.Sequential(shared, nn.ReLU(), shared).eval(), []
    shared.register_forward_hook(lambda *_: calls.append(1))
    x, names = torch.randn(2, 3, 5, 6), [name for name, _ in model.named_children()]
    output = model(x)
    assert decompose(model, form=form)[0] is model[2] is shared
    assert [name for name, _ in model.named_children()] == names
    assert not any(one.training for one in model.modules())
    calls.clear()
    torch.testing.assert_close(model(x), output)
    assert len(calls) == 2
    shared._forward_hooks.clear()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(recompose(other)(x), output)


@pytest.mark.parametrize("form", FORMS)
def test_expanded_layers_are_not_converted_again_and_fold_and_revert_handle_them(form):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
    convert(model)
    nn.init.normal_(model[0].coord_weight)
    x = torch.randn(2, 3, 6, 7)
    output = model(x)
    decompose(model, form=form)
    before = repr(model)
    reports: list = []
    convert(model, where="all", report=reports.append)
    assert [change.reason for change in reports[0]] == ["already a CoordConv layer", ""]
    assert before != repr(model)
    torch.testing.assert_close(model(x), output)
    torch.testing.assert_close(precompute(model, x)(x), output)
    with pytest.raises(ValueError, match="recompose"):
        revert(model)


def test_a_smaller_kernel_grows_if_the_weights_outside_it_were_trained():
    layer, x = layer_and_input("CoordConv2d", coord_kernel_size=1)
    decompose(layer)
    with torch.no_grad():
        layer.conv.weight.add_(1)
    output = layer(x)
    torch.testing.assert_close(recompose(layer)(x), output)
    assert layer.coord_kernel_size == layer.kernel_size


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_recomposed_layer_keeps_its_method_and_how_it_is_initialized(kind, form):
    converted, fresh = convert(kind(4, 6, 3)), coordconv.CoordConv2d(4, 6, 3)
    for layer in (converted, fresh):
        layer.method = "separate"
        again = pickle.loads(pickle.dumps(decompose(copy.deepcopy(layer), form=form)))
        assert repr(recompose(again)) == repr(layer)
        torch.manual_seed(0)
        layer.reset_parameters()
        torch.manual_seed(0)
        again.reset_parameters()
        assert state(again).keys() == state(layer).keys()
        for name, value in state(layer).items():
            torch.testing.assert_close(state(again)[name], value, rtol=0, atol=0)
    assert not converted.coord_weight.any()
    assert fresh.coord_weight.all()


def tied() -> nn.Module:
    model = nn.Sequential(coordconv.CoordConv2d(2, 2, 1), coordconv.CoordConv2d(2, 2, 1))
    model[1].weight = model[0].weight
    return model


def frozen() -> nn.Module:
    layer = coordconv.CoordConv2d(2, 2, 1)
    layer.weight.requires_grad_(False)
    return layer


def normed() -> nn.Module:
    return nn.utils.parametrizations.weight_norm(coordconv.CoordConv2d(2, 2, 1))


def with_computed_bias() -> nn.Module:
    layer = coordconv.CoordConv2d(2, 2, 1)
    return nn.utils.parametrize.register_parametrization(layer, "bias", nn.Identity())


class Custom(coordconv.CoordConv2d):
    pass


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (tied, "tied"),
        (frozen, "frozen"),
        (normed, "parametrization"),
        (with_computed_bias, "its bias must not be parametrized or pruned"),
        (lambda: coordconv.LazyCoordConv2d(2, 1), "call the model once"),
        (lambda: Custom(2, 2, 1), "custom subclasses"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_layer_that_cannot_be_expanded_raises_an_error_and_nothing_changes(make, words, form):
    model = nn.Sequential(coordconv.CoordConv2d(2, 2, 1), make())
    before = repr(model)
    with pytest.raises(ValueError, match=words):
        decompose(model, form=form)
    assert repr(model) == before


def test_a_pruned_bias_stays_pruned_or_is_refused():
    layer, x = layer_and_input("CoordConv2d")
    prune.l1_unstructured(layer, "bias", 3)
    output = layer(x)
    with pytest.raises(ValueError, match="its bias must not be parametrized or pruned"):
        decompose(layer)
    torch.testing.assert_close(layer(x), output, rtol=0, atol=0)
    torch.testing.assert_close(decompose(layer, form="layer")(x), output)


class TiedDecoder(nn.Module):
    """An autoencoder whose decoder reads the weight of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = coordconv.CoordConv2d(2, 2, 1)

    def forward(self, x):
        return F.conv_transpose2d(self.encoder(x).relu(), self.encoder.weight)


class DependentTiedDecoder(TiedDecoder):
    """One that ``torch.fx`` cannot trace."""

    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)


@pytest.mark.parametrize(
    ("make", "with_example"),
    [(TiedDecoder, True), (TiedDecoder, False), (DependentTiedDecoder, True)],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_model_that_reads_the_weight_elsewhere_is_not_changed(make, with_example, form):
    model, x = make(), torch.randn(2, 2, 5, 6)
    output = model(x)
    with pytest.raises(ValueError, match=r"'encoder'.*only call the layer"):
        decompose(model, form=form, example=x if with_example else None)
    torch.testing.assert_close(model(x), output, rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_with_the_example_leaves_no_trace(form):
    model, x = nn.Sequential(coordconv.CoordConv2d(2, 2, 1)), torch.randn(2, 2, 5, 6)
    expected = copy.deepcopy(model)
    decompose(model, form=form, example=x)
    recompose(model)
    torch.testing.assert_close(model(x), expected(x))
    assert model.training
    assert "forward" not in vars(model[0])


@pytest.mark.parametrize("form", FORMS)
def test_the_options_of_a_layer_may_be_integers_of_numpy(form):
    np = pytest.importorskip("numpy")
    layer = coordconv.CoordConv2d(4, 6, *map(np.int64, (3, 2, 1)), groups=np.int64(2))
    x = torch.randn(2, 4, 5, 6)
    expected = layer(x)
    torch.testing.assert_close(decompose(layer, form=form)(x), expected)


def test_an_unknown_form_raises_an_error():
    with pytest.raises(ValueError, match="'module' or 'layer'"):
        decompose(nn.ReLU(), form="both")  # pyright: ignore[reportArgumentType]


def test_a_convolution_replaced_by_another_tool_is_not_collapsed():
    model = decompose(nn.Sequential(coordconv.CoordConv2d(2, 2, 1)))
    model[0].conv = nn.Sequential(model[0].conv)
    with pytest.raises(ValueError, match="merging an adapter"):
        recompose(model)
    assert isinstance(model[0], DecomposedCoordConv)
