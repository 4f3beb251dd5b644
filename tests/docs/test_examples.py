"""The worked examples run and show what they say."""

import importlib.util
import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs_and_proves_its_point(path, capsys):
    """Each ends with assertions; one seed is enough to see them hold."""
    main = load(path).main
    assert "assert " in path.read_text()
    main(**({"seeds": 1} if "seeds" in inspect.signature(main).parameters else {}))
    assert capsys.readouterr().out


def test_the_gallery_has_the_texts_of_the_examples():
    docs = EXAMPLES[0].parents[1] / "docs"
    sys.path.insert(0, str(docs))  # Where the programs that write pages find one another.
    import make_gallery

    page = make_gallery.page(make_gallery.printed_before())
    assert page == (docs / "gallery.md").read_text(), "run `make gallery`"
    for name in make_gallery.PICTURES:
        assert (docs / "images" / f"gallery-{name}.png").is_file()


@pytest.mark.parametrize("tile", [7, 16, 100])
def test_tiles_that_know_where_they_lie_give_what_the_whole_gives(tile):
    (path,) = [path for path in EXAMPLES if path.stem == "tiled_inference"]
    example = load(path)
    net, picture = example.Net().double(), torch.randn(2, 3, 33, 21, dtype=torch.float64)
    assert_close(example.in_tiles(net, picture, tile), net(picture))
    lost = example.in_tiles(net, picture, tile, with_window=False)
    assert tile == 100 or (lost - net(picture)).abs().max() > 0.01
