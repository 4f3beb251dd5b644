"""Scattered digits: canvases, boxes and the two networks."""

import pytest
import torch
from torch import nn

from coordconv import CoordConv2d
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.digits import canvases
from coordconv_lab.experiments.digits.boxes import (
    anchors,
    decode,
    encode,
    matched,
    middle,
    overlaps,
)
from coordconv_lab.experiments.digits.networks import ShuffledCoordConv2d
from coordconv_lab.experiments.digits.recipes import settings
from coordconv_lab.experiments.digits.specs import DigitsSpec
from coordconv_lab.parts import data_of, network_of, objective_of
from coordconv_lab.recipes import with_settings

SMALL = {"data.train": 20, "data.test": 10}


def small(task: str, split: str = "uniform", model: str = "coordconv", boxes: str = "relative"):
    return with_settings(settings(task, split, model, boxes=boxes), SMALL)


def test_an_anchor_is_at_the_center_of_its_cells_receptive_field():
    """The pixels with a gradient for a cell of the first two convolutions: 6 + 4 i, 13 wide."""
    net = nn.Sequential(nn.Conv2d(1, 1, 5, stride=2), nn.Conv2d(1, 1, 5, stride=2))
    image = torch.zeros(1, 1, 64, 64, requires_grad=True)
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    net(image)[0, 0, 3, 5].backward()
    rows, columns = (image.grad[0, 0] > 0).nonzero().T
    [index] = [3 * 13 * 9 + 5 * 9]
    x, y = anchors()[index, :2].tolist()
    assert (columns.float().mean().item(), rows.float().mean().item()) == (x, y)


def test_overlaps_are_those_of_rectangles_counted_pixel_by_pixel():
    first = torch.tensor([10.0, 12.0, 6.0, 8.0])
    for second in ([10, 12, 6, 8], [12, 12, 6, 8], [13, 15, 4, 10], [40, 40, 6, 8]):
        rectangles = []
        for box in (first.tolist(), second):
            x, y = (torch.arange(0, 60, 0.25) + 0.125 for _ in range(2))
            in_x = (x > box[0] - box[2] / 2) & (x < box[0] + box[2] / 2)
            in_y = (y > box[1] - box[3] / 2) & (y < box[1] + box[3] / 2)
            rectangles.append(in_y[:, None] & in_x)
        wanted = (rectangles[0] & rectangles[1]).sum() / (rectangles[0] | rectangles[1]).sum()
        found = overlaps(first, torch.tensor(second, dtype=torch.float32))
        assert found.item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("reference", [anchors(), middle()])
def test_decoding_inverts_encoding_and_zero_offsets_are_the_reference(reference):
    boxes = torch.rand(len(reference), 4) * 20 + 10
    torch.testing.assert_close(decode(encode(boxes, reference), reference), boxes)
    torch.testing.assert_close(decode(torch.zeros_like(reference), reference), reference)


def test_an_anchor_is_matched_with_the_box_of_its_largest_overlap():
    boxes = torch.tensor([[[10.0, 10, 15, 15], [50, 50, 25, 20]]])
    overlap, index = matched(boxes)
    for anchor in (0, 700, 1520):
        each = overlaps(anchors()[anchor], boxes[0])
        assert overlap[0, anchor] == each.max()
        assert each.max() == 0 or index[0, anchor] == each.argmax()


def test_every_digit_image_is_on_one_side_only():
    for held_out in ("test", "validation"):
        train, test = canvases.sides(held_out)
        assert not set(train.tolist()) & set(test.tolist())
        assert len(test) == 1000
    test = set(canvases.sides("test")[1].tolist())
    assert not test & {*canvases.sides("validation")[0].tolist()}
    assert not test & {*canvases.sides("validation")[1].tolist()}


@pytest.mark.parametrize("scene", ["one", "five"])
def test_boxes_enclose_the_digits(scene, digits):
    data = canvases.load(DigitsSpec(scene=scene, train=20, test=10), "cpu")
    for image, boxes in zip(data.tensors["image"], data.tensors["boxes"], strict=True):
        if scene == "one":
            rows, columns = (image[0] > 0).nonzero().T
            [[x, y, width, height]] = boxes.tolist()
            assert (columns.min(), columns.max()) == (x - (width - 1) / 2, x + (width - 1) / 2)
            assert (rows.min(), rows.max()) == (y - (height - 1) / 2, y + (height - 1) / 2)
        else:
            inside = torch.zeros(64, 64, dtype=torch.bool)
            at = torch.arange(64)
            for x, y, width, height in boxes.tolist():
                inside |= ((at - y).abs() <= height / 2)[:, None] & ((at - x).abs() <= width / 2)
            assert torch.equal(image[0] > 0, inside)
            assert (overlaps(anchors()[:, None], boxes) >= 0.5).any()


def test_the_quadrant_is_for_held_out_digits_only(digits):
    data = canvases.load(DigitsSpec(split="quadrant", train=20, test=10), "cpu")
    in_quadrant = (data.tensors["boxes"][:, 0, :2] >= 31.5).all(1)
    assert torch.equal(in_quadrant, ~data.is_train)


def test_equal_settings_give_equal_canvases(digits):
    spec = DigitsSpec(scene="five", train=20, test=10)
    first = canvases.load.__wrapped__(spec, "cpu")
    torch.rand(3)
    second = canvases.load.__wrapped__(spec, "cpu")
    assert all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


def test_a_task_with_the_scene_or_the_split_of_the_other_is_refused():
    spec = settings("digit-boxes", "uniform", "conv")
    with pytest.raises(InputError, match=r"needs data\.scene 'five'"):
        with_settings(spec, {"data.scene": "one"})
    with pytest.raises(InputError, match="has only the split 'uniform'"):
        with_settings(spec, {"data.split": "quadrant"})


@pytest.mark.parametrize("model", ["conv", "coordconv", "shuffled"])
@pytest.mark.parametrize("task", ["digit-classification", "digit-boxes"])
def test_every_network_learns_its_task(task, model, digits):
    spec = small(task, model=model)
    data = data_of(spec)
    objective = objective_of(spec, data)
    torch.manual_seed(0)
    net, some = network_of(spec), data.examples[:16]
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    first = objective.loss(net, some).item()
    for _ in range(10):
        optimizer.zero_grad()
        loss = objective.loss(net, some)
        loss.backward()
        optimizer.step()
    assert loss.item() < first
    with torch.no_grad():
        outputs = objective.ask(net.eval(), some)
    scores = objective.score(outputs, some)
    assert all(((one >= 0) & (one <= 1)).all() for one in scores.values())
    assert torch.equal(outputs[:, 0], outputs[:, 1]) == (model == "conv")


def test_true_boxes_have_a_score_of_one(digits):
    for boxes in ("relative", "absolute"):
        spec = small("digit-boxes", boxes=boxes)
        data = data_of(spec)
        objective = objective_of(spec, data)
        some = data.examples[:5]
        wanted = torch.stack(
            [objective.boxes[one, objective.matched[one]] for one in some.tolist()]
        )
        offsets = encode(wanted, objective.reference)
        logits = objective.overlap[some][..., None]  # the anchor with the largest overlap is best
        scores = objective.score_one(torch.cat([offsets, logits], -1), some)
        torch.testing.assert_close(scores["mean_iou"], torch.ones(5))
        torch.testing.assert_close(scores["proposal_iou"], torch.ones(5))


def test_shuffled_coordinates_are_the_same_numbers_at_other_pixels():
    torch.manual_seed(0)
    layer, plain = ShuffledCoordConv2d(1, 4, 1), CoordConv2d(1, 4, 1)
    plain.load_state_dict(layer.state_dict())
    image = torch.zeros(2, 1, 9, 11)
    shuffled, usual = layer.eval()(image), plain(image)
    assert not torch.allclose(shuffled, usual)
    sorted_values = [one.flatten(2).sort(-1).values for one in (shuffled, usual)]
    torch.testing.assert_close(*sorted_values)
    assert torch.equal(layer(image), shuffled)
    assert not torch.equal(layer.train()(image), layer(image))
