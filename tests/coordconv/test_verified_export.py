"""Exported models are compared with the original, and wrong ones are not kept."""

import json
import re
import zipfile

import onnx
import pytest
import torch
from torch import Tensor, nn

import coordconv.export.exported_program as of_programs
from coordconv import (
    AddCoords,
    Convention,
    CoordConv2d,
    LazyCoordConv2d,
    decompose,
    precompute,
)
from coordconv.export import conventions_in_file, conventions_of, to_exported_program, to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
EXPORTS = {"program": to_exported_program, "onnx": to_onnx}


def net() -> nn.Sequential:
    first = CoordConv2d(3, 8, 3, radius=True, convention="stargan")
    return nn.Sequential(first, nn.ReLU(), AddCoords(), nn.Conv2d(10, 2, 1)).eval()


def axes(path) -> list[bool]:
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    return [bool(axis.dim_param) for axis in shape.dim]


@pytest.mark.parametrize(
    ("dynamic", "expected"),
    [
        ("batch_and_size", [True, False, True, True]),
        ("batch", [True, False, False, False]),
        ("none", [False] * 4),
    ],
)
def test_the_requested_axes_of_the_file_are_dynamic(dynamic, expected, tmp_path):
    path = to_onnx(net(), torch.randn(1, 3, 6, 8), tmp_path / "new" / "net.onnx", dynamic=dynamic)
    assert axes(path) == expected
    assert [one.name for one in path.parent.iterdir()] == ["net.onnx"]


def test_both_files_hold_the_conventions_of_the_coordinates(tmp_path):
    model, example = net(), torch.randn(1, 3, 6, 8)
    to_exported_program(model, example, tmp_path / "net.pt2")
    to_onnx(model, example, tmp_path / "net.onnx")
    in_program, in_onnx = (
        conventions_in_file(tmp_path / f"net.{kind}") for kind in ("pt2", "onnx")
    )
    assert in_program == in_onnx == json.loads(json.dumps(conventions_of(model)))
    meaning = in_program["0"]
    assert Convention(**meaning | {"span": tuple(meaning["span"])}) == model[0].convention
    assert in_program["2"]["radius"] is None
    program = torch.export.load(tmp_path / "net.pt2").module()
    x = torch.randn(3, 3, 9, 7)
    torch.testing.assert_close(program(x), model(x))


@pytest.mark.parametrize(("form", "name"), [("layer", "0"), ("module", "0.coords")])
def test_a_decomposed_layer_keeps_its_convention_in_the_file(form, name, tmp_path):
    model = nn.Sequential(CoordConv2d(3, 4, 3, radius=True, convention="monai")).eval()
    expected = conventions_of(model)["0"]
    decompose(model, form=form).eval()
    to_exported_program(model, torch.randn(1, 3, 6, 8), tmp_path / "net.pt2")
    assert conventions_in_file(tmp_path / "net.pt2") == {name: expected}


class Wrong(nn.Module):
    """A model whose output changes when exported, as with a faulty exporter."""

    def __init__(self, error: float) -> None:
        super().__init__()
        self.inner, self.error = CoordConv2d(3, 4, 1), error

    def forward(self, input: Tensor) -> Tensor:
        output = self.inner(input)
        return output + self.error if torch.compiler.is_exporting() else output


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("error", [0.1, float("nan")])
def test_a_different_output_raises_an_error_and_keeps_the_existing_file(export, error, tmp_path):
    path = tmp_path / "kept"
    path.write_text("before")
    with pytest.raises(ValueError, match="differs from the model by"):
        EXPORTS[export](Wrong(error).eval(), torch.randn(1, 3, 6, 8), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("export", "said"),
    [("program", "fails for a batch"), ("onnx", "axis 0 of 'input' should be dynamic")],
)
def test_a_size_exported_as_a_constant_raises_an_error(export, said, tmp_path, monkeypatch):
    honest = of_programs.torch.export.export

    def freezing(model, inputs, dynamic_shapes):
        return honest(model, inputs)

    monkeypatch.setattr(of_programs.torch.export, "export", freezing)
    with pytest.raises(ValueError, match=said):
        EXPORTS[export](net(), torch.randn(2, 3, 6, 8), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


class OneSize(nn.Module):
    """A head for a fixed image size, after a layer for any size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = CoordConv2d(3, 4, 1), nn.Linear(4 * 6 * 8, 5)

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[2:] != (6, 8):
            raise ValueError("this head requires images of 6 x 8")
        return self.last(self.first(input).flatten(1))


@pytest.mark.parametrize(
    ("export", "dtype"),
    [("program", torch.float16), ("program", torch.bfloat16), ("onnx", torch.float16)],
)
def test_the_tolerance_depends_on_the_precision(export, dtype, tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(CoordConv2d(3, 8, 3), nn.ReLU(), CoordConv2d(8, 8, 3)).to(dtype).eval()
    example = torch.randn(1, 3, 9, 12, dtype=dtype)
    EXPORTS[export](model, example, tmp_path / "net")
    with pytest.raises(ValueError, match=r"pass a larger tolerance, such as tolerance=0\.01"):
        EXPORTS[export](model, example, tmp_path / "net", tolerance=-1.0)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_model_for_one_size_can_be_exported_for_any_batch(export, tmp_path):
    model, example = OneSize().eval(), torch.randn(1, 3, 6, 8)
    with pytest.raises(ValueError, match="Try fewer axes in `dynamic`"):
        EXPORTS[export](model, example, tmp_path / "net")
    EXPORTS[export](model, example, tmp_path / "net", dynamic="batch")
    EXPORTS[export](precompute(model, example), example, tmp_path / "precomputed", dynamic="batch")


POINTWISE = CoordConv2d(3, 4, 1).eval()


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize(
    ("model", "example", "dynamic", "kind", "said"),
    [
        (nn.ReLU(), torch.ones(1, 3, 6, 8), "batch", ValueError, "model.eval()"),
        (nn.ReLU().eval(), torch.ones(1, 3, 6, 8), "size", ValueError, "one of 'batch_and_size'"),
        (nn.ReLU().eval(), "image", "batch", TypeError, "got 'image'"),
        (nn.ReLU().eval(), (), "batch", TypeError, "a tensor or a sequence"),
        (torch.relu, torch.ones(1), "batch", TypeError, "torch.nn.Module"),
        (nn.ReLU().eval(), {"input": torch.ones(1, 3)}, "batch", TypeError, "in the order of the"),
        (LazyCoordConv2d(4, 1).eval(), torch.ones(1, 3, 6, 8), "batch", ValueError, "model once"),
        (POINTWISE, torch.ones(1, 3, 1, 8), "batch_and_size", ValueError, "0 and 1 as constants"),
        (POINTWISE, torch.ones(0, 3, 6, 8), "batch", ValueError, "0 and 1 as constants"),
    ],
)
def test_invalid_arguments_raise_errors(export, model, example, dynamic, kind, said, tmp_path):
    with pytest.raises(kind, match=re.escape(said)):
        EXPORTS[export](model, example, tmp_path / "net", dynamic=dynamic)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"torch-coordconv\[onnx\]"):
        to_onnx(net(), torch.randn(1, 3, 6, 8), tmp_path / "net.onnx")


class Counting(nn.Module):
    """A model that writes to its input and to a buffer that its output depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = CoordConv2d(3, 4, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, input: Tensor) -> Tensor:
        self.calls += 1
        return self.layer(input.mul_(2)) + self.calls


def test_the_comparison_does_not_change_the_example_the_model_or_the_program(tmp_path):
    model, example = Counting().eval(), torch.randn(2, 3, 6, 8)
    before = example.clone()
    program = to_exported_program(model, example, tmp_path / "net.pt2")
    assert torch.equal(example, before)
    assert model.calls == 0
    for one in (program, torch.export.load(tmp_path / "net.pt2")):
        assert one.state_dict["calls"] == 0


class Masking(nn.Module):
    """A model with infinities in its output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = CoordConv2d(3, 4, 1)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.layer(inputs[0]).masked_fill(inputs[-1][:, :1] > 0, float("-inf"))


@pytest.mark.parametrize("export", EXPORTS)
def test_infinities_variadic_inputs_and_crops_are_compared_correctly(export, tmp_path):
    crop = torch.randn(2, 3, 8, 9)[:, :, :6, :8]
    EXPORTS[export](Masking().eval(), (crop, crop), tmp_path / "net.pt2")
    EXPORTS[export](torch.compile(net()), crop, tmp_path / "net.pt2")


class Scaled(nn.Module):
    """A model that takes a scalar in addition to the image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = CoordConv2d(3, 4, 1)

    def forward(self, input: Tensor, scale: Tensor) -> Tensor:
        return self.layer(input) * scale


@pytest.mark.parametrize("export", EXPORTS)
def test_an_input_may_be_a_scalar(export, tmp_path):
    EXPORTS[export](Scaled().eval(), (torch.randn(1, 3, 6, 8), torch.tensor(2.0)), tmp_path / "net")


def test_a_compiled_model_keeps_the_names_of_its_layers(tmp_path):
    path = to_onnx(torch.compile(net()), torch.randn(1, 3, 6, 8), tmp_path / "net.onnx")
    assert conventions_in_file(path) == conventions_of(net())


@pytest.mark.parametrize(("field", "old"), [("alignment", "centres"), ("radius", "off_centre")])
def test_a_file_with_an_old_value_of_a_convention_is_refused(field, old, tmp_path):
    path = tmp_path / "old.pt2"
    meaning = conventions_of(net())
    next(iter(meaning.values()))[field] = old
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("old/extra/coordconv.json", json.dumps(meaning))
    with pytest.raises(ValueError, match=f"'{old}', which was renamed to .* export the model"):
        conventions_in_file(path)


@pytest.mark.parametrize(
    ("model", "example", "options", "said"),
    [
        (net().bfloat16(), torch.randn(1, 3, 6, 8).bfloat16(), {}, "cannot run|cannot write"),
        (net(), torch.randn(1, 3, 6, 8), {"opset_version": 5}, "opset_version=5|cannot"),
    ],
    ids=["bfloat16", "old operators"],
)
def test_unsupported_by_onnx_raises_a_clear_error(model, example, options, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        to_onnx(model, example, tmp_path / "net.onnx", **options)
    assert list(tmp_path.iterdir()) == []
