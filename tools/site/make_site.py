"""Build the documentation site: every page of docs/, the reference and the gallery.

Run it with `make site`, then open build/site/index.html. Warnings of the builder, such as dead
links, are errors, and so are requests to other machines.
"""

import fnmatch
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import yaml
from site_pages import DOCS, ROOT, emptied, gather, title_of
from site_reference import SOURCES, write_reference

OUT = ROOT / "build"

# Patterns of addresses that a browser fetches on its own, unlike links that a reader follows.
FETCHED = re.compile(
    r"""<(?!a\b|link\b)[^>]*\s(?:src|srcset|poster|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?![^>]*\brel=["']?(?:canonical|next|prev|alternate))[^>]*"""
    r"""\shref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)"""
)


def settings(pages: Path) -> dict[str, Any]:
    """Return the builder's settings, with the patterns of the navigation expanded."""
    project = tomllib.loads((DOCS / "zensical.toml").read_text())["project"]
    project["docs_dir"], project["site_dir"] = pages.name, "site"
    project["nav"] = navigation(project["nav"], pages)
    handler = project["plugins"]["mkdocstrings"]["handlers"]["python"]
    handler["paths"] = [str(SOURCES)]
    handler["options"]["extensions"] = [{f"{Path(__file__).with_name('site_reference.py')}": {}}]
    return project


def navigation(entries: list, pages: Path) -> list:
    """Return the navigation with each pattern replaced by the matching pages and their titles."""
    left = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    left -= set(_named(entries))
    return _filled(entries, left, pages)


def _named(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [name for part in parts for name in _named(part)]


def _filled(entries: Any, left: set[str], pages: Path) -> list:
    filled: list = []
    for entry in [entries] if isinstance(entries, str) else entries:
        if isinstance(entry, dict):
            for title, inside in entry.items():
                is_page = isinstance(inside, str) and "*" not in inside
                filled.append({title: inside if is_page else _filled(inside, left, pages)})
        elif "*" in entry:
            found = [name for name in sorted(left) if _matches(name, entry)]
            filled += [{title_of(pages / name): name} for name in found]
        else:
            filled.append(entry)
    return filled


def _matches(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


def build(out: Path = OUT) -> Path:
    """Build the site in a folder of this project and return its path."""
    pages = emptied(out / "pages")
    gather(pages)
    write_reference(pages / "reference")
    # Write YAML, which the builder reads and which can contain the expanded navigation.
    (out / "mkdocs.yml").write_text(yaml.safe_dump(settings(pages), sort_keys=False))
    emptied(out / "site")
    return built(out / "mkdocs.yml")


def built(settings: Path) -> Path:
    """Run the builder, which also finds dead links and anchors; return the path of the site.

    Raises:
        SystemExit: The builder reports a warning or an error.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", settings]
    done = subprocess.run(command, capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if line.startswith("griffe:")]
    if done.returncode or complaints:
        raise SystemExit("\n".join(complaints) or done.stdout + done.stderr)
    return settings.with_name("site")


def requests_of(site: Path) -> list[str]:
    """Return the requests of a built site to other machines, one line each."""
    # Skip the report: it makes no requests, but contains a library in which addresses occur.
    pages = [path for path in site.rglob("*.html") if path.name != "report.html"]
    return [
        f"{path.relative_to(site)} fetches {''.join(found)} from elsewhere"
        for path in sorted([*pages, *site.rglob("*.css")])
        for found in FETCHED.findall(path.read_text())
    ]


def main() -> int:
    """Build and check the site, and print a summary."""
    began = time.perf_counter()
    site = build()
    seconds = time.perf_counter() - began
    found = requests_of(site)
    print(*found, sep="\n", end="\n" if found else "")
    pages = sum(1 for _ in site.rglob("*.html"))
    print(f"{site / 'index.html'}: {pages} pages in {seconds:.1f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
