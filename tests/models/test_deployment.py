"""A precomputed network of the laboratory runs outside of torch with convolutions and additions."""

from collections import Counter

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from coordconv import precompute
from coordconv.export import to_onnx
from coordconv_lab.trained import trained_net
from tests.committed import committed_runs

# Operations that tile and sharpen the point; a precomputed CoordConv needs none besides these.
AROUND = {"Cast", "Div", "Mul", "Sub", "Unsqueeze", "Expand", "Reshape", "Softmax", "Relu"}


@pytest.mark.slow("an exporter")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_folded_rendering_network_runs_in_onnxruntime_as_convolutions_and_one_addition(
    tmp_path,
):
    (run,) = committed_runs("tuned", "rendering-quadrant-coordconv-seed0-")
    net, _ = trained_net(run)
    points = torch.tensor([[x, y] for x in range(4, 60, 5) for y in range(4, 60, 5)])
    path = to_onnx(precompute(net, points[:1]), points[:2], tmp_path / "net.onnx", dynamic="batch")
    kinds = Counter(node.op_type for node in onnx.load(path).graph.node)
    convolutions = sum(isinstance(module, nn.Conv2d) for module in net.modules())
    assert kinds["Conv"] == convolutions
    assert kinds["Add"] == 1
    assert set(kinds) - AROUND == {"Conv", "Add"}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = [entry.name for entry in session.get_inputs()]
    (actual,) = session.run(None, {name: points.numpy()})
    with torch.no_grad():
        expected = net(points)
    actual = torch.from_numpy(actual)
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert (actual.sigmoid() - expected.sigmoid()).abs().max() <= 1e-5
