"""The descriptor of the experiment on climate. This module does not import torch."""

from coordconv_lab.experiments.climate.specs import ClimateNetSpec, ClimateSpec
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task, distance

_HERE = "coordconv_lab.experiments.climate"

CLIMATE = Experiment(
    name="climate",
    title="Climate",
    data=ClimateSpec,
    load=f"{_HERE}.maps:load",
    tasks=(
        Task(
            name="monthly-temperature",
            label="Monthly temperature",
            network="coordconv",
            baseline="conv",
            scores=(
                Score(name="closeness"),
                distance("rmse"),
                Score(name="closeness_mean_position"),
                distance("rmse_mean_position"),
            ),
            solved=0.9,
            make=f"{_HERE}.tasks:PredictTemperature",
            inputs="elevation in kilometers and a land mask, shape (N, 2, 16, 16)",
            outputs="temperature of each month, (kelvin - 280) / 20, shape (N, 12, 16, 16)",
        ),
    ),
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={
        "coordconv": "CoordConv, latitude and longitude",
        "conv": "Conv",
        "crop": "CoordConv, relative to the crop",
        "latitude": "CoordConv, latitude",
        "sphere": "CoordConv, unit sphere",
        "shuffled": "Shuffled coordinates",
    },
    about="Crops of 16 x 16 pixels from maps of the earth with pixels of 1.5 degrees.",
)

PLUGIN = Plugin(
    name="climate",
    version="1",
    built_in=True,
    experiments=(CLIMATE,),
    networks=(
        Network(
            spec=ClimateNetSpec,
            build=f"{_HERE}.networks:ClimateNet",
            tasks=("monthly-temperature",),
        ),
    ),
)
