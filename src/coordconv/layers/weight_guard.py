"""Keep coordinate weights consistent with a weight that another tool scales.

Tools that fuse batch normalization scale the output channels of ``weight``, but not the coordinate
weights. If such a tool assigns a new weight that is the old weight with scaled channels, the layer
replaces its coordinate weights with new ones that are scaled by the same factors. It does not
change the old ones in place, because a backup of the weights may contain them. If the tool scales
the weight in place, the next forward pass in evaluation mode raises an error.
"""

import warnings
from functools import reduce
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from coordconv.layers.integrated import Integrated

__all__ = ["WeightGuard"]

_MODES = torch._C._TorchDispatchModeKey
_PRE_DISPATCH = torch._C.DispatchKey.PreDispatch  # the key of make_fx(pre_dispatch=True)
_MAX_STEPS = 3
# Weight decay and moving averages also scale an unused layer, but their relative change per step
# is smaller than this.
_NEGLIGIBLE = 1e-4


class _Probe(NamedTuple):
    """Samples of the weight, taken when the weight and the coordinate weights were consistent."""

    places: Tensor  # (out, k): indices of the samples in each output channel.
    values: Tensor  # (out, k)
    largest: Tensor  # (out,): the largest magnitude in the coordinate tensors.
    first: tuple[int, float] | None  # Place in memory and value of one weight; only on CPU.
    version: tuple[int, int, int]
    coordinate_versions: list[tuple[int, int, int]]


class WeightGuard(Integrated):
    """Base class of layers with coordinate tensors that must be scaled together with ``weight``."""

    transposed: bool
    groups: int
    _is_loading = False
    _probe: _Probe | None = None
    _doubt: str = ""
    _steps: tuple[int, int, int] = (-1, -1, 0)
    _replaced: list[Tensor] | None = None  # The coordinate weights before they were assigned.

    def _coordinate_tensors(self) -> list[Tensor]:
        """Return the tensors that must be scaled with ``weight``."""
        raise NotImplementedError

    def _output_axis(self) -> int:
        """Return the axis of the output channels in the tensors of `_coordinate_tensors`."""
        raise NotImplementedError

    def _start_guard(self) -> None:
        """Initialize the checks, without information about the weights."""
        self._probe, self._doubt, self._steps, self._replaced = None, "", (-1, -1, 0), None

    def trust_weights(self) -> None:
        """Accept the current weight and coordinate weights as consistent."""
        self._doubt, self._probe, self._replaced = "", None, None
        if self._is_readable():
            self._probe = self._take_probe(None)

    def _check_weights(self) -> None:
        """Check the weights before a forward pass.

        Warns:
            UserWarning: If an optimizer updates ``weight`` but not the coordinate weights.

        Raises:
            RuntimeError: If ``weight`` was scaled in place and the coordinate weights were not.
        """
        if self.training and not self._doubt:
            # A trace checks that no attribute of the layer changes.
            if not (torch.compiler.is_compiling() or torch._C._is_tracing()):
                if self._replaced is not None:  # Assigning an attribute of a module takes longer.
                    self._replaced = None
                self._count_steps()
            return
        if _is_recorded():
            return
        if self._doubt:
            unchanged = self._probe is not None and not self._has_changed(self._probe)
            if unchanged and not self.training:
                self._doubt = ""  # The weight was replaced temporarily, as in functional_call.
        elif self._probe is None:
            self.trust_weights()
        elif self._has_changed(self._probe):
            self._compare(self._probe)
        elif self._coordinate_versions() != self._probe.coordinate_versions:
            self.trust_weights()  # Only the coordinate weights changed, so this was intended.
        if self._doubt:
            raise RuntimeError(self._doubt)

    def _accept_own_changes(self) -> None:
        """Accept changes made by the layer's own ``forward``, such as a limit of the norm.

        Call it after the ``forward`` that follows `_check_weights`.
        """
        if self.training or self._probe is None or _is_recorded():
            return
        if self._has_changed(self._probe):
            self.trust_weights()

    def train(self, mode: bool = True) -> Self:
        """Set the mode. A switch to evaluation mode checks the weights and then accepts them."""
        if self.training and not mode and not self._doubt:
            probe = self._probe
            if (
                probe is None
                or self._coordinate_versions() != probe.coordinate_versions  # They are trained.
                or self._trains_single_weights_only(probe)
            ):
                self.trust_weights()
            else:
                self._compare(probe)
        return super().train(mode)

    def _trains_single_weights_only(self, probe: _Probe) -> bool:
        """Whether training changes the only weight of each channel, but not the coordinate weights.

        Any change of a single weight looks as if it was scaled.
        """
        weight, coord_weight = map(self._parameters.get, ("weight", "coord_weight"))
        if weight is None or coord_weight is None or probe.values.shape[1] > 1:
            return False
        return weight.requires_grad and not coord_weight.requires_grad

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "weight" and not self._is_loading:
            self._scale_for(value)
        before = self._coordinate_tensors() if name == "coord_weight" else []
        super().__setattr__(name, value)
        if name == "coord_weight":
            self._doubt, self._probe, self._replaced = "", None, before or None

    def _forget_weights(self) -> None:
        """Delete the state of these checks, for a layer that becomes a plain layer."""
        for name in ("_probe", "_doubt", "_steps", "_replaced"):
            vars(self).pop(name, None)

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        self._is_loading = True  # With assign=True, torch sets `weight` as an attribute.
        try:
            super()._load_from_state_dict(*args, **options)
        finally:
            del self._is_loading
        self.trust_weights()

    def _is_readable(self) -> bool:
        tensors = [self._parameters.get("weight"), *self._coordinate_tensors()]
        return len(tensors) > 1 and all(map(_is_ordinary, tensors))

    def _has_changed(self, probe: _Probe) -> bool:
        weight: Any = self._parameters.get("weight")
        if id(weight) != probe.version[0]:
            return _is_ordinary(weight)
        if _version(weight) != probe.version:
            return True
        if probe.first is None:
            return False
        place, value = probe.first
        readable = weight if probe.version[2] >= 0 else weight.data
        return readable.as_strided((), (), place).item() != value

    def _coordinate_versions(self) -> list[tuple[int, int, int]]:
        return [_version(one) for one in self._coordinate_tensors()]

    def _compare(self, before: _Probe) -> None:
        """Record an error if only the weight was scaled since ``before``; otherwise, accept it."""
        if not self._is_readable():
            return
        now = self._take_probe(before.places)
        old = before.values.to(now.values)
        # In a layer whose inputs are zero, weight decay scales the weight, while the coordinate
        # weights are trained. Fused optimizers do not increase tensor versions, so compare values.
        trained = not _are_close(before.largest.to(now.largest), now.largest)
        factors = _channel_factors(old, now.values) if old.shape == now.values.shape else None
        if (
            factors is None
            or trained
            or not now.largest.any()
            or _are_close(factors, torch.ones_like(factors), _NEGLIGIBLE)
            or _are_close(
                before.largest.to(factors) * factors.abs(), now.largest.to(factors), _NEGLIGIBLE
            )
        ):
            self._probe = now
        else:
            self._doubt = _SCALED.format(kind=type(self).__name__)

    def _take_probe(self, index: Tensor | None) -> _Probe:
        weight: Any = self._parameters["weight"]
        with torch.no_grad():
            channels = self._channels(weight)
            if index is None or index.shape[0] != channels.shape[0]:
                # Two values per channel distinguish scaling from training. With few channels, take
                # more values.
                taken = min(2 if channels.shape[0] >= 8 else 4, channels.shape[1])
                index = channels.abs().topk(taken, dim=1).indices
            values = channels.gather(1, index.to(channels.device))
            axis = self._output_axis()
            maxima = [
                one.abs().movedim(axis, 0).flatten(1).amax(1) for one in self._coordinate_tensors()
            ]
            first = _largest_of(weight) if weight.device.type == "cpu" else None
        return _Probe(
            index,
            values,
            reduce(torch.maximum, maxima),  # Autocast cannot stack some half types.
            first,
            _version(weight),
            self._coordinate_versions(),
        )

    def _channels(self, weight: Tensor) -> Tensor:
        """Return a weight as a matrix with a row for each output channel."""
        weight = weight.data  # No view can be made of some tensors from inference mode.
        if self.transposed:
            weight = weight.unflatten(0, (self.groups, -1)).transpose(1, 2).flatten(0, 1)
        return weight.flatten(1)

    def _scale_for(self, value: Any) -> None:
        """Scale the coordinate tensors for a weight that will be assigned."""
        weight: Any = self._parameters.get("weight")
        if weight is value or not _is_ordinary(value) or not self._is_readable():
            return
        coordinates = self._coordinate_tensors()
        if weight.shape != value.shape or not any(one.any() for one in coordinates):
            return
        with torch.no_grad():
            before, now = self._channels(weight), self._channels(value)
            factors = _channel_factors(before.to(now), now)
            if factors is None:
                return
            replaced, self._replaced = self._replaced, None
            # The factor is unknown: any single value is a multiple of another, and a channel of
            # zeros has no factor. A weight of zeros may be meant to leave only the coordinates.
            is_small = before.abs().amax(1) < _smallest(before)
            is_unknown = before.shape[1] == 1 or bool(is_small.any()) or not now.any()
            scaled = self._scaled(replaced or coordinates, factors)
            # If the coordinate weights were assigned before, but not with the same factors, they
            # may belong to the old weight or to the new one.
            if is_unknown or (replaced and not all(map(_are_alike, scaled, coordinates))):
                self._doubt = _SCALED.format(kind=type(self).__name__)
                return
            if replaced is None:
                self._replace(scaled)
            self._probe = None

    def _scaled(self, coordinates: list[Tensor], factors: Tensor) -> list[Tensor]:
        """Return coordinate tensors with scaled output channels."""
        found = []
        for one in coordinates:
            shape = [1] * one.dim()
            shape[self._output_axis()] = -1
            found.append(one * factors.to(one).view(shape))
        return found

    def _replace(self, scaled: list[Tensor]) -> None:
        """Replace the coordinate tensors, which are parameters or buffers of this layer."""
        for old, new in zip(self._coordinate_tensors(), scaled, strict=True):
            for name, one in self._parameters.items():
                if one is old:
                    self._parameters[name] = nn.Parameter(new, old.requires_grad)
            for name, one in self._buffers.items():
                if one is old:
                    self._buffers[name] = new

    def _count_steps(self) -> None:
        weight: Any = self._parameters.get("weight")
        coord_weight: Any = self._parameters.get("coord_weight")
        # In functional_call, the weights are not parameters.
        if type(weight) is not nn.Parameter or type(coord_weight) is not nn.Parameter:
            return
        versions, before = (_count_of(weight), _count_of(coord_weight)), self._steps
        if -1 in versions:
            return
        if versions == before[:2] or before[2] > _MAX_STEPS:
            return
        if not (_is_ordinary(weight) and _is_ordinary(coord_weight)):
            return
        if not (weight.requires_grad and coord_weight.requires_grad):
            return
        steps = before[2] + 1 if versions[1] == before[1] else 0
        self._steps = (*versions, steps)
        if steps > _MAX_STEPS:
            warnings.warn(_UNTRAINED.format(kind=type(self).__name__), stacklevel=4)


_SCALED = (
    "the output channels of the weight of this {kind} were scaled, as by tools that fuse batch "
    "normalization, but its coordinate weights were not; fuse with "
    "coordconv.fuse_batch_norm(model), or call coordconv.decompose(model, form='layer') before "
    "using the other tool. If only the weight should change, call trust_weights() on this layer"
)
_UNTRAINED = (
    "the weight of this {kind} is trained, but no optimizer updates its coord_weight; create the "
    "optimizer from model.parameters() after convert, or pass it as "
    "convert(model, optimizer=optimizer). To freeze coord_weight on purpose, call "
    "coord_weight.requires_grad_(False)"
)


def _channel_factors(before: Tensor, now: Tensor) -> Tensor | None:
    """Return the factors, shape (out,), by which channels were scaled, or None if they were not.

    Args:
        before: Shape (out, k).
        now: Shape (out, k).
    """
    if not (before.isfinite().all() and now.isfinite().all()):
        return None
    # Squares of small numbers are zero in the precision of the weight, so divide by the largest.
    precise, scaled = before.cpu().double(), now.cpu().double()  # not every device has float64
    largest = precise.abs().amax(1, keepdim=True)
    unit = torch.where(largest > 0, precise / largest, 0.0)
    factors = (unit * (scaled / largest)).sum(1) / unit.square().sum(1)
    factors = torch.where(largest[:, 0] > 0, factors, 1.0)
    kind = torch.finfo(now.dtype)
    relative, absolute = 8 * kind.eps, kind.smallest_normal * kind.eps
    if _are_close(factors, torch.ones_like(factors), relative):
        return None
    return factors if _are_close(precise * factors[:, None], scaled, relative, absolute) else None


def _smallest(weight: Tensor) -> float:
    """Return the largest magnitude that a channel needs, so that its factor can be determined.

    Arithmetic in float32 may flush numbers below the smallest normal number to zero.
    """
    kind = torch.finfo(weight.dtype)
    return kind.smallest_normal / (1 if weight.dtype == torch.float16 else kind.eps)


def _are_alike(one: Tensor, other: Tensor) -> bool:
    """Whether two coordinate tensors are equal up to rounding error."""
    return one.shape == other.shape and _are_close(one[None], other[None].to(one), _NEGLIGIBLE)


def _are_close(one: Tensor, other: Tensor, relative: float = 0.0, absolute: float = 0.0) -> bool:
    """Whether two tensors are equal, row by row, up to these tolerances and rounding error."""
    tolerance = max(relative, 8 * torch.finfo(other.dtype).eps)
    one, other = one.reshape(one.shape[0], -1), other.reshape(other.shape[0], -1)
    largest = torch.maximum(one.abs(), other.abs()).amax(1, keepdim=True)
    return bool(((one - other).abs() <= tolerance * largest + absolute).all())


def _is_ordinary(tensor: Any) -> bool:
    """Whether the values of a tensor can be read: it is not meta, fake, sparse or sharded."""
    return (
        type(tensor) in (nn.Parameter, Tensor)
        and tensor.is_floating_point()
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
        and tensor.numel() > 0
    )


def _largest_of(weight: Tensor) -> tuple[int, float]:
    """Return the place in memory and the value of the entry with the largest magnitude."""
    place = torch.unravel_index(weight.abs().argmax(), weight.shape)
    index = tuple(int(axis) for axis in place)
    steps = sum(i * step for i, step in zip(index, weight.stride(), strict=True))
    return int(weight.storage_offset() + steps), float(weight.data[index])


def _version(weight: Tensor) -> tuple[int, int, int]:
    # Replacing `data` changes the address; an in-place operation changes the version.
    return id(weight), weight.data_ptr(), _count_of(weight)


def _count_of(weight: Tensor) -> int:
    """Return the number of changes in place, or -1 if they are not counted.

    They are not counted for tensors made in inference mode, also after a cast outside of it, when
    `is_inference` is False.
    """
    try:
        return weight._version
    except RuntimeError:
        return -1


def _is_recorded() -> bool:
    """Whether this call is traced or compiled, or its tensors are wrapped or have no values."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
        or torch._C._are_functorch_transforms_active()
        or torch._C._get_dispatch_mode(_MODES.FAKE) is not None
        or torch._C._get_dispatch_mode(_MODES.PROXY) is not None
        or torch._C._dispatch_tls_is_dispatch_key_included(_PRE_DISPATCH)
    )
