"""Add the coordinate term to the output of the plain operation, in place where that is allowed.

The plain operation is the convolution of the data. The coordinate term is the convolution of the
coordinates.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from coordconv.computation.memory_format import batch_is_channels_last
from coordconv.computation.terms import LinearTerm, MatrixLayout, ProductTerm
from coordconv.computation.torch_modes import (
    is_in_autocast,
    is_traced,
    may_write_in_place,
    without_autocast,
)

__all__ = ["add", "add_product", "add_with_gradients", "may_add_with_gradients"]


def add(data: Tensor, term: Tensor) -> Tensor:
    """Add a term to ``data``, keeping the dtype and memory format of ``data``.

    Args:
        data: Shape (N, out, *outputs) or (out, *outputs).
        term: Shape (out, *outputs) or (N, out, *outputs).
    """
    term = term.to(data.dtype)
    if term.dim() != data.dim():
        term = term.unsqueeze(0) if term.dim() < data.dim() else term.squeeze(0)
    if not may_write_in_place():
        return data + term
    if term.requires_grad and term.shape != data.shape and not is_traced():
        term = _ForEverySample.apply(term, data.shape[0])
    # Adding in place does not allocate a second output. It is allowed because the backward pass of
    # a convolution only needs its inputs.
    return data.add_(term)


def add_product(data: Tensor, term: ProductTerm, rank: int) -> Tensor:
    """Add a term that is a product; if possible, multiply and add without storing the product."""
    if (
        (data.dim() == rank + 1 or data.shape[0] == 1 or term.layout.channel_axis == 1)
        and data.dtype == term.left.dtype
        and term.layout.is_dense(data)
        and may_write_in_place()
    ):
        tensors = (data, term.left, term.right)
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            return _AddToImage.apply(*tensors, term.layout)
        term.add_to(data)
        return data
    return add(data, without_autocast(data.device.type, term.product))


def may_add_with_gradients(data: Tensor, weight: Tensor, term: LinearTerm) -> bool:
    """Whether `add_with_gradients` can add the term of these coordinate weights to this output."""
    return (
        torch.is_grad_enabled()
        and weight.requires_grad
        and may_write_in_place()
        and not is_traced()
        and type(data) is Tensor
        and type(weight) in (Tensor, nn.Parameter)
        and all(
            data.dtype == weight.dtype == one.dtype and not one.requires_grad
            for one in term.coordinates
        )
        and not is_in_autocast(data.device.type)
        and forward_ad._current_level < 0  # The coordinates may have tangents.
        and term.layout.is_dense(data)
    )


def add_with_gradients(
    data: Tensor, weight: Tensor, term: LinearTerm, given: tuple[Tensor, ...] = ()
) -> Tensor:
    """Add the term of these weights in place, as a single operation with a gradient.

    Args:
        data: Shape (N, out, *outputs) or (out, *outputs).
        weight: The coordinate weights, shape (out, c, *kernel).
        term: The term, see `may_add_with_gradients`.
        given: Coordinates of the term that the caller may change in place before the backward
            pass, which then raises an error.
    """
    return _AddTerm.apply(data, weight, term, given)


class _AddTerm(torch.autograd.Function):
    """Add the coordinate term in place. Many small operations would cost more than the term."""

    @staticmethod
    def forward(
        ctx: Any, data: Tensor, weight: Tensor, term: LinearTerm, given: tuple[Tensor, ...]
    ) -> Tensor:
        ctx.term, ctx.shape = term, weight.shape
        ctx.save_for_backward(*given)  # Detects that they are changed in place.
        ctx.mark_dirty(data)
        product = term.of(weight)
        if data.dim() == len(term.layout.shape) or data.shape[0] == 1:
            product.add_to(data)
            return data
        return data.add_(product.product())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        if not ctx.needs_input_grad[1]:
            return gradient, None, None, None
        ctx.saved_tensors  # noqa: B018  (raises an error if a tensor was changed)
        image = gradient
        if gradient.dim() > len(ctx.term.layout.shape) and gradient.shape[0] != 1:
            image = _sum_over_batch(gradient)
        return gradient, ctx.term.weight_gradient(image, ctx.shape), None, None


class _AddToImage(torch.autograd.Function):
    """Add a product to an output in place, without storing the product."""

    @staticmethod
    def forward(
        ctx: Any, data: Tensor, left: Tensor, right: Tensor, layout: MatrixLayout
    ) -> Tensor:
        ctx.layout = layout
        ctx.save_for_backward(left, right)
        ctx.save_for_forward(left, right)
        ctx.mark_dirty(data)
        ProductTerm(left, right, layout).add_to(data)
        return data

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (left, right) = gradients, ctx.saved_tensors
        matrix = ctx.layout.as_matrix(gradient)
        of_left = matrix @ right.transpose(-1, -2) if ctx.needs_input_grad[1] else None
        of_right = left.transpose(-1, -2) @ matrix if ctx.needs_input_grad[2] else None
        return gradient, of_left, of_right, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        data, of_left, of_right, _ = tangents
        left, right = ctx.saved_tensors
        change = torch.matmul(of_left, right) + torch.matmul(left, of_right)
        return data.add_(ctx.layout.as_image(change).expand(data.shape))


class _ForEverySample(torch.autograd.Function):
    """Repeat a term for a batch, and sum its gradient in memory order."""

    @staticmethod
    def forward(ctx: Any, term: Tensor, batch: int) -> Tensor:
        ctx.batch = batch
        return term.expand(batch, *term.shape[1:])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _sum_over_batch(gradients[0]), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return tangents[0].expand(ctx.batch, *tangents[0].shape[1:])


def _sum_over_batch(gradient: Tensor) -> Tensor:
    """Sum over the first axis, which remains, in memory order.

    torch (2.13) sums a channels-last batch many times more slowly than the same batch with permuted
    axes.
    """
    if batch_is_channels_last(gradient):
        return gradient.movedim(1, -1).sum(0, keepdim=True).movedim(-1, 1)
    return gradient.sum(0, keepdim=True)
