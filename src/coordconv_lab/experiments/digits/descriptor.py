"""The descriptor of the experiment on scattered digits. This module does not import torch."""

from coordconv_lab.experiments.digits.specs import (
    DigitClassifierSpec,
    DigitProposalsSpec,
    DigitsSpec,
)
from coordconv_lab.registry import Experiment, Network, Plugin, Reproduction, Score, Task

_HERE = "coordconv_lab.experiments.digits"

TASKS = (
    Task(
        name="digit-classification",
        label="Digit classification",
        network="coordconv",
        baseline="conv",
        scores=(
            Score(name="accuracy", percent=True),
            Score(name="accuracy_mean_position", percent=True),
        ),
        solved=0.95,
        make=f"{_HERE}.tasks:ClassifyDigit",
        inputs="canvases of shape (N, 1, 64, 64)",
        outputs="logits of the ten digits, shape (N, 10)",
    ),
    Task(
        name="digit-boxes",
        label="Digit boxes",
        network="coordconv",
        baseline="conv",
        scores=(
            Score(name="mean_iou"),
            Score(name="proposal_iou"),
            Score(name="mean_iou_mean_position"),
            Score(name="proposal_iou_mean_position"),
        ),
        solved=0.8,
        make=f"{_HERE}.tasks:ProposeBoxes",
        inputs="canvases of shape (N, 1, 64, 64)",
        outputs="four offsets and a logit for each of 1,521 anchors, shape (N, 1521, 5)",
    ),
)

DIGITS = Experiment(
    name="digits",
    title="Scattered digits",
    data=DigitsSpec,
    load=f"{_HERE}.canvases:load",
    tasks=TASKS,
    check=f"{_HERE}.fit:check",
    recipes={"tuned": f"{_HERE}.recipes:tuned"},
    studies=f"{_HERE}.studies:studies",
    claims=f"{_HERE}.claims:claims",
    reproduction=Reproduction(questions=f"{_HERE}.questions:questions", seeds=5),
    names={"coordconv": "CoordConv", "conv": "Conv", "shuffled": "Shuffled coordinates"},
    about="Digits of MNIST on canvases of 64 x 64 pixels, 15 to 25 pixels high and wide.",
)

PLUGIN = Plugin(
    name="digits",
    version="1",
    built_in=True,
    experiments=(DIGITS,),
    networks=(
        Network(
            spec=DigitClassifierSpec,
            build=f"{_HERE}.networks:DigitClassifier",
            tasks=("digit-classification",),
        ),
        Network(
            spec=DigitProposalsSpec,
            build=f"{_HERE}.networks:DigitProposals",
            tasks=("digit-boxes",),
        ),
    ),
)
