"""Small versions of the networks of other libraries in docs/real-models.md."""

import pytest

from benchmarks.real_models import ARCHITECTURES, PLACES, check


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_is_converted_trained_saved_loaded_and_reverted(name, where):
    row = check(name, where, small=True, backend=None)
    assert row["difference"] <= 1e-6
    assert row["converted"] == (1 if where == "first" else row["convolutions"])
    assert row["gradients"] == row["coordinate weights"] == row["converted"]
    assert row["step"]
    assert row["loads"]
    assert row["reverts"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_converted_network_is_compiled_and_exported_like_the_plain_one():
    row = check("UNet, 2-D", "all", small=True, backend="aot_eager")
    assert row["compile plain"] == row["compile converted"] == "works"
    assert row["onnx plain"] == row["onnx converted"] == "any size"
