"""Every setting of a spec is an option of `train`, with its description, choices and bounds."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import TypeAdapter

from coordconv_lab.cli import main
from coordconv_lab.cli import train as train_module
from coordconv_lab.cli.spec_options import option_names
from coordconv_lab.recipes import spec_by_recipe, with_settings
from coordconv_lab.registry import registry, use_plugins
from coordconv_lab.specs import (
    ExperimentSpec,
    FrozenSpec,
    Setting,
    settings_of_class,
    settings_of_spec,
)
from tests.registry.test_plugins import PULSES, coordconv, own_registry

OWN = ("task", "model", "set", "ensemble", "device", "devices", "num_nodes", "strategy")
OWN = [f"--{name.replace('_', '-')}" for name in (*OWN, "compile", "runs")]

WITHOUT_A_RECIPE = {
    ("rendering", "coordconv-classifier"),
    ("rendering", "deconv"),
    ("reconstruction", "square-autoencoder"),
}
"""Tasks and kinds of network that are trained from a spec only."""


class Offer(NamedTuple):
    """An option, and the command that has it."""

    line: tuple[str, ...]
    start: ExperimentSpec
    setting: Setting
    name: str
    schema: dict[str, Any]


@pytest.fixture(scope="module")
def offers() -> Iterator[list[Offer]]:
    """Yield the options of each class of settings once, those of a plug-in too."""
    found: dict[tuple[type, str], Offer] = {}
    with own_registry():
        use_plugins([PULSES])
        for task in registry().tasks:
            for network in registry().networks_of(task):
                if (task, network.kind) in WITHOUT_A_RECIPE:
                    continue
                start = spec_by_recipe(task, None, network.kind)
                settings = settings_of_spec(start)
                names = option_names(settings, OWN)
                for one in settings:
                    section, _, field = one.path.rpartition(".")
                    kind = type(getattr(start, section) if section else start)
                    line = ("train", task, "--model", network.kind)
                    offer = Offer(line, start, one, names[one.path], schema_of(one))
                    found.setdefault((kind, field), offer)
        yield list(found.values())


def schema_of(setting: Setting) -> dict[str, Any]:
    """Return the JSON schema of a setting, which pydantic derives from the field by itself."""
    field = setting.field
    kind: Any = (
        Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    )
    return TypeAdapter(kind).json_schema()


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]


def values_of(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield valid values of a schema."""
    for one in alternatives(schema):
        if "enum" in one:
            yield from one["enum"]
        elif one["type"] == "boolean":
            yield from (True, False)
        elif one["type"] == "array":
            parts = one.get("prefixItems") or [one["items"]] * max(2, one.get("minItems", 0))
            yield tuple(next(values_of(part)) for part in parts)
        else:
            low = max(one.get("minimum", 0), one.get("exclusiveMinimum", 0))
            step = one.get("multipleOf", 1)
            high = one.get("maximum", one.get("exclusiveMaximum"))
            if one["type"] == "integer":
                yield from (low + step, low + 2 * step)
            else:
                yield from (low + (0.25 if high else 2.5), low + (0.125 if high else 1.5))


def beyond(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield values just outside of each bound of a schema."""
    for one in alternatives(schema):
        if one.get("type") == "array":
            part = (one.get("prefixItems") or [one["items"]])[0]
            good = next(values_of(part))
            count = len(one.get("prefixItems", ())) or 2
            yield from ((bad, *[good] * (count - 1)) for bad in beyond(part))
            if "prefixItems" not in one and "maxItems" in one:
                yield (good,) * (one["maxItems"] + 1)
        step = 1 if one.get("type") == "integer" else 0.5
        yield from (one[name] - step for name in ("minimum",) if name in one)
        yield from (one[name] + step for name in ("maximum",) if name in one)
        yield from (one[name] for name in ("exclusiveMinimum", "exclusiveMaximum") if name in one)


def typed(name: str, value: Any) -> list[str]:
    """Return an option as it is typed."""
    if isinstance(value, bool):
        return [name if value else name.replace("--", "--no-", 1)]
    return [name, *(map(str, value) if isinstance(value, tuple) else [str(value)])]


@pytest.fixture
def trained(monkeypatch) -> list[Sequence[ExperimentSpec]]:
    """Return the specs that the command would train."""
    calls: list[Sequence[ExperimentSpec]] = []
    monkeypatch.setattr(train_module, "_train", lambda specs, *_: calls.append(specs))
    return calls


def test_every_field_of_a_spec_is_a_setting_unless_it_has_one_value_only(offers):
    for task in registry().tasks:
        for network in registry().networks_of(task):
            if (task, network.kind) in WITHOUT_A_RECIPE:
                continue
            spec = spec_by_recipe(task, None, network.kind)
            fields = {
                f"{part}.{name}": field
                for part in ("data", "model", "training")
                for name, field in type(getattr(spec, part)).model_fields.items()
            }
            fixed = {
                path for path, field in fields.items() if "const" in schema_of(Setting(path, field))
            }
            assert {one.path for one in settings_of_spec(spec)} == {"seed", *fields} - fixed


def test_every_setting_has_a_description(offers):
    classes = [network.spec for network in registry().networks.values()]
    networks = [one for kind in classes for one in settings_of_class(kind, "model")]
    settings = [*(offer.setting for offer in offers), *networks]
    assert [one.path for one in settings if not one.description] == []


@pytest.mark.slow("every option")
def test_every_option_reaches_the_spec_and_nothing_else_changes(offers, trained):
    reached = 0
    for offer in offers:
        section, _, name = offer.setting.path.rpartition(".")
        value = next(one for one in values_of(offer.schema) if one != offer.setting.default)
        code = main([*offer.line, *typed(offer.name, value)])
        fields = offer.start.model_dump()
        (fields[section] if section else fields)[name] = value
        try:
            wanted = ExperimentSpec.model_validate(fields)
        except ValueError:  # it does not fit together with another setting
            assert (code, trained) == (2, [])
            continue
        assert code == 0
        found = trained.pop()
        if offer.setting.path != "data.split":  # it determines the recipe
            assert found == [wanted], (offer.line, offer.name, value)
        reached += 1
    assert reached > 0.9 * len(offers)


def test_values_out_of_bounds_are_refused_in_one_line_with_the_names_of_their_options(
    offers, trained, capsys
):
    wrong: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
    for offer in offers:
        for number, value in enumerate(beyond(offer.schema)):
            wrong.setdefault((*offer.line, number), []).append((offer.name, value))
    assert sum(map(len, wrong.values())) > len(offers) / 2
    for (*line, _), options in wrong.items():
        for some in batched(options, 5):  # more are only counted in the message
            given = [word for name, value in some for word in typed(name, value)]
            assert main([*line, *given]) == 2
            [said] = capsys.readouterr().err.splitlines()
            for name, _ in some:
                assert re.search(rf"(: |\| ){name}: \w", said), (some, said)
    assert trained == []


def batched(items: Sequence[Any], count: int) -> list[Sequence[Any]]:
    return [items[start : start + count] for start in range(0, len(items), count)]


def test_a_choice_that_does_not_exist_is_refused_with_the_choices(offers, trained, capsys):
    for offer in offers:
        for choices in (one["enum"] for one in alternatives(offer.schema) if "enum" in one):
            assert main([*offer.line, offer.name, "no-such-choice"]) == 2
            [line] = capsys.readouterr().err.splitlines()
            assert offer.name in line or offer.name == "--split"
            assert all(str(choice) in line for choice in choices)
    assert trained == []


def test_the_help_has_the_description_the_bounds_and_the_default_of_every_option(
    offers, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "1000")
    texts: dict[tuple[str, ...], str] = {}
    for offer in offers:
        if offer.line not in texts:
            assert main([*offer.line, "--help"]) == 0
            texts[offer.line] = capsys.readouterr().out
        lines = re.findall(r"^│ +(.*)│$", texts[offer.line], re.M)
        [line] = [one for one in lines if offer.name in one.split()]
        assert offer.setting.description in line
        assert "[default: " in line
        numbers = [*limits(offer.schema)]
        assert ("[bounds: " in line) == bool(numbers)
        assert all(f"{number:,}" in line or f"{number:g}" in line for number in numbers), line
        assert all(
            str(choice) in line
            for one in alternatives(offer.schema)
            for choice in one.get("enum", ())
        )


def limits(schema: Any) -> Iterator[float]:
    """Yield all bounds in a schema."""
    names = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    if isinstance(schema, dict):
        yield from (schema[name] for name in names if name in schema)
        for inner in schema.values():
            yield from limits(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from limits(inner)


def test_a_new_field_of_a_plug_in_is_an_option_without_any_other_change(tmp_path):
    field = """
    drift: Annotated[float, Field(ge=0, le=1)] = 0.5
    \"\"\"Drift of the baseline per sample.\"\"\"

    weights: dict[str, float] = {}
    \"\"\"Weights of the examples by name.\"\"\"

    marks: tuple[int, ...] | None = None

    split_seed:"""
    file = tmp_path / "mine.py"
    file.write_text(PULSES.read_text().replace("\n    split_seed:", field, 1))
    line = ("train", "locate-pulse", "--epochs", "1")
    said = coordconv(*line, "--help", within=tmp_path, plugin=file).stdout
    assert re.search(r"--drift FLOAT +Drift of the baseline per sample. \[bounds: 0 to 1\]", said)
    done = coordconv(*line, "--drift", "1.5", within=tmp_path, plugin=file)
    assert (done.returncode, "--drift: Input should be less than" in done.stderr) == (2, True)
    given = ("--drift", "0.25", "--weights", '{"a": 2}', "--marks", "1", "2", "3")
    done = coordconv(*line, *given, within=tmp_path, plugin=file)
    assert done.returncode == 0, done.stderr
    [spec] = tmp_path.glob("runs/*/spec.json")
    data = json.loads(spec.read_text())["data"]
    assert (data["drift"], data["weights"], data["marks"]) == (0.25, {"a": 2.0}, [1, 2, 3])


class Clashing(FrozenSpec):
    model: int = 1
    square: int = 2
    no_square: int = 3
    plugin: int = 4


def test_a_name_that_is_taken_gets_the_section_in_front():
    settings = [*settings_of_class(Clashing, "data"), *settings_of_class(Clashing, "model")]
    names = option_names(settings, ["--model"])
    assert names["data.square"] == "--square"
    assert names["data.model"] == "--data-model"
    assert names["data.no_square"] == "--data-no-square"
    assert names["data.plugin"] == "--data-plugin"
    assert names["model.square"] == "--model-square"
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("regresion", 'Did you mean "regression"?'),
        ("", "the first argument must be a task: classification,"),
        ("--epochs 3", "the first argument must be a task"),
        ("--runs regression", "the first argument must be a task"),
        ("regression --hidden 3", "Unknown option: --hidden"),
        ("regression --split diagonal", "the splits uniform, quadrant; got 'diagonal'"),
        ("regression --model transformer", "has the models coordconv and conv"),
        ("regression --seed 4294967295 --ensemble 2", "--seed: Input should be less than"),
        ("regression --set seed=3", "use the option --seed"),
        ("regression --canvas 14", "--canvas requires 2"),
    ],
)
def test_words_that_determine_no_run_are_refused(line, said, capsys, trained):
    assert main(["train", *line.split()]) == 2
    [words] = capsys.readouterr().err.splitlines()
    assert said in words
    assert trained == []


@pytest.mark.parametrize(
    "line",
    [
        "regression --canvas 14 18 --epochs 1",
        "--canvas 14 18 --epochs 1 regression",
        "--epochs=1 --runs classification regression --canvas 14 18",
        "--task regression --epochs 1 --canvas 14 18",
        "regression --set training.epochs=1 --set data.canvas=[14,18]",
    ],
)
def test_the_order_of_words_does_not_matter(line, trained):
    assert main(["train", *line.split()]) == 0
    wanted = {"training.epochs": 1, "data.canvas": (14, 18)}
    assert trained == [[with_settings(spec_by_recipe("regression"), wanted)]]


def test_a_hand_built_network_is_not_trained(trained):
    assert main(["train", "rendering", "--model", "hand-built-renderer", "--square", "5"]) == 2
    square = ["--square", "5", "--model-square", "5"]
    assert main(["train", "rendering", "--model", "hand-built-renderer", *square]) == 0
    [[spec]] = trained
    assert (spec.training.epochs, spec.model.square, spec.data.square) == (0, 5, 5)
