"""Send a model through a tool in every form, compare outputs, and judge."""

import copy
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from works_with_rows.comparison import TOLERANCES, NoComparison, Wrong, difference, outputs
from works_with_rows.registry import Form, Pair, Row
from works_with_rows.subjects import converted, in_form, randomized, without_coordinates

__all__ = ["judged", "verdict_of"]

_RECIPES: dict[Form, str] = {
    "expanded layer": 'model = coordconv.decompose(model, form="layer")  # then the tool',
    "module": 'model = coordconv.decompose(model, form="module")  # then the tool',
    "folded": "model = coordconv.precompute(model, x)  # then the tool",
}


def judged(row: Row) -> dict[str, Any]:
    """Return what became of the plain model and of every form, and the verdict."""
    torch.manual_seed(0)
    plain = randomized(row.subject()).eval()
    model = converted(plain, row.where).eval()
    sizes = [_images(2, row.size), _images(1, _another(row.size))]
    beside = _tried(lambda: copy.deepcopy(plain), row, row.through, plain, sizes, None)
    allowed = _allowed(row, beside)
    content: dict[str, Any] = {"plain": beside, "forms": {}}
    for form in row.forms:
        make = lambda form=form: in_form(model, form, sizes[0])  # noqa: E731
        content["forms"][form] = _tried(make, row, row.through, model, sizes, allowed)
        if form in row.one_size:
            content["forms"][form]["second size"] = "not checked by the tool"
    if row.recipe is not None:
        copied = lambda: copy.deepcopy(model)  # noqa: E731
        content["recipe"] = _tried(copied, row, row.recipe, model, sizes, allowed)
        content["recipe"]["code"] = _body(row.recipe)
    for found in (*content["forms"].values(), content.get("recipe", {})):
        _forgive(found, beside)
    return content | _verdict(content)


def _images(batch: int, size: tuple[int, ...]) -> Tensor:
    """Return noise of a fixed range, which a quantizer sees in full at every size."""
    return torch.randn(batch, *size).clamp(-2, 2)


def _another(size: tuple[int, ...]) -> tuple[int, ...]:
    """Return a second size of another shape, not a multiple of the first."""
    channels, *axes = size
    step = 32 if min(axes) >= 32 else 4
    return (channels, *(n + step * (2 if i % 2 else 1) for i, n in enumerate(axes)))


def _allowed(row: Row, beside: dict[str, Any]) -> float:
    """Return the difference that rounding explains; of a quantizer, what it does to any model."""
    if row.precision == "quantized":
        return 5 * max(beside.get(key, 0.0) for key in ("difference", "second difference")) + 0.01
    return TOLERANCES[row.precision]


def _tried(
    make: Callable[[], nn.Module],
    row: Row,
    through: Callable,
    original: nn.Module,
    sizes: list[Tensor],
    allowed: float | None,
) -> dict[str, Any]:
    """Return the outcome: exact, refused with a message, warned, WRONG, or no comparison."""
    said: list[warnings.WarningMessage]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = _compared(make, row, through, original, sizes, allowed)
        except Wrong as error:
            found = {"outcome": "WRONG", "message": _words(error)}
        except NoComparison as error:
            found = {"outcome": "no comparison", "message": _words(error)}
        except Exception as error:
            found = {"outcome": "refused", "message": f"{type(error).__name__}: {_words(error)}"}
    ours = [_words(one.message) for one in said if "coord" in str(one.message)]
    if found["outcome"] == "WRONG" and ours:
        found |= {"outcome": "warned", "message": ours[0]}
    return found


def _compared(
    make: Callable[[], nn.Module],
    row: Row,
    through: Callable,
    original: nn.Module,
    sizes: list[Tensor],
    allowed: float | None,
) -> dict[str, Any]:
    x = sizes[0]
    reference = copy.deepcopy(original)
    right = reference if row.expected is None else _seeded(row.expected, reference, x)
    made = _seeded(through, make(), x)
    pairs = made if isinstance(made, list) else [Pair(made)]
    worst, limit = 0.0, allowed
    for pair in pairs:
        before = outputs(pair.before or right, x)
        worst = max(worst, difference(outputs(pair.after, x), before))
    if limit is None:  # The plain model, which shows what a quantizer costs.
        limit = 0.3 if row.precision == "quantized" else TOLERANCES[row.precision]
    if worst > limit:
        raise Wrong(f"outputs differ by {worst:.2g} of the largest, {limit:.2g} is rounding")
    _would_notice(original, reference, x, limit)
    found = {"outcome": "exact", "difference": worst, "allowed": limit}
    return found | _second(pairs, right, sizes[1], limit)


def _seeded(function: Callable, model: nn.Module, x: Tensor) -> Any:
    torch.manual_seed(1)
    return function(model, x)


def _would_notice(original: nn.Module, reference: nn.Module, x: Tensor, limit: float) -> None:
    """Make sure that lost coordinates would have been found."""
    with torch.no_grad():
        lost = difference(outputs(without_coordinates(original), x), outputs(original, x))
    has_coordinates = any(name.endswith("coord_weight") for name, _ in original.named_parameters())
    if has_coordinates and lost < 3 * limit:
        raise NoComparison(f"{limit:.2g} is rounding, and lost coordinates differ by {lost:.2g}")


def _second(pairs: list[Pair], right: Callable, x: Tensor, limit: float) -> dict[str, Any]:
    """Say what happens at another size: exact, refused, or the message that it is wrong."""
    worst = 0.0
    for pair in pairs:
        try:
            expected = outputs(pair.before or right, x)
        except Exception:
            return {"second size": "not possible"}
        try:
            worst = max(worst, difference(outputs(pair.after, x), expected))
        except Wrong as error:
            return {"second size": f"WRONG: {_words(error)}"}
        except Exception as error:
            return {"second size": f"refused: {type(error).__name__}: {_words(error)}"}
    said = f"WRONG: differs by {worst:.2g}" if worst > limit else "exact"
    return {"second size": said, "second difference": worst}


def _forgive(found: dict[str, Any], beside: dict[str, Any]) -> None:
    """Where a tool is wrong with the plain model too, no form can be right."""
    if found.get("outcome") == "WRONG" and beside["outcome"] == "WRONG":
        found["outcome"] = "as the plain model"
    if not found.get("second size", "").startswith("WRONG"):
        return
    if beside.get("second size") == "exact":
        found |= {"outcome": "WRONG", "message": f"at another size, {found['second size'][7:]}"}
    else:
        found["second size"] = "as the plain model"


def _verdict(content: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict of a row, with the recipe or the message that belongs to it."""
    forms, recipe = content["forms"], content.get("recipe")
    tried = [*forms.values(), *([recipe] if recipe else [])]
    if any(one["outcome"] == "WRONG" for one in tried):
        return {"verdict": "WRONG"}
    if coarse := [one for one in tried if one["outcome"] == "no comparison"]:
        return {"verdict": "no comparison", "message": coarse[0]["message"]}
    if content["plain"]["outcome"] != "exact":
        return {"verdict": "plain fails too", "message": content["plain"]["message"]}
    if forms["layer"]["outcome"] == "exact":
        return {"verdict": "exact"} | ({"code": recipe["code"]} if recipe else {})
    if recipe and recipe["outcome"] == "exact":
        return {"verdict": "exact with this recipe", "code": recipe["code"]}
    for form, code in _RECIPES.items():
        if not recipe and forms.get(form, {}).get("outcome") == "exact":
            return {"verdict": "exact with this recipe", "code": code}
    failed = recipe or forms["layer"]
    return {"verdict": "refused, with this message", "message": failed["message"]}


def verdict_of(content: dict[str, Any]) -> dict[str, Any]:
    """Judge a record again, which tells a verdict that was edited from one that was found."""
    return _verdict(content)


def _body(recipe: Callable) -> str:
    """Return the lines of a recipe, without the function around them."""
    source = textwrap.dedent(inspect.getsource(recipe))
    lines = source[source.index(":\n") + 2 :]
    text = re.sub(r"^return \[Pair.*$", "", textwrap.dedent(lines), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^return [a-z]+\Z", "", text.strip(), flags=re.MULTILINE)
    return re.sub(r"^return (.*)$", r"\1", text.strip(), flags=re.MULTILINE)


def _words(error: object) -> str:
    """Return a message on one line, without addresses in memory and folders of this machine."""
    text = " ".join(str(error).split())
    text = re.sub(r"0x[0-9a-f]{6,}", "0x...", text)
    text = re.sub(r"(/[\w.\-+]+){3,}/", ".../", text)
    return text if len(text) <= 400 else text[:400] + " ..."
