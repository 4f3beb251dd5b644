"""The pages of the site in the builder's format, without links to files outside of the site.

In the repository, pages link to code. The site has a page for each linked file, so it is
self-contained; links to folders become plain text.
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ASSETS = ("images/**/*.png", "report.html", "where-explorer.html", "site.css", "iframe-worker.js")
SHOWN_AS_THEY_ARE = {".html", ".md", ".png"}
FENCE = re.compile(r"^(```.*?^```[^\n]*$)", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
LANGUAGES = {".py": "python", ".js": "javascript", ".yaml": "yaml", ".toml": "toml"}


def gather(out: Path) -> None:
    """Copy all pages, their assets and the files that they link to into a folder."""
    for pattern in ASSETS:
        for path in DOCS.glob(pattern):
            _write(out / path.relative_to(DOCS), path.read_bytes())
    waiting = {path: path.relative_to(DOCS) for path in sorted(DOCS.rglob("*.md"))}
    written: set[Path] = set()
    while waiting:
        path, place = waiting.popitem()
        text, linked = page_of(path, place)
        _write(out / place, text.encode())
        written.add(path)
        waiting |= {one: source_place(one) for one in linked if one not in written}


def page_of(path: Path, place: Path) -> tuple[str, list[Path]]:
    """Return a file as a page of the site, and the files outside docs/ that it links to."""
    text = path.read_text()
    if path.suffix != ".md":
        return _listing(path, text), []
    linked: list[Path] = []
    parts = FENCE.split(text)
    for index in range(0, len(parts), 2):  # Odd parts are code blocks.
        parts[index] = LINK.sub(lambda link: _inside(link, path, place, linked), parts[index])
    text = "".join(parts)
    return text if path.is_relative_to(DOCS) else _not_in_the_search(text), linked


def source_place(path: Path) -> Path:
    """Return the location on the site of a file outside docs/."""
    # The builder ignores names that begin with a dot.
    name = Path("source", *(re.sub(r"^\.", "dot-", part) for part in path.relative_to(ROOT).parts))
    return name if path.suffix == ".md" else name.with_name(f"{name.name}.md")


def _inside(link: re.Match, path: Path, place: Path, linked: list[Path]) -> str:
    picture, text, target = link.groups()
    if re.match(r"[a-z]+:|#", target):
        return link.group()
    name, _, anchor = target.partition("#")
    found = (path.parent / name).resolve()
    if found.is_dir():
        return text
    if not found.is_file():
        raise FileNotFoundError(f"{path.relative_to(ROOT)} links to {target}, which does not exist")
    if found.is_relative_to(DOCS) and found.suffix in SHOWN_AS_THEY_ARE:
        to = found.relative_to(DOCS)
    else:
        linked.append(found)
        to = source_place(found)
    up = "../" * (len(place.parts) - 1)
    return f"{picture}[{text}]({up}{to.as_posix()}{'#' + anchor if anchor else ''})"


def _listing(path: Path, text: str) -> str:
    language = LANGUAGES.get(path.suffix, "text")
    name = path.relative_to(ROOT).as_posix()
    return _not_in_the_search(f"# {name}\n\n````{language}\n{text.rstrip()}\n````\n")


def _not_in_the_search(text: str) -> str:
    return f"---\nsearch:\n  exclude: true\n---\n\n{text}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def emptied(folder: Path) -> Path:
    """Delete the content of a folder, create it if needed, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def title_of(path: Path) -> str:
    """Return the first heading of a page as plain text; for a decision, with its number."""
    [title, *_] = re.findall(r"^# (?:\d+\. )?(.+)$", path.read_text(), flags=re.MULTILINE)
    title = title.replace("`", "")
    number = re.match(r"(\d{4})-", path.name)
    return f"{int(number.group(1))}. {title}" if number else title
