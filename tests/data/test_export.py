"""The exported files match the data set."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.data.export import export, white_pixels
from coordconv_lab.experiments.notsoclevr.specs import DataSpec


def test_the_arrays_contain_all_images_and_both_splits(tmp_path):
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


def test_the_contact_sheet_is_an_image(tmp_path):
    _, picture = export(DataSpec(canvas=(14, 18), square=5), tmp_path)
    with Image.open(picture) as image:
        assert image.width > 800
        assert len(image.convert("RGB").getcolors(2**24)) > 10


def test_an_unwritable_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"):
        export(DataSpec(canvas=(14, 18), square=5), tmp_path / "file")


@pytest.mark.parametrize("square", [1, 4, 5])
def test_white_pixels_equal_the_sum_of_all_images(square):
    data = NotSoClevr(DataSpec(canvas=(11, 14), square=square))
    counted = white_pixels(data.train_points, data.spec)
    torch.testing.assert_close(counted, data.square_images(data.train_points).sum(dim=0)[0])


PEAK_OF_AN_EXPORT = """
import resource, sys
from pathlib import Path
from coordconv_lab.experiments.notsoclevr.data.export import export
from coordconv_lab.experiments.notsoclevr.specs import DataSpec

out = Path(sys.argv[1])
export(DataSpec(canvas=(16, 16)), out)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export(DataSpec(canvas=(128, 128)), out)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow("processes")
def test_an_export_does_not_keep_all_images_in_memory(tmp_path):
    """The images of a 128 x 128 canvas take 236 MB as bytes, 944 MB as float32, twice."""
    command = [sys.executable, "-c", PEAK_OF_AN_EXPORT, tmp_path]
    kilobytes = int(subprocess.run(command, capture_output=True, check=True).stdout)
    assert kilobytes < 120_000
    assert np.load(tmp_path / "notsoclevr.npz")["square"].shape == (120 * 120, 128, 128)
