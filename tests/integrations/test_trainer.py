"""Trainer and accelerate keep coordinate weights through checkpoints, resumption and dispatch."""

import pytest
import torch
from torch import nn

from coordconv import convert
from coordconv.conversion import conversion_config
from coordconv.layers.coordinates import CoordinateLayer

accelerate = pytest.importorskip("accelerate")
transformers = pytest.importorskip("transformers")

SIZES = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 3}
IMAGES = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
ResNet = transformers.ResNetForImageClassification


class Noise(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return {"pixel_values": torch.randn(3, 16, 16, generator=generator), "labels": index % 3}


def plain():
    return ResNet(transformers.ResNetConfig(**SIZES)).eval()


def converted():
    return convert(plain(), "all", radius=True, convention="monai")


def trained():
    model = converted()
    for module in model.modules():
        if isinstance(module, CoordinateLayer):
            nn.init.normal_(module.coord_weight)
    return model


def run(folder, steps, resume=None, **options):
    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=4,
        save_strategy="steps",
        save_steps=1,
        learning_rate=0.1,
        lr_scheduler_type="constant",
        logging_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=0,
        **options,
    )
    trainer = transformers.Trainer(
        converted(), arguments, train_dataset=Noise(), eval_dataset=Noise()
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def assert_same(model, other):
    numbers, others = model.state_dict(), other.state_dict()
    assert list(numbers) == list(others)
    assert all(torch.equal(value, others[name]) for name, value in numbers.items())
    assert conversion_config(model)["layers"] == conversion_config(other)["layers"]


def test_a_run_that_resumes_is_the_run_that_did_not_stop(tmp_path):
    straight = run(tmp_path / "straight", 3).model
    run(tmp_path / "resumed", 2)
    resumed = run(tmp_path / "resumed", 3, resume=str(tmp_path / "resumed" / "checkpoint-2")).model
    assert_same(straight, resumed)
    assert_same(straight, ResNet.from_pretrained(tmp_path / "straight" / "checkpoint-3"))
    layers = [m for m in straight.modules() if isinstance(m, CoordinateLayer)]
    assert all(layer.coord_weight.count_nonzero() > 0 for layer in layers)  # they were trained


def test_the_best_model_at_the_end_has_its_coordinates(tmp_path):
    best = {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True}
    trainer = run(tmp_path, 3, **best)
    assert_same(trainer.model, ResNet.from_pretrained(trainer.state.best_model_checkpoint))


def test_an_accelerator_saves_and_restores_the_state(tmp_path):
    accelerator = accelerate.Accelerator(cpu=True)
    model = converted()
    prepared, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1))
    accelerator.backward(prepared(IMAGES, labels=torch.tensor([0, 1])).loss)
    optimizer.step()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    accelerator.save_state(str(tmp_path))
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    accelerator.load_state(str(tmp_path))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_empty_model_is_filled_with_its_own_checkpoint(tmp_path):
    model = trained()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    with accelerate.init_empty_weights():
        empty = converted()
    again = accelerate.load_checkpoint_and_dispatch(empty, str(tmp_path), device_map={"": "cpu"})
    assert torch.equal(again(IMAGES).logits, model.eval()(IMAGES).logits)


def test_an_empty_model_with_a_plain_checkpoint_is_refused_and_never_computes(tmp_path):
    plain().save_pretrained(tmp_path)
    with accelerate.init_empty_weights():
        empty, other = converted(), converted()
    with pytest.raises(NotImplementedError, match="meta"):
        accelerate.load_checkpoint_and_dispatch(empty, str(tmp_path), device_map={"": "cpu"})
    accelerate.load_checkpoint_in_model(other, str(tmp_path))
    with pytest.raises(RuntimeError, match="from_plain"):
        other(IMAGES)


def test_an_empty_model_that_gets_memory_starts_at_zero():
    with accelerate.init_empty_weights(include_buffers=True):
        empty = converted()
    model = plain()
    empty.to_empty(device="cpu").load_state_dict(model.state_dict(), strict=False)
    assert torch.equal(empty.eval()(IMAGES).logits, model(IMAGES).logits)


@pytest.mark.parametrize("where", ["cpu", "disk"])
def test_a_device_map_keeps_the_coordinates(tmp_path, where):
    model = trained().eval()
    model.save_pretrained(tmp_path / "saved")
    again = ResNet.from_pretrained(
        tmp_path / "saved",
        device_map={"resnet": where, "classifier": "cpu"},
        offload_folder=str(tmp_path / "offload"),
    )
    assert torch.equal(again(IMAGES).logits, model(IMAGES).logits)


def test_a_device_map_leaves_a_plain_checkpoint_at_zero(tmp_path):
    class Converts(ResNet):
        def __init__(self, config):
            super().__init__(config)
            convert(self, "all")

    model = plain()
    model.save_pretrained(tmp_path)
    again = Converts.from_pretrained(tmp_path, device_map="auto")
    assert torch.equal(again(IMAGES).logits, model(IMAGES).logits)
