"""Data that are not points on a canvas: volumes, several losses, two networks that compete."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from coordconv_lab.claims import Claim, Finding
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.ledger import ledger
from coordconv_lab.claims.usefulness import Question
from coordconv_lab.cli import main
from coordconv_lab.errors import FailingRunError, InputError
from coordconv_lab.examples import IndexedData
from coordconv_lab.objective import Objective
from coordconv_lab.recipes import spec_by_recipe, with_settings
from coordconv_lab.registry import (
    Experiment,
    Network,
    Plugin,
    Reproduction,
    Score,
    Task,
    registry,
)
from coordconv_lab.results import RunStore
from coordconv_lab.run_study import run_study
from coordconv_lab.specs import DatasetSpec, NetworkSpec, TrainingSpec
from coordconv_lab.studies import Study, study_named
from coordconv_lab.studies.study import over_seeds
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.train import Hardware, run
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.setup import Setup
from tests.registry.test_plugins import own_registry


class VolumeSpec(DatasetSpec):
    """Volumes of (D, H, W) = (3, 4, 5) voxels, bright on one side."""


class TrainingOfTwoLosses(TrainingSpec):
    smoothness: float = 0.1


def load(spec: VolumeSpec, device: torch.device) -> IndexedData:
    generator = torch.Generator().manual_seed(0)
    side = torch.rand(20, generator=generator) < 0.5
    volume = torch.randn(20, 1, 3, 4, 5, generator=generator) + side[:, None, None, None, None]
    latent = torch.randn(20, 2, generator=generator)
    tensors = {"volume": volume, "side": side.float(), "latent": latent}
    return IndexedData(torch.arange(20) < 15, tensors, device)


class WhichSide(Objective):
    """Two losses: cross-entropy, and the size of the logits, weighted by a setting."""

    keeps_predictions = True

    def __init__(self, spec, data) -> None:
        self.tensors, self.weight = data.tensors, spec.training.smoothness

    def inputs(self, examples: Tensor) -> Tensor:
        return self.tensors["volume"][examples]

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        logits, side = self.ask(net, examples), self.tensors["side"][examples]
        first = functional.binary_cross_entropy_with_logits(logits, side)
        return first + self.weight * logits.square().mean()

    def score(self, predictions: Tensor, examples: Tensor) -> dict[str, Tensor]:
        return {"accuracy": ((predictions > 0) == (self.tensors["side"][examples] > 0)).float()}


class WithDropout(NetworkSpec):
    kind: Literal["dropout"] = "dropout"


def with_dropout(spec: WithDropout, data: VolumeSpec) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1), nn.Dropout(), nn.Flatten(), nn.Linear(240, 1), nn.Flatten(0)
    )


class Competition(nn.Module):
    """A generator and a discriminator; the network generates."""

    def __init__(self, spec: "CompetitionSpec", data: VolumeSpec) -> None:
        super().__init__()
        self.generator = nn.Linear(2, 60)
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(60, 1))

    def forward(self, latent: Tensor) -> Tensor:
        return self.generator(latent).reshape(-1, 1, 3, 4, 5)


class CompetitionSpec(NetworkSpec):
    kind: Literal["competition"] = "competition"


class Generate(Objective):
    """The generator minimizes its loss with the discriminator's parameters held, and back."""

    def __init__(self, spec, data) -> None:
        self.tensors = data.tensors

    def inputs(self, examples: Tensor) -> Tensor:
        return self.tensors["latent"][examples]

    def loss(self, net: Competition, examples: Tensor) -> Tensor:
        fake, real = self.ask(net, examples), self.tensors["volume"][examples]
        held = {name: one.detach() for name, one in net.discriminator.named_parameters()}
        fooled = functional_call(net.discriminator, held, (fake,))
        judged = (net.discriminator(real), net.discriminator(fake.detach()))
        return functional.softplus(-fooled).mean() + (
            functional.softplus(-judged[0]).mean() + functional.softplus(judged[1]).mean()
        )

    def score(self, predictions: Tensor, examples: Tensor) -> dict[str, Tensor]:
        error = (predictions - self.tensors["volume"][examples]).square().mean((1, 2, 3, 4))
        return {"closeness": (-error).exp()}


def plugin(**changes) -> Plugin:
    accuracy, closeness = Score(name="accuracy"), Score(name="closeness")
    tasks = (
        Task(name="side", baseline="dropout", scores=(accuracy,), solved=1.0, make=WhichSide),
        Task(name="faking", baseline="competition", scores=(closeness,), solved=1.0, make=Generate),
    )
    volumes = Experiment(
        name="volumes",
        title="Volumes",
        data=VolumeSpec,
        load=load,
        tasks=tasks,
        training=TrainingOfTwoLosses,
        reproduction=Reproduction(tasks=("side",)),
    )
    networks = (
        Network(spec=WithDropout, build=with_dropout, tasks=("side",)),
        Network(spec=CompetitionSpec, build=Competition, tasks=("faking",)),
    )
    return Plugin(name="volumes", version="1", experiments=(volumes,), networks=networks)


@pytest.fixture(autouse=True)
def volumes() -> Iterator[None]:
    with own_registry():
        registry().add(plugin())
        yield


@pytest.mark.parametrize("task", ["side", "faking"])
def test_it_is_trained_and_recorded(task, tmp_path):
    record = run(with_settings(spec_by_recipe(task), {"training.epochs": 2}), RunStore(tmp_path))
    assert record.provenance.plugins == {"volumes": "1"}
    assert 0 <= record.test_score <= 1
    assert RunStore(tmp_path).record(record.spec) == record


@pytest.mark.parametrize("task", ["side", "faking"])
def test_a_resumed_run_has_the_same_bits_though_its_network_is_random(task):
    spec = with_settings(spec_by_recipe(task), {"training.epochs": 3, "training.batch_size": 5})
    whole, first, resumed = (Loop(Setup([spec], Hardware("cpu"))) for _ in range(3))
    for _ in whole.run():
        pass
    for step in first.run():
        if step == 4:
            break
    torch.rand(3)  # the global state of the generator is not part of a checkpoint
    resumed.load_state_dict(first.state_dict())
    for _ in resumed.run():
        pass
    for one, other in zip(
        whole.setup.nets[0].parameters(), resumed.setup.nets[0].parameters(), strict=True
    ):
        assert torch.equal(one, other)


class WithNoise(WhichSide):
    """A loss that draws random numbers itself."""

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        logits = self.ask(net.eval(), examples)
        return super().loss(net, examples) * 0 + (logits + torch.randn(())).square().mean()


class WithItem(WhichSide):
    """A loss that reads a number, which is not the same for all networks."""

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        logits = self.ask(net.eval(), examples)
        return logits.mean() * logits.mean().item()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (WhichSide, "draws random numbers in training, as dropout does"),
        (WithNoise, "draws random numbers in training"),
        (WithItem, "torch.vmap does not support the network or its loss"),
    ],
)
def test_an_ensemble_that_cannot_be_computed_together_is_refused_in_one_line(
    make, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(registry().tasks, "side", replace(registry().tasks["side"], make=make))
    line = ["train", "side", "--epochs", "1", "--runs", str(tmp_path)]
    assert main([*line, "--ensemble", "2"]) == 2
    [words] = capsys.readouterr().err.splitlines()
    assert said in words
    assert words.endswith("train them one by one, without --ensemble")
    assert main(line) == 0


def test_each_side_of_a_competition_has_the_gradient_of_its_own_loss():
    spec = spec_by_recipe("faking")
    setup = Setup([spec], Hardware("cpu"))
    net, some = setup.nets[0], torch.arange(6)
    setup.objective.loss(net, some).backward()
    found = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    fake, real = net(setup.objective.inputs(some)), setup.data.tensors["volume"][some]
    ours = functional.softplus(-net.discriminator(fake)).mean()
    wanted = list(torch.autograd.grad(ours, list(net.generator.parameters()), retain_graph=True))
    theirs = functional.softplus(-net.discriminator(real)).mean()
    theirs = theirs + functional.softplus(net.discriminator(fake.detach())).mean()
    wanted += torch.autograd.grad(theirs, list(net.discriminator.parameters()))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_the_weight_of_a_loss_is_a_setting_of_the_run_and_changes_its_id():
    spec = spec_by_recipe("side")
    heavier = with_settings(spec, {"training.smoothness": 1.0})
    assert heavier.id != spec.id
    assert with_settings(spec, {"training.smoothness": 0.1}).id == spec.id


def test_names_that_are_taken_are_refused_together():
    before = set(registry().tasks)
    task = Task(name="side", baseline="x", scores=(Score(name="a"),), solved=1, make=WhichSide)
    with pytest.raises(InputError, match="two tasks with the name 'side'"):
        registry().add(Plugin(name="other", version="1", tasks={"volumes": (task,)}))
    assert set(registry().tasks) == before
    assert "other" not in registry().plugins


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": (Score(name="error", high=9.0),)}, "between 0 and 1"),
        ({"scores": ()}, "needs a main score"),
        ({"name": "../up"}, "the name of a task must match"),
        ({"solved": 2.0}, "solved must be between 0 and 1"),
    ],
)
def test_a_task_that_cannot_be_shown_is_refused(changes, said):
    fields = {"name": "x", "baseline": "x", "scores": (Score(name="a"),), "solved": 1.0}
    with pytest.raises(InputError, match=said):
        Task(**{**fields, "make": WhichSide, **changes})


def test_a_builder_that_does_not_return_a_module_is_named(tmp_path, monkeypatch):
    network = Network(spec=WithDropout, build=lambda spec, data: 3, tasks=("side",))
    monkeypatch.setitem(registry().networks, "dropout", network)
    with pytest.raises(InputError, match="must return a torch"):
        run(spec_by_recipe("side"), RunStore(tmp_path))
    network = Network(spec=WithDropout, build=lambda *_: nn.Linear(3, 1), tasks=("side",))
    monkeypatch.setitem(registry().networks, "dropout", network)
    with pytest.raises(FailingRunError, match="cannot be used on these data"):
        run(spec_by_recipe("side"), RunStore(tmp_path))


class Tied(nn.Module):
    """Two layers with the same weights."""

    def __init__(self, spec, data) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(60, 60), nn.Linear(60, 60)
        self.second.weight = self.first.weight

    def forward(self, volumes: Tensor) -> Tensor:
        return self.second(self.first(volumes.flatten(1)).relu()).mean(1)


def test_a_network_with_tied_weights_is_recorded_with_both(tmp_path, monkeypatch):
    network = Network(spec=WithDropout, build=Tied, tasks=("side",))
    monkeypatch.setitem(registry().networks, "dropout", network)
    store, spec = RunStore(tmp_path), spec_by_recipe("side")
    assert run(spec, store).parameters == 60 * 60 + 60 + 60
    weights = load_file(store.directory(spec) / "weights.safetensors")
    assert torch.equal(weights["first.weight"], weights["second.weight"])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda *_: nn.Sequential(nn.Flatten(), nn.LazyLinear(1)), "1.weight is of a lazy layer"),
        (lambda *_: nn.Linear(3, 1, device="meta"), "weight is on the meta device"),
    ],
)
def test_a_network_whose_weights_have_no_values_is_refused(tmp_path, monkeypatch, build, said):
    network = Network(spec=WithDropout, build=build, tasks=("side",))
    monkeypatch.setitem(registry().networks, "dropout", network)
    with pytest.raises(InputError, match=said):
        run(spec_by_recipe("side"), RunStore(tmp_path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_train": (torch.arange(20) < 15).long()}, "is_train as a Boolean tensor"),
        ({"is_train": torch.arange(19) < 15}, "as a Boolean tensor, \\(20,\\); got"),
        ({"is_train": torch.ones(20, dtype=torch.bool)}, "one training and one held-out"),
        ({"examples": list(range(20))}, "expected examples as a tensor"),
    ],
)
def test_data_that_do_not_mark_their_training_examples_are_refused(
    tmp_path, monkeypatch, changes, said
):
    def changed(spec: VolumeSpec, device: torch.device) -> IndexedData:
        data = load(spec, device)
        vars(data).update(changes)
        return data

    experiment = replace(registry().experiments["volumes"], load=changed)
    monkeypatch.setitem(registry()._experiment_of, "side", experiment)
    with pytest.raises(InputError, match=said):
        run(spec_by_recipe("side"), RunStore(tmp_path))


def test_its_main_table_is_reproduced(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ["reproduce", "--experiment", "volumes", "--seeds", "2"]
    assert main([*line, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "[choices: side]" in shown
    assert "classification" not in shown
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "side, default" in said
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 2
    rows = json.loads((tmp_path / "runs" / "summary.json").read_text())
    assert [(row["model"], row["seed"]) for row in rows] == [("dropout", 0), ("dropout", 1)]
    assert {"train_accuracy", "test_accuracy", "seconds", "parameters"} <= set(rows[0])
    assert (tmp_path / "runs" / "report.html").exists()
    assert main(["reproduce", "--experiment", "volumes", "--task", "faking"]) == 2
    assert 'Choose from: "side"' in capsys.readouterr().err


def test_its_questions_are_reproduced(tmp_path, capsys, monkeypatch):
    """A plug-in with a study and a question gets the same table as the experiments here."""
    monkeypatch.chdir(tmp_path)

    def studies() -> dict:
        arms = {
            f"rate {rate}": over_seeds(
                with_settings(
                    spec_by_recipe("side"), {"training.epochs": 1, "training.learning_rate": rate}
                ),
                2,
            )
            for rate in (0.1, 0.01)
        }
        return {"rates": lambda: Study("rates", "Which rate?", arms)}

    def questions() -> list[Question]:
        sides = {"plain": ("rate 0.1",), "told": ("rate 0.01",)}
        return [Question(title="slow", score="accuracy", unit="seeds", study="rates", **sides)]

    rates = Experiment(
        name="rates",
        title="Rates",
        data=VolumeSpec,
        load=load,
        tasks=(),
        studies=studies,
        reproduction=Reproduction(questions=questions, seeds=3),
    )
    registry().add(Plugin(name="rates", version="1", experiments=(rates,)))
    assert main(["reproduce", "--experiment", "rates"]) == 0
    said = capsys.readouterr().out
    rows = json.loads((tmp_path / "runs" / "summary.json").read_text())
    assert [row["seed"] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert len({row["run"] for row in rows}) == 6
    assert "accuracy over 3 seeds" in said


def test_an_experiment_without_a_main_table_is_not_reproduced(capsys):
    registry().experiments["volumes"] = replace(
        registry().experiments["volumes"], reproduction=None
    )
    assert main(["reproduce", "--experiment", "volumes"]) == 2
    [words] = capsys.readouterr().err.splitlines()
    assert "the experiment volumes does not declare a table to reproduce" in words
    assert "or choose from notsoclevr, " in words
    assert main(["reproduce", "--experiment", "volumess"]) == 2
    assert 'Did you mean "volumes"?' in capsys.readouterr().err


def test_a_main_table_names_tasks_of_its_experiment():
    with pytest.raises(InputError, match="names the task 'sides', but the tasks are side, faking"):
        replace(registry().experiments["volumes"], reproduction=Reproduction(tasks=("sides",)))
    with pytest.raises(InputError, match=r"needs either tasks.*got neither"):
        Reproduction(tasks=())
    with pytest.raises(InputError, match=r"or questions; got both"):
        Reproduction(tasks=("side",), questions=list)
    with pytest.raises(InputError, match="show is only for a Reproduction of tasks"):
        Reproduction(questions=list, show=print)
    with pytest.raises(InputError, match="needs at least 1 seed; got 0"):
        Reproduction(tasks=("side",), seeds=0)


def test_its_studies_and_claims_are_listed_and_run_like_ours(tmp_path):
    def seeds() -> dict:
        specs = over_seeds(with_settings(spec_by_recipe("side"), {"training.epochs": 1}), 2)
        return {"sides": lambda: Study("sides", "Does it learn the side?", {"dropout": specs})}

    def is_learned(evidence: Evidence) -> Finding:
        scores = [record.test_score for record in evidence.runs("sides", "dropout")]
        return Finding("undecided", len(scores), "accuracy", sum(scores) / len(scores))

    told = Claim("side-is-learned", "The side is learned.", "this test", "ours", is_learned)
    experiment = Experiment(
        name="sides",
        title="Sides",
        data=VolumeSpec,
        load=load,
        tasks=(),
        studies=seeds,
        claims=lambda: [told],
    )
    registry().add(Plugin(name="sides", version="1", experiments=(experiment,)))
    [before] = ledger(tmp_path, ids=["side-is-learned"])
    assert before.finding.verdict == "not yet"
    run_study(study_named("sides"), tmp_path, Hardware("cpu"))
    [after] = ledger(tmp_path, ids=["side-is-learned"])
    assert (after.finding.verdict, after.finding.n) == ("undecided", 2)
    assert sweep_named("sides").study.specs == study_named("sides").specs
