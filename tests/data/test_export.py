"""The exported files hold what the data set holds."""

import numpy as np
import pytest
from PIL import Image

from coordconv_lab.data.export import export
from coordconv_lab.errors import InputError
from coordconv_lab.specs import DataSpec


def test_the_arrays_hold_every_face_and_both_splits(tmp_path):
    arrays, _ = export(DataSpec(canvas=(14, 18), square=5), tmp_path)
    data = np.load(arrays)
    count = 10 * 14
    assert data["one_hot"].shape == data["square"].shape == (count, 14, 18)
    rows, columns = np.divmod(data["one_hot"].reshape(count, -1).argmax(axis=1), 18)
    assert np.array_equal(rows, data["y"])
    assert np.array_equal(columns, data["x"])
    held_out = (data["y"] >= 7) & (data["x"] >= 9)
    assert np.array_equal(~data["quadrant_is_train"], held_out)
    assert data["uniform_is_train"].sum() == round(0.8 * count)


def test_the_contact_sheet_is_a_picture_of_some_size(tmp_path):
    _, picture = export(DataSpec(canvas=(14, 18), square=5), tmp_path)
    with Image.open(picture) as image:
        assert image.width > 800
        assert len(image.convert("RGB").getcolors(2**24)) > 10


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"):
        export(DataSpec(canvas=(14, 18), square=5), tmp_path / "file")
