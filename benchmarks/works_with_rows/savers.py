"""Tools that write a model to a file and read it again."""

import copy
import io
import pickle
import tempfile

import torch

from works_with_rows.registry import row


@row("copy.deepcopy", "savers", "torch")
def deepcopied(model, x):
    return copy.deepcopy(model)


@row("pickle", "savers", "torch")
def pickled(model, x):
    return pickle.loads(pickle.dumps(model))


@row("torch.save of a whole model", "savers", "torch")
def whole(model, x):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@row("torch.save of a state dict", "savers", "torch")
def state(model, x):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    return _loaded(_blank(model), torch.load(file, weights_only=True))


def _blank(model):
    """Return the model with other numbers, for a file to fill."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for one in (*model.parameters(), *model.buffers()):
            one.copy_(torch.zeros_like(one))
    return model


def _loaded(model, state):
    model.load_state_dict(state, strict=True)
    return model


@row("safetensors save_model, load_model", "savers", "safetensors")
def safetensors(model, x):
    from safetensors.torch import load_model, save_model

    path = tempfile.mkdtemp() + "/model.safetensors"
    save_model(model, path)
    blank = _blank(model)
    load_model(blank, path, strict=True)
    return blank


@row("torch.distributed.checkpoint", "savers", "torch")
def distributed_checkpoint(model, x):
    from torch.distributed import checkpoint

    path = tempfile.mkdtemp()
    checkpoint.save(model.state_dict(), checkpoint_id=path)
    state = _blank(model).state_dict()
    checkpoint.load(state, checkpoint_id=path)
    return _loaded(_blank(model), state)


@row("torch.package", "savers", "torch")
def packaged(model, x):
    from torch.package import PackageExporter, PackageImporter

    path = tempfile.mkdtemp() + "/model.pt"
    with PackageExporter(path) as exporter:
        exporter.extern(["torch.**", "coordconv.**", "coordconv", "sys", "collections.**"])
        exporter.save_pickle("model", "model.pkl", model)
    return PackageImporter(path).load_pickle("model", "model.pkl")


@row("torch.nn.utils.parameters_to_vector", "savers", "torch")
def as_vector(model, x):
    from torch.nn.utils import parameters_to_vector, vector_to_parameters

    blank = copy.deepcopy(model)
    with torch.no_grad():
        for one in blank.parameters():
            one.zero_()
    vector_to_parameters(parameters_to_vector(model.parameters()), blank.parameters())
    return blank


@row("huggingface_hub PyTorchModelHubMixin", "savers", "huggingface_hub", "safetensors")
def hub_mixin(model, x):
    import huggingface_hub

    class Shared(torch.nn.Module, huggingface_hub.PyTorchModelHubMixin):
        def __init__(self):
            super().__init__()
            self.model = _blank(model)

        def forward(self, x):
            return self.model(x)

    path, shared = tempfile.mkdtemp(), Shared()
    shared.model.load_state_dict(model.state_dict())
    shared.save_pretrained(path)
    return Shared.from_pretrained(path).eval()


@row("MONAI copy_model_state", "savers", "monai")
def monai_state(model, x):
    from monai.networks import copy_model_state

    blank = _blank(model)
    copy_model_state(blank, model)
    return blank


@row("accelerate save_model, load_checkpoint_in_model", "savers", "accelerate", "safetensors")
def accelerated(model, x):
    import accelerate

    path, blank = tempfile.mkdtemp(), _blank(model)
    accelerate.Accelerator(cpu=True).save_model(model, path)
    accelerate.load_checkpoint_in_model(blank, path)
    return blank
