"""The data files of volumes, their version and license."""

from coordconv_lab.packaged_data import PackagedData

_TEMPLATE = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"

IMAGE, GRAY, WHITE = (_TEMPLATE.format(part) for part in ("t1", "gm", "wm"))

SOURCE = PackagedData(
    package="nilearn",
    version="0.14.1",
    licence=(
        "nilearn is BSD-3-Clause; the template is ICBM 2009a Nonlinear Symmetric by the McConnell "
        "Brain Imaging Centre, McGill University (Fonov et al. 2011), free for any use with its "
        "copyright notice"
    ),
    extra="volume",
    files={
        IMAGE: "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
        GRAY: "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
        WHITE: "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
    },
)
"""The brain of the symmetric template MNI152, with its gray and white matter, in voxels of 1 mm."""
