"""The layers in docs/architecture.md are those of the import contracts."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_layers_of_the_page_are_those_of_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [
        contract["layers"]
        for contract in contracts["contracts"]
        if contract["name"] == "The laboratory imports one way"
    ]
    order = [name.split(".")[-1] for layer in layers for name in layer.split(" | ")]
    picture = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
    drawn = []
    for line in (line for line in picture.splitlines() if not line.startswith("─")):
        names = re.split(r"  +", line)[0].replace(",", "").split()
        drawn += [name.split("/")[0] for name in names if re.fullmatch(r"[a-z_/]+", name)]
    assert drawn == [name for name in order if name in drawn]
    assert set(order) - set(drawn) == {"plotting", "environment", "errors", "python_files"}


def test_every_named_module_exists():
    found = set(re.findall(r"^ *((?:cli|train|results|report|claims|sweep)/\w+)", PAGE, re.M))
    assert len(found) > 12
    for name in found:
        assert (ROOT / "src" / "coordconv_lab" / f"{name}.py").is_file(), name
