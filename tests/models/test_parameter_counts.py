"""Numbers of parameters, derived from the code of the sources."""

import pytest

from coordconv_lab.experiments.notsoclevr.networks import build, count_parameters
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    DeconvRenderer,
)

WIDE = (64, 64, 128, 128)
PUBLISHED = [
    (CoordConvClassifier(), 7_553),
    (CoordConvClassifier(radius=True), 7_585),
    (CoordConvClassifier(widths=WIDE), 29_441),
    (CoordConvRegressor(), 906),
    (CoordConvRegressor(radius=True), 914),
    (CoordConvRenderer(), 11_850),
    (CoordConvRenderer(painter_kernel=2), 9_490),
    (CoordConvRenderer(painter_kernel=2, painter_widths=(16, 16, 32, 32)), 15_010),
    (CoordConvRenderer(painter_kernel=1), 8_074),
    (CoordConvRenderer(painter_kernel=13, painter_widths=()), 7_553 + 170),
    (DeconvNet(width=2), 182_017),
    (DeconvRenderer(width=2, painter_kernel=13, painter_widths=()), 182_017 + 170),
    (DeconvNet(width=3), 408_193),
    (DeconvNet(width=1, kernel=2, batch_norm=True), 46_465),
    (DeconvNet(width=2, kernel=2, batch_norm=True), 183_041),
    (DeconvNet(width=3, kernel=2, batch_norm=True), 409_729),
    (DeconvNet(width=1, kernel=3, batch_norm=True), 103_585),
    (DeconvNet(width=2, kernel=3, batch_norm=True), 409_921),
    (DeconvNet(width=3, kernel=3, batch_norm=True), 919_009),
    (DeconvNet(width=1, kernel=4, batch_norm=True), 183_553),
    (DeconvNet(width=2, kernel=4, batch_norm=True), 727_553),
    (DeconvNet(width=3, kernel=4, batch_norm=True), 1_632_001),
    (ConvFlatRegressor(), 72_850),
    (ConvFlatRegressor(width=32), 159_330),
    (ConvFlatRegressor(padding="valid", pool_stride=1), 2_883_730),
    (ConvPooledRegressor(), 12_914),
]


@pytest.mark.parametrize(("spec", "count"), PUBLISHED)
def test_networks_have_the_published_number_of_parameters(spec, count):
    assert count_parameters(build(spec)) == count
