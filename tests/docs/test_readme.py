"""The README matches the records, and its code runs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from statistics import fmean

import pytest
import torch

from benchmarks.compare_with_others import CHECKS, Package, ours, outcome
from coordconv_lab.results import Record, RunStore
from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_measured_table_matches_the_committed_records():
    assert is_current("make_readme.py"), "run `make readme`"


def test_the_numbers_in_the_text_are_those_of_the_records():
    runs = json.loads((ROOT / "benchmarks" / "results" / "brains.json").read_text())["runs"]
    carried = [one for one in runs if one["arm"] == "true, mirrored, carried"]
    side = fmean(one["scores"]["as told"]["side"] for one in carried)
    assert f"predicts the correct side for {side:.0%} of the patches" in README
    guide = (ROOT / "docs" / "migration.md").read_text()
    assert len(re.findall(r"^## ", guide, flags=re.M)) == 14
    for page in (README, (ROOT / "docs" / "index.md").read_text()):
        assert "fourteen" in page


def test_the_readme_gives_the_scores_of_the_deconv_renderer_before_it_was_tuned():
    def records(directory: str) -> list[Record]:
        found = (record for _, record in RunStore(ROOT / "results" / directory).records())
        plain = (
            one
            for one in found
            if (one.spec.task, one.spec.data.split) == ("rendering", "quadrant")
            and one.spec.model.kind == "deconv"
            and one.spec.seed < 2
        )
        return sorted(plain, key=lambda one: one.spec.seed)

    before, now = (
        [f"{one.test_score:.3f}" for one in records(name)] for name in ("superseded", "tuned")
    )
    words = f"the test IoU was {' and '.join(before)} (now {' and '.join(now)})"
    assert words in README
    lowest = min(one.train_score for one in records("superseded"))
    # Cut after four decimals, so that 0.99998 is not rounded to 1.
    assert f"and the training IoU {int(lowest * 10_000) / 10_000:.4f} (" in README


def test_the_five_lines_of_code_run_and_print_the_shape():
    [code] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.decode().strip() == "torch.Size([8, 64, 112, 160])"
    assert "# torch.Size([8, 64, 112, 160])" in code


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", README))))
def test_every_file_linked_in_the_readme_exists(target):
    assert (ROOT / target.partition("#")[0]).exists()


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"reproduce", "test"} <= named <= targets


def test_pages_install_a_checkout_with_existing_extras():
    """The distribution is not on PyPI, so its name cannot be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    lines = [
        line for page in pages for line in re.findall(r"pip install [^`\n]*", page.read_text())
    ]
    assert not [line for line in lines if project["name"] in line]
    extras = {extra for line in lines for extra in re.findall(r"'\.\[([\w,]+)\]'", line)}
    assert {"lab", "keras", "onnx", "hub", "sweep"} <= extras
    assert {part for extra in extras for part in extra.split(",")} <= set(
        project["optional-dependencies"]
    )


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_first_pages_name_the_distribution(page):
    text = (ROOT / page).read_text()
    assert "`torch-coordconv` and is not on PyPI yet" in text
    assert "`coordconv` on PyPI is a different project" in text


@pytest.mark.parametrize("title", CHECKS)
def test_this_package_passes_every_check_of_the_comparison(title):
    assert outcome(CHECKS[title], ours()) == ""
    assert f"| {title} | yes |" in README


def test_the_comparison_detects_a_package_without_positions():
    def append(x):
        return torch.cat([x, x.new_full((len(x), 2, *x.shape[2:]), float("nan"))], dim=1)

    plain = Package(append, append, lambda x, *_: append(x), lambda *_, **k: torch.nn.Identity())
    passed = {title for title, check in CHECKS.items() if outcome(check, plain) == ""}
    assert passed <= {
        "channels-last inputs stay channels-last",
        "`torch.export` with dynamic sizes",
        "a layer that does not store the concatenation",
    }
