"""The classifier of crops is the same network for signals, images and volumes."""

import pytest
import torch

from coordconv_lab.crop_classifier import CropClassifier


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_coordinates_add_only_their_weights(rank):
    plain, sees = (
        CropClassifier(rank, 4, 5, sees_coordinates=sees_coordinates)
        for sees_coordinates in (False, True)
    )
    added = dict(sees.named_parameters())
    coordinates = added.pop("0.coord_weight")
    assert coordinates.shape == (4, rank, *[3] * rank)
    assert {name: one.shape for name, one in added.items()} == {
        name: one.shape for name, one in plain.named_parameters()
    }
    crops = torch.rand(2, 1, *[8] * rank)
    with torch.no_grad():
        sees[0].coord_weight.zero_()
    missing, unexpected = sees.load_state_dict(plain.state_dict(), strict=False)
    assert (missing, unexpected) == (["0.coord_weight"], [])
    torch.testing.assert_close(sees.eval()(crops), plain.eval()(crops))
    assert plain(crops).shape == (2, 5)
