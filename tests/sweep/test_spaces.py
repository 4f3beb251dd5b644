"""Lists of runs of search spaces: the paper's grids, and spaces from files."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import paper
from coordconv_lab.experiments.notsoclevr.studies.all_studies import SWEEPS
from coordconv_lab.recipes import with_settings
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.sweep.space import Range, RowChoice, Space, listed
from coordconv_lab.sweep.space_file import read_space

ROOT = Path(__file__).parents[2]

# Runs per split, counted by hand from the log of experiments in the paper's code:
# deconv 6 rates x 3 penalties x 3 kernels x 3 widths x 2 batches; rendering twice as many, for two
# losses; conv 3 rates x 3 penalties; CoordConv 3 x 2, one, and 2 x 2 x 2 widths.
PAPER = {
    "classification": {"deconv": 324, "coordconv": 6},
    "regression": {"conv": 9, "coordconv": 1},
    "rendering": {"deconv": 648, "coordconv": 8},
}


@pytest.mark.parametrize("task", PAPER)
@pytest.mark.parametrize("split", ["uniform", "quadrant"])
def test_the_grids_of_the_paper_have_every_setting_once(task, split):
    arms = SWEEPS[f"paper-{task}"]().arms
    for model, count in PAPER[task].items():
        specs = arms[f"{task}, {split}, {model}"]
        assert len({spec.id for spec in specs}) == len(specs) == count
        assert {spec.data.split_variant for spec in specs} == {"paper"}


def test_every_value_of_the_deconv_grid_is_equally_frequent():
    specs = SWEEPS["paper-classification"]().arms["classification, uniform, deconv"]
    counts = {
        "rate": Counter(spec.training.learning_rate for spec in specs),
        "decay": Counter(spec.training.weight_decay for spec in specs),
        "kernel": Counter(spec.model.kernel for spec in specs),
        "width": Counter(spec.model.width for spec in specs),
        "batch": Counter(spec.training.batch_size for spec in specs),
    }
    assert counts["rate"] == dict.fromkeys((0.001, 0.002, 0.005, 0.01, 0.02, 0.05), 54)
    # Its L2 penalty has no factor 1/2, so the weight decay is twice its strength.
    assert counts["decay"] == dict.fromkeys((0, 0.002, 0.02), 108)
    assert counts["kernel"] == {2: 108, 3: 108, 4: 108}
    assert counts["width"] == {1: 108, 2: 108, 3: 108}
    assert counts["batch"] == {16: 162, 32: 162}
    assert {spec.training.epochs for spec in specs} == {1000}
    assert {spec.training.schedule for spec in specs} == {"steps"}


def test_the_recipe_of_the_paper_is_one_setting_of_its_grid():
    for task in ("classification", "regression", "rendering"):
        for split in ("uniform", "quadrant"):
            arms = SWEEPS[f"paper-{task}"]().arms
            ids = {spec.id for name, specs in arms.items() if split in name for spec in specs}
            assert paper(task, split, "baseline").id in ids
            if task != "rendering":  # whose painting kernels are 1x1 only in the sweep
                assert paper(task, split, "coordconv").id in ids


def space(**fields: object) -> Space:
    """Return a space, by default of one row."""
    rows = [{"task": "regression", "split": "uniform"}]
    return Space.model_validate({"name": "mine", "rows": rows, **fields})


def test_a_grid_is_the_product_of_its_values_and_ranges():
    rate = {"low": 0.001, "high": 0.1, "log": True, "steps": 3}
    settings = {"training.learning_rate": rate, "training.batch_size": [4, 8]}
    (specs,) = listed(space(settings=settings, seeds=2)).arms.values()
    found = [(s.training.learning_rate, s.training.batch_size, s.seed) for s in specs]
    assert found == [(r, b, s) for r in (0.001, 0.01, 0.1) for b in (4, 8) for s in (0, 1)]


DRAWN = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "training.batch_size": {"low": 2, "high": 9, "integer": True},
}


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 99))
def test_more_trials_do_not_change_earlier_ones(trials, more, seed):
    few = listed(space(search="random", trials=trials, seed=seed, settings=DRAWN))
    many = listed(space(search="random", trials=trials + more, seed=seed, settings=DRAWN))
    (first,), (second,) = few.arms.values(), many.arms.values()
    assert [spec.id for spec in second[: len(first)]] == [spec.id for spec in first]


def test_another_setting_does_not_change_the_values_of_the_others():
    more = {**DRAWN, "training.weight_decay": [0, 0.1]}
    before = listed(space(search="random", trials=9, settings=DRAWN))
    after = listed(space(search="random", trials=9, settings=more))
    (old,), (new,) = before.arms.values(), after.arms.values()
    rates = [spec.training.learning_rate for spec in old]
    assert [spec.training.learning_rate for spec in new] == rates


def test_all_rows_have_the_same_values():
    rows = [{"task": "regression", "model": ["coordconv", "conv"]}]
    study = listed(space(search="random", trials=7, settings=DRAWN, rows=rows))
    rates = [[spec.training.learning_rate for spec in specs] for specs in study.arms.values()]
    assert len(rates) == 4
    assert all(row == rates[0] for row in rates)


# Training in this process flushes denormals to zero.
PARTS = st.floats(0, 1, allow_subnormal=False)
ENDS = st.floats(1e-6, 1e6, allow_subnormal=False)


@given(ENDS, ENDS, st.booleans(), PARTS)
def test_values_of_a_range_are_within_its_bounds(one, other, log, part):
    low, high = sorted((one, other))
    if low < high:
        whole = Range(low=low, high=high, log=log)
        assert low <= whole.at(part) <= high
        assert whole.at(part) in whole


def test_a_logarithmic_range_of_integers_is_spaced_logarithmically():
    assert Range(low=1, high=1024, log=True, integer=True, steps=11).grid() == [
        2**power for power in range(11)
    ]


@pytest.mark.parametrize(
    "ends", [(0.0, 0.9999999), (0.12345678, 0.5), (1e6, 1000004.0), (-1e-9, 1e-9)]
)
def test_rounded_values_are_distinct_and_within_the_range(ends):
    values = Range(low=ends[0], high=ends[1], steps=5).grid()
    assert len(values) == 5
    assert (values[0], values[-1]) == ends


def test_integers_are_sampled_symmetrically_around_zero():
    whole = Range(low=-3, high=3, integer=True)
    drawn = Counter(whole.at(part / 700) for part in range(700))
    assert drawn == dict.fromkeys(range(-3, 4), 100)


@given(st.integers(-50, 50), st.integers(1, 60), PARTS)
def test_integer_ranges_include_both_bounds(low, width, part):
    whole = Range(low=low, high=low + width, integer=True)
    assert (whole.at(0.0), whole.at(1.0)) == (low, low + width)
    value = whole.at(part)
    assert isinstance(value, int)
    assert low <= value <= low + width


YAML = """
name: rates
search: random
trials: 4
rows:
  - {task: regression, model: [coordconv, conv]}
settings:
  training.learning_rate: {low: 0.001, high: 0.1, log: true}
"""
TOML = """
name = "rates"
search = "random"
trials = 4
rows = [{task = "regression", model = ["coordconv", "conv"]}]
[settings]
"training.learning_rate" = {low = 0.001, high = 0.1, log = true}
"""


def written(tmp_path: Path, text: str, name: str = "space.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_yaml_and_toml_describe_the_same_space(tmp_path):
    yaml = read_space(written(tmp_path, YAML))
    assert yaml == read_space(written(tmp_path, TOML, "space.toml"))
    assert len(listed(yaml).specs) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping of settings, got NoneType"),
        ("- 1", "got list"),
        ("a: [", "is not valid YAML"),
        ("a: &a [1]\nb: [*a]", "aliases are not allowed"),
        (YAML.replace("trials: 4", ""), "trials must be set for random"),
        (YAML.replace("trials: 4", "trials: 0"), "trials: .*greater than or equal to 1; got 0"),
        (YAML.replace("random", "guess"), "search: .*'grid', 'random' or 'optuna'"),
        (YAML.replace("name: rates", "name: ../up"), "name: .*pattern"),
        (YAML.replace("low: 0.001", "low: 1"), "low must be less than high"),
        (YAML.replace("low: 0.001", "low: -1"), "low must be greater than 0 if log is true"),
        (YAML.replace("{low: 0.001, high: 0.1, log: true}", "[]"), "has no values"),
        (YAML.replace("learning_rate", "lerning_rate"), "did you mean training.learning_rate"),
        (YAML.replace("conv]", "deconv]"), "regression task has the models coordconv and conv"),
        (YAML.replace("task: regression", "task: riding"), "task"),
        (
            YAML.replace("task: regression", "task: reconstruction"),
            "recipes have the tasks classification, regression, rendering; got 'reconstruction'",
        ),
        (YAML.replace("model:", "split: diagonal, model:"), "split.*'uniform' or 'quadrant'"),
        (YAML + "extra: 1", "extra"),
        (YAML.replace("{low: 0.001, high: 0.1, log: true}", "[-1]"), "greater than 0; got -1"),
        (YAML.replace("random", "grid").replace("trials: 4", ""), "a range in a grid needs steps"),
        (YAML + "  - {task: regression}", "is not valid YAML"),
        (
            YAML.replace("search: random", "search: optuna") + "seeds: 2",
            "remove seeds or set it to 1",
        ),
        (YAML + "  training: [{epochs: 2}, {epochs: 3}]", "training: .*got a group of settings"),
        (YAML + "  training.epochs: [on]", "training.epochs: expected a number, got True"),
        (YAML + "  training.betas: [[off, 0.9]]", "training.betas: expected a number, got False"),
        (YAML + "seeds: on", "seeds: must be a number, not a boolean.*got True"),
        (YAML + "seed: no", "seed: must be a number, not a boolean.*got False"),
        (
            YAML + "  training.warmup: {low: no, high: 0.5}",
            "training.warmup: low: must be a number",
        ),
        (YAML + "  seed: [0, 1]", "seed cannot be one of the settings"),
        (YAML.replace("[coordconv, conv]", "[]"), "model"),
        (YAML + f"seed: {2**31}", "seed: .*less than 2147483648"),
        (YAML.replace("high: 0.1", "high: 1.0e+300"), "low and high must be between"),
        (YAML + "x: 2020-13-45", "is not valid YAML: month must be"),
        (YAML + "x: !!int abc", "is not valid YAML"),
        (YAML + "x: !!bool abc", "is not valid YAML"),
        (YAML + "x: !!timestamp abc", "is not valid YAML"),
        (YAML + f"x: {'9' * 5000}", "is not valid YAML"),
        ("name: other\n" + YAML, "duplicate key 'name' in line 3"),
        (YAML + "settings: {}", "duplicate key 'settings' in line 9"),
        (YAML + "  training.learning_rate: [1]", "duplicate key 'training.learning_rate'"),
        (YAML + "  'training.learning_rate': [1]", "duplicate key 'training.learning_rate'"),
        (YAML + "x: [{a: 1}, {b: [{c: 1, c: 1}]}]", "duplicate key 'c'"),
        (YAML + f"x: {{{'k' * 900}: 1, {'k' * 900}: 2}}", r"duplicate key 'k{199}\.\.\. in line"),
    ],
)
def test_an_invalid_space_is_refused_in_one_line(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=said) as caught:
        listed(read_space(path))
    assert "\n" not in str(caught.value)


def test_a_misspelled_key_of_a_row_is_the_only_error(tmp_path):
    with pytest.raises(InputError) as caught:
        read_space(written(tmp_path, YAML.replace("model:", "models:")))
    assert str(caught.value).endswith(
        "rows.0.models: Extra inputs are not permitted; got ['coordconv', 'conv']"
    )
    with pytest.raises(InputError, match=r"rows: .*at least 1 item"):
        read_space(written(tmp_path, "name: empty\nrows: []"))


def test_the_page_shows_the_full_example_and_names_every_key():
    page = (ROOT / "docs" / "sweeps.md").read_text()
    [shown] = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert shown == (ROOT / "examples" / "learning_rates.yaml").read_text()
    for part in (Space, RowChoice, Range):
        assert [key for key in part.model_fields if not re.search(f"`{key}[`:]", page)] == []


def test_a_grid_with_too_many_runs_is_refused():
    settings = {
        f"training.{name}": {"low": 0.1, "high": 0.9, "steps": 500}
        for name in ("learning_rate", "weight_decay")
    }
    with pytest.raises(InputError, match=r"500,000 runs; at most 100,000"):
        listed(space(settings=settings, seeds=2))


def test_a_duplicate_row_is_refused():
    rows = [{"task": "regression"}, {"task": "regression", "recipe": "paper"}]
    with pytest.raises(InputError, match="occurs twice"):
        listed(space(rows=rows))


@pytest.mark.parametrize("suffix", ["yaml", "yml", "toml"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_byte_order_marks_and_line_endings_are_ignored(tmp_path, suffix, end, start):
    text = TOML if suffix == "toml" else YAML
    plain, saved = tmp_path / f"plain.{suffix}", tmp_path / f"saved.{suffix}"
    plain.write_bytes(text.encode())
    saved.write_bytes((start + text.replace("\n", end)).encode())
    assert read_space(saved) == read_space(plain)


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_in_another_encoding_is_refused(tmp_path, suffix, encoding):
    path = tmp_path / f"space.{suffix}"
    path.write_bytes("name: a".encode(encoding))
    with pytest.raises(InputError, match="its encoding is not UTF-8; save it as UTF-8"):
        read_space(path)


@pytest.mark.parametrize("name", ["nothing.yaml", "nothing.toml", "."])
def test_a_missing_file_is_named(name):
    with pytest.raises(InputError, match=r"cannot read|there is no sweep"):
        sweep_named(name)


def test_an_unknown_sweep_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean paper-rendering;"):
        sweep_named("paper-rendring")


def test_a_setting_for_all_runs_scales_a_sweep_down():
    small = sweep_named("paper-regression", {"training.epochs": 1, "data.square": 57})
    before = sweep_named("paper-regression")
    assert {spec.training.epochs for spec in small.study.specs} == {1}
    pairs = zip(small.study.specs, before.study.specs, strict=True)
    for changed, spec in pairs:
        assert with_settings(spec, {"training.epochs": 1, "data.square": 57}) == changed


def test_the_rows_of_the_example_have_the_same_values():
    path = ROOT / "examples" / "learning_rates.yaml"
    ours, theirs = sweep_named(str(path)).study.arms.values()
    assert len(ours) == len(theirs) == 12
    for one, other in zip(ours, theirs, strict=True):
        assert one.training.learning_rate == other.training.learning_rate


def test_a_setting_that_makes_two_rows_identical_is_refused():
    same = {"training.epochs": 1}
    with pytest.raises(InputError, match="makes rows of many-seeds identical"):
        sweep_named("many-seeds", same)
    assert sweep_named("many-seeds", same, row="three times").study.specs


@pytest.mark.parametrize(
    ("path", "value"),
    [("data.split", "uniform"), ("model.kind", "conv-regressor"), ("task", "rendering")],
)
def test_a_setting_that_names_rows_is_not_changed_in_all_of_them(path, value):
    with pytest.raises(InputError, match=f"{path} cannot be changed for every run"):
        sweep_named("paper-regression", {path: value}, row="quadrant")


@pytest.mark.parametrize("inside", ["space", "row"])
@pytest.mark.parametrize(("path", "value"), [("data.split", "quadrant"), ("task", "rendering")])
def test_a_setting_that_recipes_depend_on_does_not_vary(inside, path, value):
    settings = {"settings": {path: [value]}}
    row = {"task": "regression", **(settings if inside == "row" else {})}
    fields = {"name": "q", "rows": [row], **(settings if inside == "space" else {})}
    with pytest.raises(ValueError, match=f"{path} cannot be one of the settings"):
        Space.model_validate(fields)


def test_every_row_has_every_kind_of_network():
    fields = {
        "name": "kinds",
        "rows": [{"task": "regression", "split": "uniform", "model": ["coordconv", "conv"]}],
        "settings": {"model.kind": ["coordconv-regressor", "conv-pooled-regressor"]},
    }
    arms = listed(Space.model_validate(fields)).arms
    assert {name: len(specs) for name, specs in arms.items()} == {
        "regression, uniform, coordconv": 2,
        "regression, uniform, conv": 2,
    }


@pytest.mark.parametrize("setting", [3, "relu", {"epochs": [1]}, None])
def test_a_setting_that_is_neither_a_list_nor_a_range_is_explained(setting):
    fields = {"name": "q", "rows": [{"task": "regression"}], "settings": {"training": setting}}
    with pytest.raises(ValueError, match=r"a list of values, such as .* or a range with low and"):
        Space.model_validate(fields)
