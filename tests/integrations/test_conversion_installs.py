"""Conversion prepares the frameworks in use, and imports none that is not."""

import subprocess
import sys

import pytest

CONVERT = "from torch import nn; from coordconv import convert; convert(nn.Conv2d(3, 4, 3))"
INSTALLED = "import sys; print('coordconv.integrations.transformers' in sys.modules)"
PROGRAMS = {
    f"{CONVERT}; {INSTALLED}; assert 'transformers' not in sys.modules": False,
    f"from transformers import PreTrainedModel; import coordconv; {INSTALLED}": False,
    f"from transformers import PreTrainedModel; {CONVERT}; {INSTALLED}": True,
}


@pytest.mark.parametrize(("program", "installed"), PROGRAMS.items())
def test_only_a_conversion_beside_transformers_installs_its_integration(program, installed):
    pytest.importorskip("transformers")
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [str(installed)]


def test_an_older_transformers_is_named_in_a_warning_and_the_model_is_converted():
    pytest.importorskip("transformers")
    program = (
        "from transformers import PreTrainedModel; import warnings;"
        "del PreTrainedModel._initialize_missing_keys; warnings.simplefilter('error');"
        f"{CONVERT}"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "RuntimeWarning: coordconv.integrations.transformers: " in result.stderr
    assert "transformers 5.0 or newer" in result.stderr
