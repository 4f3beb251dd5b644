"""Batch normalization is fused into coordinate layers, by this library and by other tools."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import coordconv
from coordconv import decompose, fuse_batch_norm, precompute

KINDS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
FORMS = ["as it is", "module", "layer", "precomputed"]


def normed(kind: str, groups: int = 1, bias: bool = True) -> tuple[nn.Sequential, Tensor]:
    rank, double = int(kind[-2]), torch.float64
    layer = getattr(coordconv, kind)(4, 6, 3, groups=groups, bias=bias, radius=True, dtype=double)
    norm = getattr(nn, f"BatchNorm{rank}d")(6, dtype=double)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    model = nn.Sequential(layer, norm, nn.ReLU()).eval()
    return model, torch.randn(2, 4, *(9, 7, 8)[:rank], dtype=double)


def in_form(model: nn.Module, form: str, x: Tensor) -> nn.Module:
    if form == "precomputed":
        return precompute(model, x)
    return model if form == "as it is" else decompose(model, form=form)  # pyright: ignore[reportArgumentType]


def factors_and_bias(layer, norm) -> tuple[Tensor, Tensor]:
    factors = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = 0 if layer.bias is None else layer.bias
    return factors, ((bias - norm.running_mean) * factors + norm.bias).detach()


def scaled(layer, factors: Tensor) -> Tensor:
    """Return the weight with scaled output channels, as a fuser would compute it."""
    weight, rank = layer.weight.detach(), len(layer.kernel_size)
    if not layer.transposed:
        return weight * factors.view(-1, *[1] * (rank + 1))
    by_group = weight.unflatten(0, (layer.groups, -1))
    return (by_group * factors.view(layer.groups, 1, -1, *[1] * rank)).flatten(0, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("found_by", ["tracing", "running"])
def test_a_fused_model_computes_the_same(kind, form, groups, bias, found_by):
    model, x = normed(kind, groups, bias)
    output = model(x)
    fused = fuse_batch_norm(in_form(model, form, x), *([x] if found_by == "running" else []))
    assert isinstance(fused[1], nn.Identity)
    torch.testing.assert_close(fused(x), output)


class Branches(nn.Module):
    """A convolution whose output is used by a normalization and elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = coordconv.CoordConv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x):
        x = self.conv(x)
        return self.norm(x) + x.relu()


class Returned(Branches):
    def forward(self, x):
        x = self.conv(x)
        return self.norm(x), x


class Twice(Branches):
    def forward(self, x):
        return self.norm(self.conv(self.norm(self.conv(x))))


class Hooked(Branches):
    def __init__(self) -> None:
        super().__init__()
        self.conv.register_forward_hook(lambda module, inputs, output: output.relu())

    def forward(self, x):
        return self.norm(self.conv(x))


class NoStatistics(Hooked):
    def __init__(self) -> None:
        super().__init__()
        self.conv._forward_hooks.clear()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)


class TiedDecoder(Branches):
    def forward(self, x):
        return F.conv_transpose2d(self.norm(self.conv(x)).relu(), self.conv.weight)


class DetachedPenalty(Branches):
    def forward(self, x):
        return self.norm(self.conv(x)), self.conv.weight.data.norm()


class NormOfAll(Branches):
    def forward(self, x):
        return self.norm(self.conv(x)), torch.stack([one.norm() for one in self.parameters()])


class ScaledAgain(Branches):
    def forward(self, x):
        return self.norm(self.conv(x)) * self.norm.weight.view(-1, 1, 1)


class Alias(Branches):
    """A second layer whose parameter shares its memory with the weight of the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Conv2d(3, 3, 1)
        self.decoder.weight = nn.Parameter(self.conv.weight.data)

    def forward(self, x):
        return self.decoder(self.norm(self.conv(x)))


READ_ELSEWHERE = [TiedDecoder, DetachedPenalty, NormOfAll, ScaledAgain, Alias]


@pytest.mark.parametrize("make", [Branches, Returned, Twice, Hooked, NoStatistics, *READ_ELSEWHERE])
@pytest.mark.parametrize("found_by", ["tracing", "running"])
def test_pairs_that_cannot_be_fused_are_not_changed(make, found_by):
    model, x = make().eval(), torch.randn(2, 3, 5, 6)
    output = model(x)
    fuse_batch_norm(model, *([x] if found_by == "running" else []))
    assert isinstance(model.norm, nn.BatchNorm2d)
    torch.testing.assert_close(model(x), output, rtol=0, atol=0)


class OnlyTheDtype(Branches):
    def forward(self, x):
        self.seen = self.norm(self.conv(x.to(self.conv.weight.dtype)))
        return self.seen + self.conv.weight.new_zeros(1)


@pytest.mark.parametrize("found_by", ["tracing", "running"])
def test_reading_the_dtype_of_a_weight_does_not_prevent_fusing(found_by):
    model, x = OnlyTheDtype().eval(), torch.randn(2, 3, 5, 6)
    output, attributes = model(x), set(vars(model))
    fuse_batch_norm(model, *([x] if found_by == "running" else []))
    assert isinstance(model.norm, nn.Identity)
    assert set(vars(model)) == attributes
    assert isinstance(model.seen, Tensor)
    torch.testing.assert_close(model(x), output)


def test_a_lazy_layer_after_a_pair_does_not_prevent_fusing():
    model, _ = normed("CoordConv2d")
    fuse_batch_norm(nn.Sequential(model, nn.LazyConv2d(2, 1)).eval())
    assert isinstance(model[1], nn.Identity)


class Dependent(nn.Module):
    """A model that cannot be traced, because it reads the value of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.body, _ = normed("CoordConv2d")

    def forward(self, x):
        return self.body(x if x.sum() > 0 else -x)


def test_a_model_that_cannot_be_traced_needs_an_example():
    model, x = Dependent().eval(), torch.randn(2, 4, 9, 7, dtype=torch.float64)
    output = model(x)
    with pytest.raises(ValueError, match="pass an example"):
        fuse_batch_norm(model)
    fuse_batch_norm(model, x)
    assert isinstance(model.body[1], nn.Identity)
    torch.testing.assert_close(model(x), output)


def test_training_mode_raises_an_error_and_a_model_without_normalization_is_not_changed():
    model, _ = normed("CoordConv2d")
    with pytest.raises(ValueError, match="training mode"):
        fuse_batch_norm(model.train())
    assert isinstance(model[1], nn.BatchNorm2d)
    assert type(fuse_batch_norm(nn.ReLU())) is nn.ReLU


@pytest.mark.parametrize("kind", ["CoordConv1d", "CoordConv2d", "CoordConv3d"])
@pytest.mark.parametrize("form", ["as it is", "layer", "precomputed"])
def test_the_fuser_of_torch_preserves_the_outputs(kind, form):
    model, x = normed(kind)
    output = model(x)
    model = in_form(model, form, x)
    fused = fuse_conv_bn_eval(model[0], model[1])
    torch.testing.assert_close(fused(x).relu(), output)
    torch.testing.assert_close(model(x), output)  # The fuser works on a copy.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["as it is", "layer", "precomputed"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("way", ["assigned", "data", "in place", "in place of data"])
def test_scaling_by_another_tool_preserves_the_outputs_or_raises_an_error(kind, form, groups, way):
    model, x = normed(kind, groups)
    output = model(x)
    model = copy.deepcopy(in_form(model, form, x))
    layer, norm = model[0], model[1]
    model(x)
    factors, bias = factors_and_bias(layer, norm)
    weight = scaled(layer, factors)
    with torch.no_grad():
        if way == "assigned":
            layer.weight = nn.Parameter(weight)
        elif way == "data":
            layer.weight.data = weight
        elif way == "in place":
            layer.weight.copy_(weight)
        else:
            layer.weight.data.copy_(weight)
        layer.bias = nn.Parameter(bias)
    model[1] = nn.Identity()
    if form == "layer" or way == "assigned":
        torch.testing.assert_close(model(x), output)
    else:
        with pytest.raises(RuntimeError, match="fuse_batch_norm"):
            model(x)


@pytest.mark.parametrize("rows", [4, 6])
@pytest.mark.parametrize("found_by", ["tracing", "running"])
def test_a_normalization_of_the_rows_of_one_image_is_not_fused(found_by, rows):
    """Without a batch axis, ``BatchNorm1d`` takes the channels for samples."""
    norm = nn.BatchNorm1d(rows)
    norm.running_var.uniform_(0.5, 2)
    model, x = nn.Sequential(nn.Conv2d(3, 4, 1), norm).eval(), torch.randn(3, rows, 5)
    expected = model(x)
    fuse_batch_norm(model, x if found_by == "running" else None)
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)
