"""The page on migration: its code converts, and its numbers are right."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coordconv import AddCoords, Convention, CoordConv2d
from coordconv.conversion import from_concatenated
from tests.docs import published

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text()
HEAD, *PARTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {part.partition("\n")[0]: part for part in PARTS}
X = torch.randn(2, 3, 5, 9)


def blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def of(layer: nn.Module) -> dict:
    """Return the names used in a section: the weights of the published layer and its output."""
    return {"theirs": layer.state_dict(), "there": layer(X)}


def of_tensorflow(layer: published.Published) -> dict:
    """Return the same with a kernel in the layout of TensorFlow."""
    kernel = layer.conv.weight.detach().permute(2, 3, 1, 0).numpy()
    return {"kernel": kernel, "bias": layer.conv.bias.detach().numpy(), "there": layer(X)}


def of_walsvid_and_anomalib() -> dict:
    cfa = published.WithDeadWeights(published.anomalib, "conv2d", kernel_size=1)
    given = of(published.WithDeadWeights(published.mkocabas, "conv"))
    return given | {"in_cfa": cfa.state_dict(), "there_in_cfa": cfa(X)}


def of_both_paddles() -> dict:
    layer = published.Published(published.paddle, bias=False)
    older = published.Published(published.detectors, bias=False)
    older.load_state_dict(layer.state_dict())
    return of(layer) | {"there_in_the_older": older(X)}


def of_a_head() -> dict:
    head = published.Head()
    return {"theirs": head.named(), "there": head(X)}


def of_monai() -> dict:
    return {"there": published.Published(published.monai).joined(X)}


def of_coord_xy() -> dict:
    return of(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), published.CoordXY()))


def of_tornet() -> dict:
    polar = torch.randn(2, 5, 9)
    layer = published.Published(lambda height, width: list(polar[:, :height, :width]), padding=1)
    return of_tensorflow(layer) | {"there": layer(X).relu(), "polar": polar}


def of_the_paper() -> dict:
    layer = published.Published(published.uber, padding=1)
    square = torch.randn(2, 3, 6, 6)
    return of_tensorflow(layer) | {"square": square, "there_on_a_square": layer(square)}


GIVEN = {
    "uber-research/CoordConv": of_the_paper,
    "mkocabas/CoordConv": lambda: of(published.Published(published.mkocabas)),
    "walsvid/CoordConv": of_walsvid_and_anomalib,
    "titu1994": lambda: of_tensorflow(published.Published(published.mkocabas)),
    "vacancy": lambda: of(published.Published(published.jacinle)),
    "Wizaron": lambda: of(published.Published(published.wizaron, before=True)),
    "SOLO": of_a_head,
    "PP-YOLO": of_both_paddles,
    "SparseInst": lambda: of(published.Published(published.detectors, before=True, padding=1)),
    "The aligners": lambda: of(published.Published(published.wizaron)),
    "MONAI": of_monai,
    "vanvalenlab": lambda: of_tensorflow(published.Published(published.deepcell)),
    "tlikhomanenko": of_coord_xy,
    "mit-ll": of_tornet,
}


@pytest.mark.parametrize("start", GIVEN)
def test_the_code_of_a_section_converts_the_published_layer(start):
    [section] = [text for title, text in SECTIONS.items() if title.startswith(start)]
    names = {"x": X} | GIVEN[start]()
    for block in blocks(HEAD) + blocks(section):
        exec(block, names)
    assert all("assert_close" in block for block in blocks(section))


def test_every_section_is_tested():
    assert len(SECTIONS) == len(GIVEN) == 14  # The landing page contains this number.


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_ends_with_its_source_files_at_their_commits(title):
    last = SECTIONS[title].rstrip().rpartition("\n")[2]
    found = re.findall(
        r"\[(\S+) (\S+) @ (\w{8})\]\(https://github\.com/(\S+?)/blob/(\w{40})/(\S+)\)", last
    )
    assert last.startswith("Read: ")
    assert len(found) == last.count("](") > 0
    assert all((a, b, c) == (d, f, e[:8]) for a, b, c, d, e, f in found)


def test_the_comparison_detects_a_wrong_convention():
    [section] = [text for title, text in SECTIONS.items() if title.startswith("Wizaron")]
    names = {"x": X} | GIVEN["Wizaron"]()
    exec(blocks(HEAD)[0], names)
    with pytest.raises(AssertionError, match="not close"):
        exec(blocks(section)[0].replace('"wizaron"', '"stargan"'), names)


def test_the_swapped_divisors_give_the_ranges_on_the_page():
    x, y, _ = published.uber(3, 5)
    ends = [one.item() for grid in (x, y) for one in (grid.min(), grid.max())]
    words = "with 3 rows and 5 columns, x goes from {:.0f} to {:.0f} and y from {:.0f} to {:.0f}"
    assert words.format(*ends) in PAGE


def test_the_radius_from_one_half_has_the_minimum_on_the_page():
    radius = published.mkocabas(3, 5)[2]
    row, column = divmod(int(radius.argmin()), 5)
    words = "the smallest value of the radius is {:.1f}, at row {}, column {}"
    assert words.format(radius.min(), row, column) in PAGE


def test_the_published_layer_gives_nan_on_an_axis_of_one_pixel():
    layer = published.Published(published.mkocabas, padding=1)
    assert layer(torch.randn(1, 3, 1, 4)).isnan().all()


def test_half_precision_has_the_number_of_positions_on_the_page():
    steps = torch.arange(1024, dtype=torch.bfloat16)
    low = (steps / 1023 * 2 - 1).unique().numel()
    once = (torch.arange(1024) / 1023 * 2 - 1).bfloat16().unique().numel()
    assert f"only {low} distinct coordinates." in PAGE
    assert f"which gives {once} distinct coordinates." in PAGE


def test_integer_images_get_zero_coordinates_there_and_an_error_here():
    grid = torch.stack(published.monai(3, 5)).to(torch.uint8)
    assert not grid.any()
    with pytest.raises(TypeError, match="float"):
        AddCoords(convention="monai")(torch.zeros(1, 1, 3, 5, dtype=torch.uint8))


def test_only_the_first_groups_see_the_published_coordinates():
    layer = published.Published(published.wizaron, before=True, channels=5, groups=2)
    zeros = torch.zeros(1, 5, 6, 7)
    seen = layer(zeros).std((2, 3))[0] > 1e-6
    assert seen.tolist() == [True] * 4 + [False] * 4


def test_the_two_versions_of_paddle_need_different_spans():
    [section] = [text for title, text in SECTIONS.items() if title.startswith("PP-YOLO")]
    given = of_both_paddles()
    swapped = {"there": given["there_in_the_older"], "there_in_the_older": given["there"]}
    for block in blocks(section):
        names = {"x": X} | given | swapped
        exec(blocks(HEAD)[0], names)
        with pytest.raises(AssertionError, match="not close"):
            exec(block, names)


def test_the_first_hourglass_converts_and_a_further_one_is_refused():
    layer = CoordConv2d(3, 8, 3, radius=True, convention="stargan")
    from_concatenated(layer, published.Published(published.wizaron).state_dict())
    further = published.Published(published.with_a_boundary).state_dict()
    with pytest.raises(ValueError, match=r"has shape \[8, 8, 3, 3\], expected \[8, 6, 3, 3\]"):
        from_concatenated(layer, further)


def test_the_older_layer_of_deepcell_has_the_column_first():
    assert "column before the row: use `Convention(span=(0, 1))`" in PAGE
    there = published.Published(published.older_deepcell).joined(X)
    assert_close(AddCoords(convention=Convention(span=(0, 1)))(X), there)


def test_an_in_place_addition_after_a_relu_fails_backward():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), published.CoordXY())
    with pytest.raises(RuntimeError, match="inplace operation"):
        net(X).sum().backward()


def test_coord_xy_after_a_shrinking_convolution_is_a_different_layer():
    there = nn.Sequential(nn.Conv2d(3, 8, 3), published.CoordXY())
    theirs = there.state_dict()
    layer = CoordConv2d(3, 8, 3, coord_kernel_size=1)
    slopes = torch.cat([theirs["1.alpha"], theirs["1.beta"]]).transpose(0, 1)
    plain = {"weight": theirs["0.weight"], "bias": theirs["0.bias"]}
    layer.load_state_dict(plain | {"coord_weight": slopes})
    assert not torch.allclose(layer(X), there(X))
