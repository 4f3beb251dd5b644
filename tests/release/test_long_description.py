"""The description of a release has no relative links or images, and keeps everything else."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "release"))
import long_description  # noqa: E402  # pyright: ignore[reportMissingImports]

sys.path.pop(0)

README = (ROOT / "README.md").read_text()
ADDRESS = "https://lab.example/coordconv"


def targets(text: str) -> list[str]:
    without_code = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


@pytest.mark.parametrize("repository", [None, ADDRESS])
def test_every_link_and_image_of_the_readme_has_a_complete_address(repository):
    assert any(not target.startswith("https:") for target in targets(README))
    text = long_description.for_the_index(README, repository, "1.2.3")
    assert all(target.startswith(("https:", "#")) for target in targets(text))
    assert ("![" in text) == (repository is not None)


def test_addresses_are_those_of_files_at_the_tag():
    text = long_description.for_the_index(README, ADDRESS + "/", "1.2.3")
    found = [one.removeprefix(ADDRESS) for one in targets(text) if one.startswith(ADDRESS)]
    assert len(found) > 10
    for name in found:
        kind, path = re.fullmatch(r"/(blob|raw)/v1\.2\.3/([^#]+)(?:#.*)?", name).groups()
        assert (ROOT / path).exists(), name
        assert (kind == "raw") == path.endswith(".png")


def test_code_and_sentences_stay():
    text = long_description.for_the_index(README, None, "1.2.3")
    blocks = re.findall(r"^```.*?^```$", README, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    assert all(block in text for block in blocks)
    assert len(re.findall(r"^\|", text, flags=re.MULTILINE)) == README.count("\n|")
    page = "# A\n\n![b](c.png)\n\n*The [b](b.md).*\n\nSee [d](d.md), [e](https://e.example).\n"
    short = long_description.for_the_index(page, None, "1")
    assert short == "# A\n\nSee d, [e](https://e.example).\n"


@pytest.mark.parametrize("repository", [None, ADDRESS])
def test_the_description_renders(repository):
    renderer = pytest.importorskip("readme_renderer.markdown")
    if not renderer.variants:
        pytest.skip("the renderer of Markdown is not installed")
    text = long_description.for_the_index(README, repository, "1.2.3")
    page = renderer.render(text)
    assert page is not None
    assert "<table>" in page
    assert "<pre" in page
    assert page.count("<img") == (README.count("![") if repository else 0)


def test_the_exported_tree_gets_the_description(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nversion = "1.0"\nreadme = "R.md"\nurls.Repository = "{ADDRESS}"\n'
    )
    (tmp_path / "R.md").write_text("[a](b.md)")
    long_description.write_for_the_index(tmp_path)
    assert (tmp_path / "R.md").read_text() == f"[a]({ADDRESS}/blob/v1.0/b.md)"


def test_the_project_has_the_name_and_the_readme_of_the_description():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "torch-coordconv"
    assert project["readme"] == "README.md"
