"""`coordconv inspect` of runs, checkpoints and models, and its errors."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from coordconv import CoordConv2d
from coordconv.costs import coordinate_costs
from coordconv.export import to_exported_program, to_onnx
from coordconv_lab.cli import main
from coordconv_lab.results.stored import read_stored
from tests.committed import committed_runs

RUN = committed_runs("tuned", "rendering-quadrant-coordconv-")[0]


def net() -> nn.Sequential:
    return nn.Sequential(CoordConv2d(3, 8, 3, convention="monai"), nn.Conv2d(8, 4, 1)).eval()


@pytest.fixture
def printed(capsys):
    def run(*arguments) -> list[str]:
        assert main(["inspect", *map(str, arguments)]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_run_shows_its_layer_with_its_parameters_and_operations(printed):
    lines = printed(RUN)
    assert lines[1].split()[:2] == ["find.layers.0", "CoordConv2d"]
    assert lines[-1].startswith("64 (0.8%) of 7,723 parameters and 524,288 (0.9%) of ")


def test_a_model_by_name_prints_the_costs_of_the_library(printed, tmp_path, monkeypatch):
    (tmp_path / "somebodys.py").write_text(
        "from torch import nn\n"
        "from coordconv import CoordConv2d\n"
        "class Zoo:\n"
        "    @staticmethod\n"
        "    def build():\n"
        "        first = CoordConv2d(3, 8, 3, convention='monai')\n"
        "        return nn.Sequential(first, nn.Conv2d(8, 4, 1))\n"
    )
    monkeypatch.chdir(tmp_path)
    lines = printed("somebodys:Zoo.build", "--size", 2, 3, 9, 7)
    assert lines == str(coordinate_costs(net(), torch.zeros(2, 3, 9, 7))).splitlines()
    assert printed("somebodys:Zoo.build") == str(coordinate_costs(net())).splitlines()


def test_a_checkpoint_shows_the_weights_for_coordinates(printed, tmp_path):
    save_file(net().state_dict(), tmp_path / "net.safetensors")
    lines = printed(tmp_path / "net.safetensors")
    assert lines[1].split(None, 1) == ["0", "[8, 3, 3, 3]  [8, 2, 3, 3]  144"]
    assert lines[-1] == "144 (35.6%) of 404 values are for coordinates"


@pytest.mark.slow("an exporter")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_exported_file_prints_the_convention_of_its_coordinates(printed, tmp_path):
    to_onnx(net(), torch.zeros(1, 3, 6, 8), tmp_path / "net.onnx")
    to_exported_program(net(), torch.zeros(1, 3, 6, 8), tmp_path / "net.pt2")
    for name in ("net.onnx", "net.pt2"):
        assert printed(tmp_path / name)[1].split() == [
            "0",
            "ij",
            "[-0.5,",
            "0.5]",
            "corners",
            "None",
        ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing", None, "expected the directory of a run, a file, or module:name of a model"),
        ("net.pt", b"", "is a pickle"),
        ("net.h5", b"", "expected a .safetensors, .onnx or .pt2 file"),
        ("net.safetensors", b"no", "is not a valid safetensors file"),
        ("net.onnx", b"no", "net.onnx cannot be read"),
        ("net.pt2", b"no", "net.pt2 cannot be read: BadZipFile"),
        ("", None, "expected the directory of a run"),
        ("a" * 5000, None, "name too long"),
        ("sys:exit", None, "cannot import or call sys:exit: SystemExit"),
        ("no_module:build", None, "cannot import or call no_module:build: ModuleNotFoundError"),
        ("torch.nn:Nothing", None, "cannot import or call torch.nn:Nothing: AttributeError"),
        ("torch.nn:Conv2d", None, "cannot import or call torch.nn:Conv2d: TypeError"),
        ("math:inf", None, "cannot import or call math:inf"),
        ("builtins:dict", None, "expected a torch.nn.Module, got dict"),
    ],
)
def test_unsupported_targets_are_reported_in_one_line(
    name, content, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content)
    assert main(["inspect", name]) == 2
    output = capsys.readouterr()
    assert len(output.err.splitlines()) == 1
    assert said in output.err


def test_the_weights_of_a_large_network_are_accepted(printed, tmp_path):
    weights = tmp_path / "weights.safetensors"
    save_file({"other": torch.zeros(8_100_000)}, weights)
    record = json.loads(read_stored(RUN / "record.json"))
    record["weights_sha256"] = sha256(weights.read_bytes()).hexdigest()
    del record["content_sha256"]  # the digest of what is changed here
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert "of 8,100,000 values" in printed(weights)[-1]


def test_a_record_of_another_network_is_reported_in_one_line(tmp_path, capsys):
    text = read_stored(RUN / "record.json").decode()
    weights = tmp_path / "weights.safetensors"
    save_file({"other": torch.zeros(3)}, weights)
    record = json.loads(text) | {"weights_sha256": sha256(weights.read_bytes()).hexdigest()}
    del record["content_sha256"]  # the digest of what is changed here
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert main(["inspect", str(tmp_path)]) == 2
    assert "does not contain the weights of the network" in capsys.readouterr().err
