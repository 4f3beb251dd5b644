"""The functions that the user of a trial provides: to make, train and score a model."""

import functools
import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CellType, CodeType, EllipsisType, FunctionType
from typing import Any, NamedTuple

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.python_files import import_file, module_name
from coordconv_lab.trials.seeds import seed_all

__all__ = ["UserFunctions", "digest_of", "file_of", "load_functions", "takes"]


class UserFunctions(NamedTuple):
    """The functions of a trial.

    Attributes:
        make: Returns a new model without coordinates. Called as ``make()``. If ``make`` has a
            parameter ``where``, it is called as ``make(where=where)`` instead. It must then add the
            coordinates itself, except for ``where=None``, and may return any object.
        train: Trains the model in place, or returns the trained model. Called as ``train(model)``,
            or as ``train(model, seed=seed)`` if it has a parameter ``seed``.
        score: Returns the score of a trained model, a number, on data that the model was not
            trained on. Called as ``score(model)``.
        higher_is_better: Whether larger scores are better.
        example: Inputs to call the model with, which `coordconv.convert` uses to find layers on
            which coordinates would be constant.
        digest: Identifies the code. If stored runs have another digest, an error is raised. By
            default, the digest is computed from the code of these functions and from numbers and
            strings that they get as default arguments, from an enclosing function, or from a
            ``functools.partial``. It does not contain the code of functions that they call, or
            the attributes of objects.
        errors: Returns the errors of a trained model by position, for a map of the gain; see
            `coordconv_lab.trials.error_maps.map_of`. Called as ``errors(model)``.
        file: The file that defines the functions; see `load_functions`.
    """

    make: Callable[..., Any]
    train: Callable[..., Any]
    score: Callable[[Any], float]
    higher_is_better: bool = True
    example: Any = None
    digest: str = ""
    errors: Callable[[Any], Any] | None = None
    file: Path | None = None


def load_functions(path: Path) -> UserFunctions:
    """Import the functions of a trial from a Python file.

    The file defines ``make``, ``train`` and ``score``, and may define ``higher_is_better``,
    ``example`` and ``errors``; see `UserFunctions`. Python, NumPy and torch are seeded before the
    import, so random data that the file draws on import are the same in each process.

    Raises:
        InputError: The file cannot be read or imported, or lacks a function.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    folder = str(path.resolve().parent)
    if folder not in sys.path:  # kept, because the functions may import modules when called
        sys.path.insert(0, folder)
    seed_all(0)
    module = import_file(path, "the file")
    names = ("make", "train", "score")
    missing = [name for name in names if not callable(getattr(module, name, None))]
    if missing:
        raise InputError(
            f"{path} must define the functions make(), train(model) and score(model); "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        )
    higher = getattr(module, "higher_is_better", True)
    if not isinstance(higher, bool):
        raise InputError(f"{path}: higher_is_better must be True or False, got {in_short(higher)}")
    errors = getattr(module, "errors", None)
    if errors is not None and not callable(errors):
        raise InputError(f"{path}: errors must be a function, got {in_short(errors)}")
    return UserFunctions(
        module.make,
        module.train,
        module.score,
        higher,
        getattr(module, "example", None),
        hashlib.sha256(content).hexdigest()[:16],
        errors,
        path.resolve(),
    )


def file_of(functions: UserFunctions) -> Path | None:
    """Return the file that defines all of the functions, or None if there is no such file."""
    if functions.file is None:
        return None
    module = sys.modules.get(module_name(functions.file))
    names = ("make", "train", "score", "example", "errors")
    is_same = all(getattr(module, name, None) is getattr(functions, name) for name in names)
    is_same &= getattr(module, "higher_is_better", True) is functions.higher_is_better
    return functions.file if is_same else None


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def digest_of(functions: UserFunctions) -> str:
    """Return the digest of the functions, or compute it from their code if it is not set."""
    if functions.digest:
        return functions.digest
    given = (functions.make, functions.train, functions.score, functions.errors)
    code = [_code(one) for one in given if one is not None]
    return hashlib.sha256(repr((code, functions.higher_is_better)).encode()).hexdigest()[:16]


def _code(function: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Return the instructions, constants and names of a function, without its line numbers.

    Default arguments, and values that the function takes from an enclosing function or a
    ``functools.partial``, are included as in `_value`.
    """
    if id(function) in seen:  # A function may refer to itself.
        return "itself"
    seen |= {id(function)}
    if isinstance(function, functools.partial):
        keywords = sorted(function.keywords.items())
        values = [_value(one, seen) for one in (*function.args, *keywords)]
        return "partial", _code(function.func, seen), values
    code = getattr(function, "__code__", function)
    if not isinstance(code, CodeType):
        return _code_of_object(function, seen)
    constants = [_value(one, seen) for one in code.co_consts]
    cells = [cell for cell in getattr(function, "__closure__", None) or () if _is_filled(cell)]
    given = [
        *(getattr(function, "__defaults__", None) or ()),
        *sorted((getattr(function, "__kwdefaults__", None) or {}).items()),
        *(cell.cell_contents for cell in cells),
    ]
    found = code.co_code, constants, code.co_names
    return (*found, [_value(one, seen) for one in given]) if given else found


def _code_of_object(given: Any, seen: frozenset[int]) -> Any:
    """Return the code of a class, or of the method ``__call__`` of an object."""
    kind = given if isinstance(given, type) else type(given)
    methods = vars(kind) if given is kind else {"__call__": vars(kind).get("__call__")}
    code = [(n, _code(one, seen)) for n, one in methods.items() if isinstance(one, FunctionType)]
    return f"{kind.__module__}.{kind.__qualname__}", code


def _value(value: Any, seen: frozenset[int]) -> Any:
    """Return a value that cannot change, or the code of a function; else the name of the class."""
    if isinstance(value, (CodeType, FunctionType, functools.partial)):
        return _code(value, seen)
    if isinstance(value, tuple):
        return tuple(_value(one, seen) for one in value)
    if isinstance(value, frozenset):  # The order of its items differs between processes.
        return "frozenset", sorted(repr(_value(one, seen)) for one in value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, EllipsisType)):
        return value
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_filled(cell: CellType) -> bool:
    """Whether a variable of an enclosing function has a value."""
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False
