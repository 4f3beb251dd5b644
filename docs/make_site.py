"""Build the documentation site: every page of docs/, the reference and the gallery.

Run it with `make site`, then open build/site/index.html. Warnings of the builder, dead links and
requests to other machines are errors.
"""

import fnmatch
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import yaml
from site_links import faults_of
from site_pages import DOCS, ROOT, emptied, gather, title_of
from site_reference import SOURCES, write_reference

OUT = ROOT / "build"


def settings(pages: Path) -> dict[str, Any]:
    """Return the builder's settings, with the patterns of the navigation expanded."""
    project = tomllib.loads((DOCS / "zensical.toml").read_text())["project"]
    project["docs_dir"], project["site_dir"] = pages.name, "site"
    project["nav"] = navigation(project["nav"], pages)
    handler = project["plugins"]["mkdocstrings"]["handlers"]["python"]
    handler["paths"] = [str(SOURCES)]
    handler["options"]["extensions"] = [{f"{DOCS / 'site_reference.py'}": {}}]
    return project


def navigation(entries: list, pages: Path) -> list:
    """Return the navigation with each pattern replaced by its pages, under their own titles."""
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
    # The builder also reads YAML, which can hold the expanded navigation.
    (out / "mkdocs.yml").write_text(yaml.safe_dump(settings(pages), sort_keys=False))
    emptied(out / "site")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run([*command, "-f", out / "mkdocs.yml"], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if line.startswith("griffe:")]
    if done.returncode or complaints:
        raise SystemExit("\n".join(complaints) or done.stdout + done.stderr)
    return out / "site"


def main() -> int:
    """Build and check the site, and print a summary."""
    began = time.perf_counter()
    site = build()
    seconds = time.perf_counter() - began
    faults, links = faults_of(site)
    print(*faults, sep="\n", end="\n" if faults else "")
    pages = sum(1 for _ in site.rglob("*.html"))
    print(f"{site / 'index.html'}: {pages} pages in {seconds:.1f} s; {links} links checked")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
