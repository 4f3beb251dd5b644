"""Small versions of the networks of other libraries in docs/real-models.md."""

from types import ModuleType

import pytest

NAMES = [
    "ResNet-50",
    "ConvNeXt-T",
    "SegFormer-B0",
    "DETR, ResNet-50",
    "Mask2Former, ResNet-50",
    "UNet, 2-D",
    "UNet, 3-D",
    "DenseNet-121",
]


@pytest.fixture
def real_models() -> ModuleType:
    """The program, imported here because it takes seconds, also if its tests are deselected."""
    from benchmarks import real_models

    return real_models


def test_all_networks_are_tested(real_models):
    assert list(real_models.ARCHITECTURES) == NAMES


@pytest.mark.parametrize("where", ["first", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_converted_trained_saved_loaded_and_reverted(real_models, name, where):
    row = real_models.check(name, where, small=True, backend=None)
    assert row["difference"] <= 1e-6
    assert row["converted"] == (1 if where == "first" else row["convolutions"])
    assert row["gradients"] == row["coordinate weights"] == row["converted"]
    assert row["step"]
    assert row["loads"]
    assert row["reverts"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_converted_network_is_compiled_and_exported_like_the_plain_one(real_models):
    row = real_models.check("UNet, 2-D", "all", small=True, backend="eager")
    assert row["compile plain"] == row["compile converted"] == "works"
    assert row["onnx plain"] == row["onnx converted"] == "any size"
