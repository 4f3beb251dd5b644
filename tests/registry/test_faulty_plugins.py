"""A plug-in whose results cannot be recorded, or are of another version, is refused in one line."""

import json
from pathlib import Path

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import spec_by_recipe, with_settings
from coordconv_lab.registry import Plugin, use_plugins
from coordconv_lab.results import RunStore
from coordconv_lab.train import run
from tests.registry.test_plugins import PULSES, TRAIN, coordconv, own_registry

SCORES = '{"accuracy": (error < 1).float(), "error": error}'
LOSS = "return functional.mse_loss(self.ask(net, examples), self.position[examples])"
SUMMARY = """
    def summarise(self, scores):
        return {returned}

    def inputs("""
FILES = """
    def observer(self, data):
        class Picture:
            def watch(self, examples, outputs):
                pass

            def files(self):
                return {returned}

        return Picture()

    def inputs("""
ARRAYS = """
    def arrays(self, net, data):
        import numpy

        return {returned}

    def inputs("""
UNITS = """
    units = {names}

    def unit(self, examples: Tensor) -> Tensor:
        return {unit}

    def inputs("""


def plugin(directory: Path, old: str, new: str, name: str = "plugin.py") -> Path:
    """Write the example with one change."""
    text = PULSES.read_text()
    assert text.count(old) == 1
    path = directory / name
    path.write_text(text.replace(old, new))
    return path


def scores(changed: str) -> tuple[str, str]:
    return SCORES, changed


def method(code: str, returned: str) -> tuple[str, str]:
    return "\n    def inputs(", code.format(returned=returned)


def units(names: str, unit: str) -> tuple[str, str]:
    return "\n    def inputs(", UNITS.format(names=names, unit=unit)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (scores('{"accuracy": (error < 1).float().mean(), "error": error}'), "got shape ()"),
        (scores('{"accuracy": (error < 1)[:, None], "error": error}'), "got shape (2, 1)"),
        (scores('{"accuracy": 0.5, "error": error}'), "a tensor of shape (B,) for 'accuracy'"),
        (scores('{"accuracy": (error < 1).float()}'), "declares the score 'error'"),
        (scores('{"error": error}'), "declares the score 'accuracy'"),
        (scores('{"accuracy": error * 0, "error": error, "IoU-50": error}'), "got 'IoU-50'"),
        (scores('{"accuracy": error * float("nan"), "error": error}'), "is nan for training"),
        (
            scores('{"accuracy": error + 2, "error": error}'),
            "the score accuracy must be between 0 and 1",
        ),
        (scores('{"accuracy": error * 0, "error": error - 100}'), "below 0"),
        (scores('{"accuracy": error * 0, "error": error + 0j}'), "real numbers for 'error'"),
        (method(SUMMARY, "None"), "a dictionary from names to numbers, got None"),
        (method(SUMMARY, '{"accuracy": True, "error": 1.0}'), "a number for 'accuracy', got True"),
        (
            method(SUMMARY, '{"accuracy": "0.5", "error": 1.0}'),
            "a number for 'accuracy', got '0.5'",
        ),
        (method(SUMMARY, '{"accuracy": 0.5, "error": None}'), "a number for 'error', got None"),
        (method(SUMMARY, "scores"), "a number for 'accuracy', got tensor"),
        (units('(one for one in ("Anna", "Bob"))', "examples % 2"), "units must be a tuple"),
        (method(FILES, '{"../a.png": b""}'), "got '../a.png'"),
        (method(FILES, '{"spec.json": b""}'), "spec.json is a file of every run"),
        (method(FILES, '{"a.txt": "text"}'), "bytes for a.txt, got 'text'"),
        (method(FILES, "None"), "a dictionary from names to bytes"),
        (method(ARRAYS, '{"error": [0.0]}'), "two arrays 'error', the second from the arrays"),
        (method(ARRAYS, '{"predicted": [0.0]}'), "two arrays 'predicted'"),
        (method(ARRAYS, '{"a": numpy.array([None])}'), "expected numbers in 'a', got objects"),
        (units('("Anna (left)", "Bob")', "examples % 2"), "units contains 'Anna (left)'"),
        (units('("Anna", "Anna")', "examples % 2"), "contains a name twice"),
        (units('("Anna", "Bob")', "examples % 3"), "from 0 to 1; got indices from 0 to 2"),
        (units('("Anna", "Bob")', "-examples % 2 - 1"), "from 0 to 1; got indices from -1 to 0"),
        (units('("Anna", "Bob")', "examples / 1000"), "as integers"),
        (units('("Anna", "Bob")', "examples[:1]"), "shape (320,); got (1,)"),
        (
            (
                "self.position[examples])\n\n    def score",
                "self.position[examples], reduction='none')\n\n    def score",
            ),
            "must be a scalar",
        ),
        (
            (
                "return functional.mse_loss(self.ask(net, examples)",
                "return functional.mse_loss(self.ask(net, examples).detach()",
            ),
            "does not depend on any parameter",
        ),
        ((LOSS, f"{LOSS}.item()"), "LocatePulse.loss must return one real number, as a tensor"),
        ((LOSS, "return [net(self.inputs(examples)).sum()]"), "return their sum"),
        ((LOSS, f"{LOSS} * 1j"), "got torch.complex64"),
    ],
)
def test_results_that_cannot_be_recorded_are_refused(tmp_path, change, said):
    assert_refused(tmp_path, change, said)


def assert_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """Check that a run with a changed plug-in ends with one line of error and no record."""
    done = coordconv(*TRAIN, within=tmp_path, plugin=plugin(tmp_path, *change))
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("runs/*/record.json"))


def test_a_network_without_parameters_is_refused(tmp_path):
    change = ('self.weight = nn.Conv1d(1, 1, spec.kernel, padding="same")', "self.weight = Blank()")
    path = plugin(tmp_path, *change)
    text = path.read_text().replace("self.value = layer(1, 1, 1)", "self.value = nn.Identity()")
    blank = "class Blank(nn.Identity):\n    weight = torch.ones(1)\n\n\nclass PulseNet(nn.Module):"
    path.write_text(text.replace("class PulseNet(nn.Module):", blank))
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2
    assert "the network has no parameters" in done.stderr


def test_units_are_all_in_the_record(tmp_path):
    change = units('("Anna", "Bob")', "examples % 2")
    done = coordconv(*TRAIN, within=tmp_path, plugin=plugin(tmp_path, *change))
    assert done.returncode == 0, done.stderr
    [record] = tmp_path.glob("runs/*/record.json")
    assert list(json.loads(record.read_text())["units"]) == ["Anna", "Bob"]


def test_a_summary_of_tensors_is_recorded_as_numbers(tmp_path):
    change = method(SUMMARY, "{name: one.double().mean() for name, one in scores.items()}")
    done = coordconv(*TRAIN, within=tmp_path, plugin=plugin(tmp_path, *change))
    assert done.returncode == 0, done.stderr
    [record] = tmp_path.glob("runs/*/record.json")
    assert json.loads(record.read_text())["scores"]["test"]["accuracy"] >= 0


@pytest.mark.parametrize(("old", "new"), [("1.0", "2.0"), ("1.0+a", "1.0+b")])
def test_a_record_of_another_version_is_not_used(tmp_path, old, new):
    older, newer = (
        plugin(tmp_path, 'version="1.0"', f'version="{one}"', f"{one}.py") for one in (old, new)
    )
    assert coordconv(*TRAIN, within=tmp_path, plugin=older).returncode == 0
    done = coordconv(*TRAIN, within=tmp_path, plugin=newer)
    assert done.returncode == 2
    assert f"version {old}+" in done.stderr
    assert f"version {new}+" in done.stderr
    assert coordconv(*TRAIN, "--runs", "other", within=tmp_path, plugin=newer).returncode == 0


@pytest.mark.parametrize("version", [1.0, None, ""])
def test_a_version_that_is_not_a_text_is_refused(version):
    with pytest.raises(InputError, match="version of the plug-in one must be a text"):
        Plugin(name="one", version=version)


def test_a_run_that_failed_is_retried_with_a_corrected_plugin(tmp_path):
    space = "name: tries\nrows: [{task: locate-pulse, split: right}]\n"
    (tmp_path / "tries.yaml").write_text(f"{space}settings: {{training.epochs: [1]}}\n")
    line = ["sweep", "tries.yaml", "--jobs", "1"]
    broken = plugin(tmp_path, *scores('{"accuracy": error.view(-1, 3), "error": error}'))
    for _ in range(2):
        said = coordconv(*line, within=tmp_path, plugin=broken).stdout
        assert "0 of 1" in said
        assert "1 failed" in said
    assert "0 remaining" in said
    said = coordconv(*line, within=tmp_path).stdout
    assert "1 remaining" in said
    assert "1 of 1" in said
    assert "failed:" not in said


def test_a_changed_file_of_the_same_version_is_noted_once(tmp_path):
    assert coordconv(*TRAIN, within=tmp_path).returncode == 0
    changed = plugin(tmp_path, "A weighted vote", "The weighted vote")
    done = coordconv(*TRAIN, within=tmp_path, plugin=changed)
    assert done.returncode == 0
    assert "change the version if results change" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("change", [('version="1.0"', 'version="2.0"'), ("A weighted", "A plain")])
def test_a_checkpoint_of_other_code_is_not_resumed(tmp_path, change):
    store = RunStore(tmp_path / "runs")

    class StopError(Exception):
        pass

    class Stopping:
        def start(self, specs, steps):
            pass

        def measured(self, rows):
            pass

        def advance(self, step, last_loss):
            if step == 3:
                raise StopError

    with own_registry():
        use_plugins([PULSES])
        spec = spec_by_recipe("locate-pulse", "right", "coordconv")
        spec = with_settings(spec, {"training.epochs": 3})
        with pytest.raises(StopError):
            run(spec, store, Stopping(), checkpoint_seconds=0)
    done = coordconv(*TRAIN, within=tmp_path, plugin=plugin(tmp_path, *change))
    assert done.returncode == 2
    assert "restore the files of the plug-ins, or delete the checkpoint" in done.stderr
    assert coordconv(*TRAIN, within=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        ((", seed=seed)", ")"), ("reproduce", "--experiment", "pulses", "--seeds", "2"), "no seed"),
        (("split=split", 'split="right"'), (*TRAIN[:2], "--split", "random"), "no split 'random'"),
        (("A weighted", "A plain"), (*TRAIN, "--model", "cordconv"), "no model 'cordconv'"),
        (("return ExperimentSpec(", "return ("), TRAIN, "must return an ExperimentSpec"),
    ],
)
def test_a_recipe_that_returns_another_run_is_refused(tmp_path, change, arguments, said):
    path = plugin(tmp_path, *change)
    if said.startswith("must"):
        path.write_text(path.read_text().replace("model=network, training=training", ""))
        path.write_text(path.read_text().replace("task=task, data=data, , seed=seed", "task, data"))
    done = coordconv(*arguments, within=tmp_path, plugin=path)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("task", ["digit-boxes", "classification"])
def test_values_that_a_recipe_refuses_are_refused_in_one_line(task):
    with pytest.raises(InputError) as caught:
        spec_by_recipe(task, "quadrant", seed=0 if task == "digit-boxes" else -1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["right/left", "../right", ".", "rechts über"])
@pytest.mark.parametrize("what", ["split", "family"])
def test_a_name_that_is_not_part_of_a_directory_name_is_refused(tmp_path, what, name):
    old = '"right"] = "random"' if what == "split" else 'return "coordconv"'
    path = plugin(tmp_path, old, old.replace("right", name).replace("coordconv", name))
    text = path.read_text().replace('network="coordconv"', f'network="{name}"')
    if what == "family":
        path.write_text(text.replace('model == "coordconv"', f'model == "{name}"'))
    split = name if what == "split" else "right"
    done = coordconv(*TRAIN[:2], "--split", split, within=tmp_path, plugin=path)
    assert done.returncode == 2, done.stdout
    assert "part of the name of a directory" in done.stderr
    assert not list(tmp_path.glob("runs"))
