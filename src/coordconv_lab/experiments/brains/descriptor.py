"""The descriptor of the experiment on brains. This module does not import torch."""

from coordconv_lab.experiments.brains.specs import BrainNetSpec, BrainsSpec, BrainTrainingSpec
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task

_HERE = "coordconv_lab.experiments.brains"

BRAINS = Experiment(
    name="brains",
    title="Brains",
    data=BrainsSpec,
    load=f"{_HERE}.patches:load",
    tasks=(
        Task(
            name="brain-regions",
            label="Regions of a brain",
            network="coordconv",
            baseline="conv",
            scores=(
                Score(name="side", percent=True),
                Score(name="region_and_side", percent=True),
                Score(name="side_mean_position", percent=True),
                Score(name="region_and_side_mean_position", percent=True),
            ),
            solved=0.99,
            make=f"{_HERE}.tasks:NameRegion",
            inputs="patches of shape (N, 1, 12, 12, 12), whose axes start at left, back and bottom",
            outputs="logits of 41 regions on the left, then 41 on the right, shape (N, 82)",
        ),
    ),
    training=BrainTrainingSpec,
    check=f"{_HERE}.fit:check",
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={
        "coordconv": "CoordConv, millimeters",
        "conv": "Conv",
        "patch": "CoordConv, relative to the patch",
        "shuffled": "Shuffled coordinates",
    },
    about="Patches of the brain silhouettes of six people, with voxels of 4 mm.",
)

PLUGIN = Plugin(
    name="brains",
    version="1",
    built_in=True,
    experiments=(BRAINS,),
    networks=(
        Network(spec=BrainNetSpec, build=f"{_HERE}.networks:BrainNet", tasks=("brain-regions",)),
    ),
)
