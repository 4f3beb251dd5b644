"""Ways in which positions go wrong that no other test pins, each with its cure."""

import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close
from torch.utils.data import default_collate

from coordconv import CoordConv2d, Placement, coordinate_grid, positions


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [CoordConv2d(3, 4, 1, radius=True), nn.Tanh(), nn.MaxPool2d(2), CoordConv2d(4, 2, 1)]
    return nn.Sequential(*layers).double()


def test_an_image_that_is_padded_to_the_size_of_a_batch_keeps_its_positions():
    model, sizes, largest = network(), [(6, 10), (8, 4), (2, 8)], (8, 10)
    images = [torch.randn(3, *size).double() for size in sizes]
    margins = [(0, largest[1] - width, 0, largest[0] - height) for height, width in sizes]
    each = zip(images, margins, strict=True)
    batch = torch.stack([functional.pad(image, margin) for image, margin in each])
    places = [Placement(size).pad(margin) for size, margin in zip(sizes, margins, strict=True)]
    with positions(model, default_collate(places)):
        outputs = model(batch)
    bare = model(batch)
    for output, lost, image, size in zip(outputs, bare, images, sizes, strict=True):
        expected = model(image[None])[0]
        inside = (slice(None), slice(size[0] // 2), slice(size[1] // 2))
        assert_close(output[inside], expected)
        assert (lost[inside] - expected).abs().max() > 0.01


def test_the_parts_of_a_mosaic_keep_the_positions_that_are_carried_as_an_image():
    layer = CoordConv2d(3, 4, 1).double()
    images, cut = torch.randn(4, 3, 6, 10).double(), (2, 7)
    corners = [(row, column) for row in (slice(0, 2), slice(2, 6)) for column in (0, 1)]
    mosaic, carried = torch.zeros_like(images[0]), torch.zeros(2, 6, 10).double()
    grid = coordinate_grid((6, 10), dtype=torch.float64)
    expected = torch.zeros(4, 6, 10).double()
    for image, (rows, side) in zip(images, corners, strict=True):
        columns = slice(cut[1], None) if side else slice(0, cut[1])
        for whole, part in [(mosaic, image), (carried, grid), (expected, layer(image[None])[0])]:
            # Each part is taken from the other end of its image.
            whole[:, rows, columns] = part.flip(-1, -2)[:, rows, columns]
    assert_close(layer(mosaic[None], coordinates=carried)[0], expected)
    assert (layer(mosaic[None])[0] - expected).abs().max() > 0.01


def test_a_distributed_model_has_the_positions_of_the_batch_of_its_process(tmp_path):
    model, image = network(), torch.randn(1, 3, 8, 12).double()
    expected = model(image)[..., 1:3, 2:5]
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1
    )
    try:
        parallel = nn.parallel.DistributedDataParallel(model)
        for given in (parallel, model):
            with positions(given, Placement((8, 12)).crop((2, 4), (4, 6))):
                output = parallel(image[..., 2:6, 4:10])
            assert_close(output, expected)
            output.sum().backward()
    finally:
        torch.distributed.destroy_process_group()
