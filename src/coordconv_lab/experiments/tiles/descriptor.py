"""The descriptor of the experiment on tiles. This module does not import torch."""

from coordconv_lab.experiments.tiles.specs import TilesNetSpec, TilesSpec
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task

_HERE = "coordconv_lab.experiments.tiles"

TILES = Experiment(
    name="tiles",
    title="Tiles of the earth",
    data=TilesSpec,
    load=f"{_HERE}.maps:load",
    tasks=(
        Task(
            name="climate-zones",
            label="Climate zones",
            network="coordconv",
            baseline="conv",
            scores=(
                Score(name="accuracy", percent=True),
                Score(name="accuracy_mean_position", percent=True),
            ),
            solved=0.95,
            make=f"{_HERE}.tasks:NameClimate",
            inputs="red, green and blue from -1 to 1, shape (N, 3, 20, 20)",
            outputs=(
                "logits of tropical, dry, temperate, continental and polar, shape (N, 5, 20, 20)"
            ),
        ),
    ),
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={
        "coordconv": "CoordConv, latitude and longitude",
        "conv": "Conv",
        "crop": "CoordConv, relative to the tile",
        "latitude": "CoordConv, latitude",
        "sphere": "CoordConv, unit sphere",
        "shuffled": "Shuffled coordinates",
    },
    about="Tiles of 20 x 20 pixels, half a degree each, from a satellite image of the earth.",
)

PLUGIN = Plugin(
    name="tiles",
    version="1",
    built_in=True,
    experiments=(TILES,),
    networks=(
        Network(spec=TilesNetSpec, build=f"{_HERE}.networks:TilesNet", tasks=("climate-zones",)),
    ),
)
