"""The three faces of an example agree with one another and with a construction of their own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from coordconv_lab.experiments.notsoclevr.data import (
    NotSoClevr,
    one_hot_images,
    square_images,
)
from coordconv_lab.experiments.notsoclevr.specs import DataSpec


def test_the_default_data_set_is_the_paper_s():
    data = NotSoClevr(DataSpec())
    assert len(data.points) == 3136
    assert (data.points.min().item(), data.points.max().item()) == (4, 59)
    assert square_images(data.points, (64, 64), 9).sum(dim=(1, 2, 3)).unique().tolist() == [81]


@pytest.mark.parametrize("square", [1, 3, 9])
def test_squares_are_one_hot_images_convolved_with_ones(square):
    spec = DataSpec(canvas=(14, 17), square=square)
    points = NotSoClevr(spec).points
    one_hot = one_hot_images(points, spec.canvas)
    convolved = functional.conv2d(one_hot, torch.ones(1, 1, square, square), padding="same")
    torch.testing.assert_close(square_images(points, spec.canvas, square), convolved)


@given(height=st.integers(8, 15), width=st.integers(8, 15), square=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_every_square_is_inside_the_canvas_and_every_place_for_one_is_used(height, width, square):
    spec = DataSpec(canvas=(height, width), square=square)
    points = NotSoClevr(spec).points
    pictures = square_images(points, spec.canvas, square).numpy()[:, 0]
    corners = {tuple(np.argwhere(picture)[0]) for picture in pictures}
    assert corners == {
        (row, column) for row in range(height - square + 1) for column in range(width - square + 1)
    }
    assert (pictures.sum(axis=(1, 2)) == square**2).all()


def test_a_point_is_column_then_row():
    picture = one_hot_images(torch.tensor([[5, 2]]), (4, 7))[0, 0]
    assert picture.nonzero().tolist() == [[2, 5]]
