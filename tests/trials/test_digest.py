"""The digest of a trial's functions changes with their code and with the values they are given."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from torch import nn

from coordconv_lab.trials import UserFunctions
from coordconv_lab.trials.functions import digest_of
from tests.trials.models import make, nothing, pointwise


def in_a_set(model):
    return "abc" if model in {"one", "two", "three", "four"} else "def"


def with_rate(rate, train=None):
    def training(model):
        return rate, train, training

    return training


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (partial(nothing, rate=0.1), partial(nothing, rate=0.2)),
        (partial(nothing), partial(make)),
        (with_rate(0.1), with_rate(0.2)),
        (with_rate(0.1, nothing), with_rate(0.1, make)),
        (lambda model, rate=0.1: rate, lambda model, rate=0.2: rate),
        (lambda model, *, rate=0.1: rate, lambda model, *, rate=0.2: rate),
        (pointwise, nn.Identity),
    ],
)
def test_functions_are_also_identified_by_the_values_that_they_are_given(one, other):
    digests = [digest_of(UserFunctions(make, train, nothing)) for train in (one, other, one)]
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


def test_values_that_may_change_do_not_identify_functions():
    calls = []
    functions = UserFunctions(make, with_rate(calls), nothing)
    digest = digest_of(functions)
    calls.append("a call")
    assert digest_of(functions) == digest


def test_functions_have_the_same_digest_in_every_process():
    program = (
        "from tests.trials.test_digest import *\n"
        "print(digest_of(UserFunctions(make, in_a_set, nothing)))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    ]
    assert found[0] == found[1]
