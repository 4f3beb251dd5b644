"""Not-so-Clevr as a map-style torch Dataset, for use outside this laboratory."""

from typing import Literal, TypedDict

from torch import Tensor
from torch.utils.data import Dataset

from coordconv_lab.data.notsoclevr import NotSoClevr
from coordconv_lab.specs import DataSpec


class Example(TypedDict):
    """The three faces of one example: point (2,) as (x, y), images (1, H, W)."""

    point: Tensor
    one_hot: Tensor
    square: Tensor


class NotSoClevrDataset(Dataset[Example]):
    """One side of a split, an example at a time.

    Example:
        >>> dataset = NotSoClevrDataset(DataSpec(split="quadrant"), "test")
        >>> len(dataset), dataset[0]["point"].tolist(), dataset[0]["square"].shape
        (784, [32, 32], torch.Size([1, 64, 64]))
    """

    def __init__(self, spec: DataSpec, side: Literal["train", "test", "all"] = "all") -> None:
        self.data = NotSoClevr(spec)
        points = {
            "train": self.data.train_points,
            "test": self.data.test_points,
            "all": self.data.points,
        }
        self.points = points[side]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> Example:
        point = self.points[index]
        return Example(
            point=point,
            one_hot=self.data.one_hot_images(point[None])[0],
            square=self.data.square_images(point[None])[0],
        )
