"""The data files of signals, their version and license."""

from coordconv_lab.packaged_data import PackagedData

_DIGESTS = {
    "example_01": "7a18100d3c883049e0a8feda387859414b031b01cb129c74b749fd3f8dc13864",
    "example_02": "5392d264ad03cd932a51dca2cd65e8864c9ddfb05a4e3ec3c6428ae988baf5b0",
    "example_03": "765781ede2ccefd01b7e396ff09596caf780e939d32aa2e9c87f718ee87d79ca",
    "example_04": "f6d9f869f214b20b19a4a2718a1115aaa4ccc942fb46554ffd9a4509e2c2cc30",
    "example_05": "0c728a780b2f5ac9ac3ed7a25b445485231452098bcaaf67e78458016c21fa24",
    "test_sample": "76da2610b6c4d504653fb717e509504d93063ccd50d4dce2718152662e7aed4d",
    "test_sample_aw4": "43ed31b716d54494ef76b959b5eca1adf849565406642f457c77f120a50cd515",
    "test_sample_awi": "f90a1a1f2842858c7c567d63a2eaa96ec7b54fbe62e3d446227fa954c4c521bf",
    "test_sample_awl": "06c675d61b9ed49f580c8e5ba762564e7efcbef12d904c72d60f6c58ede4ce43",
    "test_sample_awlp": "19b02eab360448f7f574f49547eb7e17344373a028b42f4791240f0da950b81b",
}

PEOPLE = tuple(_DIGESTS)
"""File names of ten recordings with one count per minute, each from a different device."""

FOLDS = {"first": PEOPLE[::2], "second": PEOPLE[1::2]}
"""The people held out by each split."""


def file_of(person: str) -> str:
    """Return the path of the recording of a person."""
    return f"pyActigraphy/tests/data/{person}.AWD"


SOURCE = PackagedData(
    package="pyActigraphy",
    version="1.2.2",
    licence="pyActigraphy is GPL-3.0 and includes these example recordings of anonymous people",
    extra="signal",
    files={file_of(person): digest for person, digest in _DIGESTS.items()},
)
"""Recordings of wrist movement over 4 to 22 days."""
