"""A row of the page: one outside tool, how a model goes through it, and what is right after it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor, nn

from works_with_rows.subjects import small_network

__all__ = ["FORMS", "ROWS", "Form", "Pair", "Precision", "Row", "row"]

Form = Literal["layer", "module", "expanded layer", "folded"]
FORMS: tuple[Form, ...] = get_args(Form)
Precision = Literal["float32", "deep", "half", "bfloat16", "quantized"]
Model = Callable[..., Any]


class Pair(NamedTuple):
    """Two functions of an input that have to be the same.

    Attributes:
        after: What the tool made.
        before: What it is compared with; the row's expectation if None.
    """

    after: Model
    before: Model | None = None


class Row(NamedTuple):
    """One tool.

    Attributes:
        name: The tool, as its documentation calls it.
        family: The section of the page.
        packages: What has to be installed; the first is the one whose version is shown.
        through: Takes a model and an input, and returns what the tool makes of it.
        expected: Takes the model before the tool, and returns the function that is right.
        recipe: As ``through``, from the layer form; the page shows its source.
        subject: Makes the plain network.
        where: Which of its convolutions are converted.
        size: Channels and size of the input.
        forms: The forms that are tried.
        one_size: Forms that the tool makes a program of one size of, without a check of it; the
            note has to say so.
        precision: How far rounding may go.
        note: A sentence for the page.
        quick: Whether the test suite runs it where its packages are installed.
    """

    name: str
    family: str
    packages: tuple[str, ...]
    through: Callable[[nn.Module, Tensor], Any]
    expected: Callable[[nn.Module, Tensor], Model] | None = None
    recipe: Callable[[nn.Module, Tensor], Any] | None = None
    subject: Callable[[], nn.Module] = small_network
    where: Any = "all"
    size: tuple[int, ...] = (3, 12, 16)
    forms: tuple[Form, ...] = FORMS
    one_size: tuple[Form, ...] = ()
    precision: Precision = "float32"
    note: str = ""
    quick: bool = True


ROWS: dict[str, Row] = {}


def row(name: str, family: str, *packages: str, **options: Any) -> Callable:
    """Register a function of a model and an input as a row."""

    def register(through: Callable) -> Callable:
        assert name not in ROWS, f"two rows are called {name!r}"
        ROWS[name] = Row(name, family, packages, through, **options)
        return through

    return register
