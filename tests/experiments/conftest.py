"""Stand-in data, so that nothing has to be installed."""

import gzip
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from coordconv_lab.experiments.brains import patches
from coordconv_lab.experiments.brains.source import PEOPLE
from coordconv_lab.experiments.climate import maps
from coordconv_lab.experiments.digits import canvases
from coordconv_lab.experiments.signal import movements
from coordconv_lab.experiments.tiles import maps as tile_maps


@pytest.fixture(autouse=True)
def _no_kept_data() -> Iterator[None]:
    kept = (canvases.load, patches.load, maps.load, tile_maps.load, movements.load)
    for load in kept:
        load.cache_clear()
    yield
    for load in kept:
        load.cache_clear()


@pytest.fixture
def digits(monkeypatch) -> None:
    """Digits whose ink is a block as large as their class says."""
    classes = torch.arange(10).repeat_interleave(500)
    images = torch.zeros(5000, 28, 28)
    for label in range(10):
        images[classes == label, 4 : 8 + label, 4:12] = 1
    monkeypatch.setattr(canvases, "digits", lambda: (images, classes))


def nifti(labels: np.ndarray, affine: np.ndarray) -> bytes:
    """Write labels, (X, Y, Z), as a compressed NIfTI file of 16-bit numbers."""
    header = np.zeros(352, np.uint8)
    header[40:48] = np.array([3, *labels.shape], "<i2").view(np.uint8)
    header[70:72] = np.array([4], "<i2").view(np.uint8)
    header[108:112] = np.array([352], "<f4").view(np.uint8)
    header[280:328] = affine.astype("<f4").reshape(-1).view(np.uint8)
    return gzip.compress(header.tobytes() + labels.astype("<i2").tobytes(order="F"))


@pytest.fixture
def brains(monkeypatch) -> None:
    """Brains of 80 x 60 x 40 mm around the origin: the left half has region 1, the right 42."""
    labels = np.zeros((80, 60, 40))
    labels[4:40, 4:56, 4:36], labels[40:76, 4:56, 4:36] = 1, 42
    affine = np.array([[1, 0, 0, -39.5], [0, 1, 0, -29.5], [0, 0, 1, -19.5]])
    content = nifti(labels, affine)

    class Source:
        def read(self, name: str) -> bytes:
            assert any(person in name for person in PEOPLE)
            return content

    monkeypatch.setattr(patches, "SOURCE", Source())


@pytest.fixture
def climate(monkeypatch) -> None:
    """An earth of which every other pixel is land, as warm as its latitude says."""
    latitude = torch.linspace(-90, 90, maps.ROWS)[:, None].expand(maps.ROWS, maps.COLUMNS)
    elevation = torch.zeros(maps.ROWS, maps.COLUMNS)
    elevation[::2, ::2] = 1.0
    temperature = (300 - latitude.abs() / 2).expand(12, maps.ROWS, maps.COLUMNS)
    monkeypatch.setattr(maps, "earth", lambda: maps.Earth(elevation, temperature))


@pytest.fixture
def tiles(monkeypatch) -> None:
    """An earth of which every other row is land; its climates are bands of latitude."""
    rows = torch.arange(tile_maps.HEIGHT)[:, None].expand(tile_maps.HEIGHT, tile_maps.WIDTH)
    climate = torch.where(rows % 2 == 0, rows // 72, tile_maps.OCEAN)
    image = torch.stack([rows / 180 - 1, torch.zeros(rows.shape), torch.ones(rows.shape)])
    monkeypatch.setattr(tile_maps, "earth", lambda: tile_maps.Earth(image, climate))


def awd(first: str, counts: list[int], marker: str = "") -> bytes:
    """Write a recording of one count per minute from a time of day on."""
    lines = ["someone", "01-Jan-2001", first, " 4 ", "30", "V1", "X", *map(str, counts)]
    lines[-1] += marker
    return "\r\n".join(lines).encode()


@pytest.fixture
def signal(monkeypatch) -> None:
    """Everybody moves from 8 to 20 on four days, and rests for ten minutes at each full hour."""
    day = [100 * (480 <= minute < 1200 and minute % 60 >= 10) for minute in range(1440)]
    day = [count or int(minute % 90 == 0) for minute, count in enumerate(day)]  # worn at night
    content = awd("00:00", day * 4)

    class Source:
        def read(self, name: str) -> bytes:
            return content

    monkeypatch.setattr(movements, "SOURCE", Source())
