"""The descriptor of the experiment on volumes. This module does not import torch."""

from coordconv_lab.experiments.volume.specs import VolumeNetSpec, VolumeSpec
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task

_HERE = "coordconv_lab.experiments.volume"


def _task(name: str, label: str, outputs: str) -> Task:
    return Task(
        name=name,
        label=label,
        network="coordconv",
        baseline="conv",
        scores=(
            Score(name="accuracy", percent=True),
            Score(name="accuracy_mean_position", percent=True),
        ),
        solved=0.99,
        make=f"{_HERE}.tasks:ClassifyMiddle",
        inputs="crops of shape (N, 1, 8, 8, 8), whose axes start at left, back and bottom",
        outputs=outputs,
    )


VOLUME = Experiment(
    name="volume",
    title="Volume",
    data=VolumeSpec,
    load=f"{_HERE}.heads:load",
    tasks=(
        _task("volume-side", "Side of a head", "logits of left, right and an unused class, (N, 3)"),
        _task(
            "volume-tissue",
            "Tissue in a head",
            "logits of gray matter, white matter and neither, (N, 3)",
        ),
    ),
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={
        "coordconv": "CoordConv, millimeters",
        "conv": "Conv",
        "crop": "CoordConv, relative to the crop",
        "shuffled": "Shuffled coordinates",
    },
    about="Crops of 30 heads, with voxels of 4 mm. The heads are random deformations of the "
    "template MNI152.",
)

PLUGIN = Plugin(
    name="volume",
    version="1",
    built_in=True,
    experiments=(VOLUME,),
    networks=(
        Network(
            spec=VolumeNetSpec,
            build=f"{_HERE}.networks:VolumeNet",
            tasks=("volume-side", "volume-tissue"),
        ),
    ),
)
