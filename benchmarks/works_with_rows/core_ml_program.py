"""Run a program of Core ML's intermediate language with NumPy, where no Apple system is at hand."""

import numpy
import torch

__all__ = ["interpreted"]


def interpreted(program):
    """Return a function that evaluates a converted program, operation by operation.

    Raises:
        NotImplementedError: If the program has an operation that is not known here.
    """
    [function] = program.functions.values()

    def run(x):
        values = {next(iter(function.inputs)): x.numpy()}
        for operation in function.operations:
            found = _evaluated(operation, values)
            for output, value in zip(operation.outputs, found, strict=True):
                values[output.name] = value
        return [torch.from_numpy(numpy.asarray(values[one.name])) for one in function.outputs]

    return run


def _evaluated(operation, values):
    if operation.op_type == "const":
        return [operation.val.val]
    known = [one.val for one in operation.outputs]
    if all(value is not None for value in known):
        return known  # folded by the converter
    inputs = {
        name: _value(one, values) for name, one in operation.inputs.items() if one is not None
    }
    if operation.op_type not in _OPERATIONS:
        raise NotImplementedError(f"the operation {operation.op_type!r} of Core ML")
    found = _OPERATIONS[operation.op_type](inputs)
    return found if isinstance(found, list) else [found]


def _value(variable, values):
    if isinstance(variable, list | tuple):
        return [_value(one, values) for one in variable]
    return values.get(variable.name, variable.val)


def _convolution(given):
    x, weight = torch.tensor(given["x"]), torch.tensor(given["weight"])
    bias = torch.tensor(given["bias"]) if given.get("bias") is not None else None
    axes = weight.dim() - 2
    pad = [0] * (2 * axes)
    kind = given.get("pad_type", "valid")
    if kind == "custom":
        pad = [int(one) for one in given["pad"]]
    elif kind != "valid":
        raise NotImplementedError(f"padding of type {kind!r} of Core ML")
    # Core ML counts from the first axis, torch from the last.
    pairs = [pad[2 * axis : 2 * axis + 2] for axis in reversed(range(axes))]
    x = torch.nn.functional.pad(x, [one for pair in pairs for one in pair])
    operation = getattr(torch.nn.functional, f"conv{axes}d")
    strides, dilations = (
        tuple(int(one) for one in given.get(name, [1] * axes)) for name in ("strides", "dilations")
    )
    return operation(
        x, weight, bias, strides, 0, dilations, int(given.get("groups", 1))
    ).numpy()  # fmt: skip


def _normalization(given):
    x = given["x"]
    shape = (1, -1, *[1] * (x.ndim - 2))
    mean, variance, gamma, beta = (
        given[name].reshape(shape) for name in ("mean", "variance", "gamma", "beta")
    )
    return (x - mean) / numpy.sqrt(variance + given.get("epsilon", 1e-5)) * gamma + beta


def _sliced(given):
    x, parts = given["x"], []
    for axis in range(x.ndim):
        begin, end = int(given["begin"][axis]), int(given["end"][axis])
        masks = [given.get(name) for name in ("begin_mask", "end_mask", "squeeze_mask")]
        open_begin, open_end, squeeze = (one is not None and bool(one[axis]) for one in masks)
        step = int(given["stride"][axis]) if given.get("stride") is not None else 1
        if squeeze:
            parts.append(begin)
        else:
            parts.append(slice(None if open_begin else begin, None if open_end else end, step))
    return x[tuple(parts)]


_TYPES = {"fp32": "float32", "fp16": "float16", "int32": "int32", "bool": "bool"}
_OPERATIONS = {
    "add": lambda given: given["x"] + given["y"],
    "cast": lambda given: numpy.asarray(given["x"]).astype(_TYPES[given["dtype"]]),
    "batch_norm": _normalization,
    "concat": lambda given: numpy.concatenate(
        [numpy.atleast_1d(one) for one in given["values"]], axis=int(given["axis"])
    ),
    "conv": _convolution,
    "expand_dims": lambda given: numpy.expand_dims(given["x"], tuple(map(int, given["axes"]))),
    "fill": lambda given: numpy.full(tuple(map(int, given["shape"])), given["value"]),
    "gather": lambda given: numpy.take(given["x"], given["indices"], axis=int(given["axis"])),
    "identity": lambda given: given["x"],
    "matmul": lambda given: numpy.matmul(given["x"], given["y"]),
    "maximum": lambda given: numpy.maximum(given["x"], given["y"]),
    "minimum": lambda given: numpy.minimum(given["x"], given["y"]),
    "mul": lambda given: given["x"] * given["y"],
    "range_1d": lambda given: numpy.arange(given["start"], given["end"], given["step"]),
    "real_div": lambda given: given["x"] / given["y"],
    "relu": lambda given: numpy.maximum(given["x"], 0),
    "reshape": lambda given: given["x"].reshape(tuple(map(int, given["shape"]))),
    "shape": lambda given: numpy.array(given["x"].shape, dtype="int32"),
    "slice_by_index": _sliced,
    "sqrt": lambda given: numpy.sqrt(given["x"]),
    "squeeze": lambda given: numpy.squeeze(given["x"], tuple(map(int, given["axes"]))),
    "sub": lambda given: given["x"] - given["y"],
    "tile": lambda given: numpy.tile(given["x"], tuple(map(int, given["reps"]))),
    "transpose": lambda given: numpy.transpose(given["x"], tuple(map(int, given["perm"]))),
}
