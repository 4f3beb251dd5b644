"""The examples run and match the gallery."""

import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "pages"))  # Lets the programs import each other.
import make_gallery  # noqa: E402

EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.stem != "tutorial"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs_and_its_assertions_hold(path, capsys, monkeypatch):
    """Each ends with assertions, which one seed is enough to check."""
    monkeypatch.setenv("COORDCONV_PLUGINS", "")
    main = make_gallery.loaded(path).main
    assert "assert " in path.read_text()
    main(**({"seeds": 1} if "seeds" in inspect.signature(main).parameters else {}))
    assert capsys.readouterr().out


def test_the_gallery_matches_the_examples():
    page = make_gallery.page(make_gallery.printed_before())
    assert page == (ROOT / "docs" / "gallery.md").read_text(), "run `make gallery`"
    for name in make_gallery.PICTURES:
        assert (ROOT / "docs" / "images" / f"gallery-{name}.png").is_file()


@pytest.mark.parametrize("tile", [7, 16, 100])
def test_tiles_with_windows_equal_the_full_image(tile):
    (path,) = [path for path in EXAMPLES if path.stem == "tiled_inference"]
    example = make_gallery.loaded(path)
    net, picture = example.Net().double(), torch.randn(2, 3, 33, 21, dtype=torch.float64)
    assert_close(example.in_tiles(net, picture, tile), net(picture))
    lost = example.in_tiles(net, picture, tile, with_window=False)
    assert tile == 100 or (lost - net(picture)).abs().max() > 0.01
