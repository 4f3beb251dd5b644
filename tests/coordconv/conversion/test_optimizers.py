"""An existing optimizer trains the coordinate weights like the other weights of a layer."""

import copy
import inspect

import pytest
import torch
from torch import distributed, nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.utils import parametrizations, prune, weight_norm
from torch.optim import SGD, Adam

from coordconv import convert, revert
from coordconv.conversion import Report

INPUT = torch.randn(4, 3, 6, 7, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1, bias=False))


def step(model: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
    def loss() -> torch.Tensor:
        for one in optimizers:
            one.zero_grad()
        value = (model(INPUT) - 1).square().mean()
        value.backward()
        return value

    loss()
    for one in optimizers:
        one.step(loss) if isinstance(one, torch.optim.LBFGS) else one.step()


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def held(optimizer: torch.optim.Optimizer) -> list[list[nn.Parameter]]:
    return [list(group["params"]) for group in optimizer.param_groups]


KINDS = [
    kind
    for kind in vars(torch.optim).values()
    if inspect.isclass(kind) and kind.__name__ not in ("Optimizer", "SparseAdam", "Muon")
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_optimizer_trains_them_like_one_created_afterwards(kind):
    model = network()
    optimizer = kind(model.parameters(), lr=0.01)
    convert(model, where="all", optimizer=optimizer)
    twin = copy.deepcopy(model)
    other = kind(twin.parameters(), lr=0.01)
    for _ in range(3):
        step(model, optimizer)
        step(twin, other)
    assert model[0].coord_weight.count_nonzero() > 0
    for mine, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_optimizer_accepts_them_during_training(kind):
    model = network()
    optimizer = kind(model.parameters(), lr=0.01)
    if kind is not torch.optim.LBFGS:  # It raises an error then.
        step(model, optimizer)
    convert(model, optimizer=optimizer)
    step(model, optimizer)
    assert model[0].coord_weight.count_nonzero() > 0


def test_state_from_the_constructor_is_created_for_them():
    model = network()
    optimizer = torch.optim.Adagrad(model.parameters(), initial_accumulator_value=0.5)
    convert(model, optimizer=optimizer)
    other = torch.optim.Adagrad(model.parameters(), initial_accumulator_value=0.5)
    new = model[0].coord_weight
    assert optimizer.state[new].keys() == other.state[new].keys()
    torch.testing.assert_close(optimizer.state[new]["sum"], other.state[new]["sum"])


@pytest.mark.parametrize("options", [{"foreach": True}, {"fused": True}, {"amsgrad": True}])
def test_every_form_of_adam_trains_them(options):
    model = network()
    optimizer = Adam(model.parameters(), lr=0.1, **options)
    step(model, optimizer)
    convert(model, optimizer=optimizer)
    step(model, optimizer)
    assert model[0].coord_weight.count_nonzero() > 0


def test_they_join_the_group_of_the_weight_and_groups_and_schedules_are_kept():
    model = network()
    optimizer = SGD(
        [
            {"params": [model[0].bias, *model[1].parameters()], "lr": 1.0},
            {"params": [model[2].weight, model[0].weight], "lr": 0.1, "weight_decay": 0.5},
        ]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, [lambda at: 1, lambda at: 0.1**at])
    before = held(optimizer)
    convert(model, where="all", optimizer=optimizer)
    rest, decayed = held(optimizer)
    assert rest == before[0]
    assert set(decayed) == {*before[1], model[0].coord_weight, model[2].coord_weight}
    assert len(decayed) == 4
    step(model, optimizer)
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1.0, 0.01])


@pytest.mark.parametrize("named", [False, True])
def test_the_state_is_that_of_an_optimizer_created_afterwards(named):
    def made(model: nn.Module) -> Adam:
        return Adam(model.named_parameters() if named else model.parameters(), lr=0.1)

    model = network()
    optimizer = made(model)
    step(model, optimizer)
    convert(model, where="all", optimizer=optimizer)
    step(model, optimizer)
    twin = convert(network(), where="all")
    twin.load_state_dict(model.state_dict())
    other = made(twin)
    assert held(optimizer) == [list(model.parameters())]
    assert optimizer.param_groups[0].get("param_names") == other.param_groups[0].get("param_names")
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # The states would be shared.
    step(model, optimizer)
    step(twin, other)
    for mine, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_layers_with_a_tied_weight_get_the_names_of_an_optimizer_created_afterwards(prefix):
    def made() -> Adam:
        return Adam([(f"{prefix}{name}", one) for name, one in model.named_parameters()])

    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
    model[1].weight = model[0].weight
    optimizer = made()
    convert(model, where="all", optimizer=optimizer)
    assert optimizer.param_groups[0]["param_names"] == made().param_groups[0]["param_names"]
    assert held(optimizer) == held(made())


def test_torch_rejects_a_state_saved_before_the_conversion():
    model = network()
    optimizer = Adam(model.parameters())
    before = copy.deepcopy(optimizer.state_dict())
    convert(model, optimizer=optimizer)
    with pytest.raises(ValueError, match="size of optimizer's group"):
        optimizer.load_state_dict(before)


def test_revert_removes_them_and_their_state():
    model = network()
    optimizer = Adam(model.named_parameters(), lr=0.1)
    before, names = held(optimizer), list(optimizer.param_groups[0]["param_names"])
    convert(model, where="all", optimizer=[optimizer])
    step(model, optimizer)
    revert(model, discard=True, optimizer=optimizer)
    assert held(optimizer) == before
    assert optimizer.param_groups[0]["param_names"] == names
    assert set(optimizer.state) == set(model.parameters())
    step(model, optimizer)


def test_a_separate_group_is_left_empty():
    model = convert(network())
    new = [one for name, one in model.named_parameters() if name.endswith("coord_weight")]
    old = [one for name, one in model.named_parameters() if not name.endswith("coord_weight")]
    optimizer = SGD([{"params": old}, {"params": new}], lr=0.1)
    revert(model, optimizer=optimizer)
    assert held(optimizer) == [old, []]
    step(model, optimizer)


def test_each_of_several_optimizers_gets_the_weights_of_its_layers():
    model = network()
    first, second = SGD(model[0].parameters(), 0.1), Adam(model[2].parameters(), 0.1)
    convert(model, where="all", optimizer=[first, second])
    assert [one is model[0].coord_weight for one in held(first)[0]].count(True) == 1
    assert held(second) == [[model[2].weight, model[2].coord_weight]]
    step(model, first, second)
    assert all(one.coord_weight.count_nonzero() > 0 for one in (model[0], model[2]))


def pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


@pytest.mark.parametrize("computed", [parametrizations.weight_norm, weight_norm, pruned])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_parametrized_weight_determines_the_group_too(computed, bias):
    layer = computed(nn.Conv2d(3, 4, 3, bias=bias))
    optimizer = SGD(layer.named_parameters(), 0.1)
    convert(layer, optimizer=optimizer)
    assert held(optimizer) == [list(layer.parameters())]
    assert optimizer.param_groups[0]["param_names"] == [
        name for name, _ in layer.named_parameters()
    ]
    step(layer, optimizer)
    assert layer.coord_weight.count_nonzero() > 0


def test_the_model_may_be_a_part_of_the_trained_model():
    model = nn.ModuleDict({"head": nn.Linear(2, 2), "net": network()})
    optimizer = Adam(model.named_parameters())
    convert(model["net"], where="all", optimizer=optimizer)
    assert held(optimizer) == [list(model.parameters())]
    assert optimizer.param_groups[0]["param_names"] == [
        name for name, _ in model.named_parameters()
    ]


class Foreign(SGD):
    """An optimizer like that of Horovod, whose methods are functions of the module of Horovod."""

    def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().step(closure)


Foreign.step.__module__ = "horovod.torch.optimizer"


def with_history(model: nn.Module) -> torch.optim.LBFGS:
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    step(model, optimizer)
    return optimizer


REFUSED = {
    "another model's": (lambda model: SGD(network().parameters(), 0.1), "does not hold the weight"),
    "one layer's": (lambda model: SGD(model[2].parameters(), 0.1), "'0'"),
    "L-BFGS with a history": (with_history, "LBFGS keeps a history"),
    "Horovod's": (lambda model: Foreign(model.parameters(), 0.1), "created with"),
    "a learning rate": (lambda model: 0.1, "must be a torch.optim.Optimizer"),
    "a schedule": (
        lambda model: torch.optim.lr_scheduler.StepLR(SGD(model.parameters(), 0.1), 1),
        "must be a torch.optim.Optimizer",
    ),
    "parameters": (lambda model: [*model.parameters()], "must be a torch.optim.Optimizer"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_an_unsupported_optimizer_raises_an_error_before_anything_changes(wrong):
    model = network()
    make, said = REFUSED[wrong]
    optimizer = make(model)
    before = held(optimizer) if isinstance(optimizer, torch.optim.Optimizer) else None
    with pytest.raises((ValueError, TypeError), match=said):
        convert(model, where="all", optimizer=optimizer)
    assert [type(one) for one in model] == [nn.Conv2d, nn.BatchNorm2d, nn.Conv2d]
    assert before is None or held(optimizer) == before


def test_an_optimizer_that_shards_its_parameters_raises_an_error():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        model = network()
        optimizer = ZeroRedundancyOptimizer(model.parameters(), SGD, lr=0.1)
        with pytest.raises(ValueError, match="ZeroRedundancyOptimizer"):
            convert(model, optimizer=optimizer)
        assert type(model[0]) is nn.Conv2d
    finally:
        distributed.destroy_process_group()


def test_the_error_marks_frozen_weights_that_the_optimizer_does_not_hold():
    model = network()
    model[0].requires_grad_(False)
    optimizer = SGD([one for one in model.parameters() if one.requires_grad], 0.1)
    with pytest.raises(ValueError, match=r"'0' \(frozen\).*add_param_group"):
        convert(model, optimizer=optimizer)
    convert(model)  # As the message says.
    optimizer.add_param_group({"params": [model[0].coord_weight]})
    step(model, optimizer)
    assert model[0].coord_weight.count_nonzero() > 0


def test_a_gradient_scaler_continues_to_work():
    model = network()
    optimizer, scaler = SGD(model.parameters(), 0.1), torch.amp.GradScaler("cpu")
    for at in range(2):
        optimizer.zero_grad()
        scaler.scale(model(INPUT).square().mean()).backward()
        scaler.step(optimizer)
        scaler.update()
        if not at:
            convert(model, optimizer=optimizer)
    assert model[0].coord_weight.count_nonzero() > 0


def test_wrapped_optimizers_train_them():
    fabric = pytest.importorskip("lightning_fabric").Fabric(accelerator="cpu")
    model = network()
    wrapper, optimizer = fabric.setup(model, SGD(model.parameters(), 0.1))
    convert(wrapper, optimizer=optimizer)
    step(wrapper, optimizer)
    assert model[0].coord_weight.count_nonzero() > 0


def test_an_optimizer_prepared_by_accelerate_trains_them():
    accelerate = pytest.importorskip("accelerate")
    model = network()
    prepared = accelerate.Accelerator(cpu=True).prepare(model, SGD(model.parameters(), 0.1))
    convert(prepared[0], optimizer=prepared[1])
    step(*prepared)
    assert model[0].coord_weight.count_nonzero() > 0


@pytest.mark.parametrize(("where", "said"), [("first", "1 new coordinate"), ("all", "2 new")])
def test_without_an_optimizer_the_report_notes_the_untrained_weights(where, said):
    reports: list[Report] = []
    convert(network(), where, report=reports.append)
    assert "existing optimizer does not hold" in str(reports[0])
    assert said in str(reports[0])
    model = network()
    convert(model, where, optimizer=SGD(model.parameters(), 0.1), report=reports.append)
    assert "optimizer" not in str(reports[1])
    convert(model, where, report=reports.append)  # This adds nothing.
    assert "optimizer" not in str(reports[2])
