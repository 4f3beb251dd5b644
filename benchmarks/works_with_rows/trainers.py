"""Trainers: after one step, all weights are those of a step by hand."""

import copy
import tempfile

import torch

import coordconv
from works_with_rows.registry import Pair, row
from works_with_rows.stepping import RATE, loss_of, stepped

FORMS = ("layer", "module", "expanded layer")
STEPS = 6


def trainer(name, *packages, **options):
    """Register a row whose expectation is a step by hand."""
    return row(name, "trainers", *packages, expected=stepped, forms=FORMS, **options)


@trainer("torch.optim", "torch")
def plain_loop(model, x):
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    with torch.enable_grad():
        loss_of(model(x)).backward()
    optimizer.step()
    return model


def grouped(model):
    """Sort parameters by attributes, as YOLOX and older YOLOv5 do."""
    groups = [], [], []
    for one in model.modules():
        if isinstance(getattr(one, "bias", None), torch.nn.Parameter):
            groups[2].append(one.bias)
        if isinstance(one, torch.nn.BatchNorm2d):
            groups[0].append(one.weight)
        elif isinstance(getattr(one, "weight", None), torch.nn.Parameter):
            groups[1].append(one.weight)
    optimizer = torch.optim.SGD(groups[0], lr=RATE)
    optimizer.add_param_group({"params": groups[1], "weight_decay": 0.0})
    optimizer.add_param_group({"params": groups[2]})
    return optimizer


def expanded_then_grouped(model, x):
    model = coordconv.decompose(model, form="module")  # before the optimizer is made
    return by_attribute(model, x)  # trains with parameters sorted by module.weight and module.bias


def stepped_often(model, x):
    for _ in range(STEPS):
        stepped(model, x)
    return model


@row("an optimizer by attribute names (YOLOX, YOLOv5)", "trainers", "torch", forms=FORMS,
     expected=stepped_often, recipe=expanded_then_grouped)  # fmt: skip
def by_attribute(model, x):
    optimizer = grouped(model)
    for one in model.modules():
        one.training = not isinstance(one, torch.nn.BatchNorm2d)
    for _ in range(STEPS):
        with torch.enable_grad():
            loss_of(model(x)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@trainer("torch.amp.GradScaler", "torch")
def scaled(model, x):
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with torch.enable_grad():
        scaler.scale(loss_of(model(x))).backward()
    scaler.step(optimizer)
    scaler.update()
    return model


@trainer("torch.nn.utils.clip_grad_norm_", "torch")
def clipped(model, x):
    """The norm counts the gradients of coordinate weights: a large bound clips nothing."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    with torch.enable_grad():
        loss_of(model(x)).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e6)
    by_hand = sum(one.grad.square().sum() for one in model.parameters()).sqrt()
    torch.testing.assert_close(norm, by_hand)
    optimizer.step()
    return model


@trainer("Lightning Trainer", "lightning", quick=False)
def lightning(model, x):
    """Half of the training is done after loading a checkpoint of the first half."""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def training_step(self, batch, index):
            self.net.eval()
            return loss_of(self.net(batch))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=RATE)

    def fit(net, epochs, checkpoint=None):
        runner = lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tempfile.mkdtemp(),
        )  # fmt: skip
        runner.fit(Module(net), torch.utils.data.DataLoader(x, len(x)), ckpt_path=checkpoint)
        path = tempfile.mkdtemp() + "/half.ckpt"
        runner.save_checkpoint(path)
        return path

    again, once = copy.deepcopy(model), copy.deepcopy(model)
    checkpoint = fit(model, 1)
    fit(again, 2, checkpoint)
    twice = stepped(stepped(once, x), x)
    return [Pair(model.eval()), Pair(again.eval(), twice)]


@trainer("Lightning Fabric", "lightning", quick=False)
def fabric(model, x):
    import lightning

    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    wrapped, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=RATE))
    with torch.enable_grad():
        fabric.backward(loss_of(wrapped(x)))
    optimizer.step()
    return wrapped


@trainer("accelerate", "accelerate")
def accelerate(model, x):
    import accelerate

    accelerator = accelerate.Accelerator(cpu=True)
    wrapped, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=RATE))
    with torch.enable_grad():
        accelerator.backward(loss_of(wrapped(x)))
    optimizer.step()
    return accelerator.unwrap_model(wrapped)


@trainer("transformers Trainer", "transformers", "accelerate", quick=False)
def transformers_trainer(model, x):
    import transformers

    class Net(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, pixels):
            self.net.eval()
            return {"loss": loss_of(self.net(pixels))}

    options = transformers.TrainingArguments(
        tempfile.mkdtemp(), per_device_train_batch_size=len(x), max_steps=1, use_cpu=True,
        report_to=[], save_strategy="no", disable_tqdm=True, max_grad_norm=0.0,
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    with torch.enable_grad():
        transformers.Trainer(
            Net(model), options, train_dataset=[{"pixels": one} for one in x],
            optimizers=(optimizer, constant),
        ).train()  # fmt: skip
    return model.eval()


@trainer("skorch", "skorch")
def skorch(model, x):
    import skorch

    class Loss(torch.nn.Module):
        def forward(self, output, target):
            return loss_of(output)

    net = skorch.NeuralNet(
        model, Loss, lr=RATE, max_epochs=1, batch_size=len(x), train_split=None, verbose=0,
        callbacks=[("fixed", skorch.callbacks.BatchScoring)][:0],
    )  # fmt: skip
    net.initialize()
    net.module_.train = lambda mode=True: net.module_
    with torch.enable_grad():
        net.partial_fit(x, x[:, 0])
    return net.module_


@trainer("PyTorch-Ignite", "pytorch-ignite")
def ignite(model, x):
    from ignite.engine import Engine

    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def update(engine, batch):
        with torch.enable_grad():
            loss_of(model(batch)).backward()
        optimizer.step()

    Engine(update).run([x], max_epochs=1)
    return model


@trainer("MONAI SupervisedTrainer", "monai", "pytorch-ignite")
def monai_trainer(model, x):
    from monai.engines import SupervisedTrainer

    class Fixed(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            self.net.eval()
            return self.net(x)

    SupervisedTrainer(
        device="cpu", max_epochs=1, train_data_loader=[{"image": x, "label": x}],
        network=Fixed(model), optimizer=torch.optim.SGD(model.parameters(), lr=RATE),
        loss_function=lambda output, label: loss_of(output),
    ).run()  # fmt: skip
    return model.eval()


def without_normalization():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 1)
    )


@trainer("Opacus, gradients of each sample", "opacus", subject=without_normalization, quick=False)
def opacus(model, x):
    """The mean of the gradients of each sample is the gradient."""
    from opacus.grad_sample import GradSampleModule

    wrapped = GradSampleModule(model.train(), loss_reduction="mean")
    with torch.enable_grad():
        loss_of(wrapped(x)).backward()
    for one in model.parameters():
        one.grad = one.grad_sample.mean(0)
    torch.optim.SGD(model.parameters(), lr=RATE).step()
    return wrapped.to_standard_module().eval()


@trainer("BackPACK, gradients of each sample", "backpack-for-pytorch",
         subject=without_normalization, quick=False)  # fmt: skip
def backpack(model, x):
    from backpack import backpack, extend, extensions

    model = extend(model)
    with torch.enable_grad(), backpack(extensions.BatchGrad()):
        loss_of(model(x)).backward()
    for one in model.parameters():
        one.grad = one.grad_batch.sum(0)
    torch.optim.SGD(model.parameters(), lr=RATE).step()
    return model
