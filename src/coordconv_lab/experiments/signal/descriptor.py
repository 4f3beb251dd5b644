"""The descriptor of the experiment on signals. This module does not import torch."""

from coordconv_lab.experiments.signal.specs import SignalNetSpec, SignalSpec
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task

_HERE = "coordconv_lab.experiments.signal"


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
        make=f"{_HERE}.tasks:ClassifyCrop",
        inputs="movement in 24 steps of five minutes, shape (N, 1, 24)",
        outputs=outputs,
    )


SIGNAL = Experiment(
    name="signal",
    title="Signal",
    data=SignalSpec,
    load=f"{_HERE}.movements:load",
    tasks=(
        _task(
            "signal-later",
            "Active six hours later",
            "logits of quiet and active, for the hour that starts six hours later, shape (N, 2)",
        ),
        _task(
            "signal-still",
            "Still for 15 minutes",
            "logits of crops without and with 15 still minutes, shape (N, 2)",
        ),
    ),
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={
        "coordconv": "CoordConv, time of day",
        "conv": "Conv",
        "crop": "CoordConv, relative to the crop",
        "shuffled": "Shuffled coordinates",
    },
    about="Crops of two hours from recordings of wrist movement that last several days.",
)

PLUGIN = Plugin(
    name="signal",
    version="1",
    built_in=True,
    experiments=(SIGNAL,),
    networks=(
        Network(
            spec=SignalNetSpec,
            build=f"{_HERE}.networks:SignalNet",
            tasks=("signal-later", "signal-still"),
        ),
    ),
)
