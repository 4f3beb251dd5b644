"""Export to ONNX: one file for images of every size, verified against the model.

`to_onnx` writes the model to a file, and runs the file in onnxruntime with the example, a larger
batch and a larger image. It keeps the file only if the outputs agree with those of the model. The
file also stores which convention its coordinates follow. Much published code computes coordinates
with `torch.linspace`. With such code, the size of the example becomes a constant in the file, and
`to_onnx` raises an error.

    python examples/exporting_to_onnx.py
"""

import tempfile
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

from coordconv import CoordConv2d
from coordconv.export import conventions_in_file, to_onnx

SIZES = ((1, 24, 32), (3, 24, 32), (2, 17, 61))  # Batch size, height, width.


class ByLinspace(nn.Module):
    """Coordinates as in published code; in the exported file, their size is a constant."""

    def forward(self, x: Tensor) -> Tensor:
        """Append x and y to the channels of a batch."""
        count, _, height, width = x.shape
        column = torch.linspace(-1, 1, width).expand(count, 1, height, width)
        row = torch.linspace(-1, 1, height)[:, None].expand(count, 1, height, width)
        return torch.cat([x, column, row], dim=1)


def main() -> None:
    """Export two models, and run the first file at sizes that the exporter has not seen."""
    torch.manual_seed(0)
    example = torch.randn(1, 3, 24, 32)
    net = nn.Sequential(CoordConv2d(3, 8, 3, stride=2, radius=True), nn.ReLU(), nn.Conv2d(8, 2, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        to_onnx(net.eval(), example, path)
        print("in the file:", conventions_in_file(path))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for count, height, width in SIZES:
            pictures = torch.randn(count, 3, height, width)
            [found] = session.run(None, {session.get_inputs()[0].name: pictures.numpy()})
            difference = (torch.from_numpy(found) - net(pictures)).abs().max().item()
            print(f"{count} images of {height} x {width}: differ by {difference:.0e} at most")
            assert difference < 1e-5
        published = nn.Sequential(ByLinspace(), nn.Conv2d(5, 8, 3))
        try:
            to_onnx(published.eval(), example, Path(folder) / "published.onnx")
        except ValueError:
            print("with linspace: refused, its size is constant")
        else:
            raise AssertionError("a frozen size was not noticed")


if __name__ == "__main__":
    main()
