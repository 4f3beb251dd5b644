"""Check a built site for dead links and requests to other machines."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that a browser fetches by itself, unlike links that a reader follows.
FETCHED = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "video": ["src", "poster"],
}
NOT_FETCHED = {"canonical", "next", "prev", "alternate"}  # Kinds of <link>.
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Document(HTMLParser):
    """The anchors, links and fetched addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the addresses of an element."""
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.fetched += in_styles(found.get("style", ""))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "link" and NOT_FETCHED & set(found.get("rel", "").split()):
            return
        for name in FETCHED.get(tag, ()):
            parts = found.get(name, "").split(", ") if name == "srcset" else [found.get(name, "")]
            self.fetched += [part.split()[0] for part in parts if part.strip()]

    handle_startendtag = handle_starttag


def in_styles(text: str) -> list[str]:
    """Return the addresses in a style sheet."""
    return [first or second for first, second in IN_STYLES.findall(text)]


def faults_of(site: Path) -> tuple[list[str], int]:
    """Return the faults of a built site, one line each, and the number of checked addresses."""
    documents = {path: Document(path.read_text()) for path in sorted(site.rglob("*.html"))}
    faults, count = [], 0
    for path, document in documents.items():
        page = path.relative_to(site)
        inside = [link for link in document.links if not is_elsewhere(link)]
        count += len(inside) + len(document.fetched)
        for address in document.fetched:
            if is_elsewhere(address) and not address.startswith("data:"):
                faults.append(f"{page} fetches {address} from elsewhere")
        for link in inside + [one for one in document.fetched if not is_elsewhere(one)]:
            if not _is_there(link, path, site, documents):
                faults.append(f"{page} links to {link}, which is not there")
    for path in sorted(site.rglob("*.css")):
        found = in_styles(path.read_text())
        count += len(found)
        for address in found:
            if is_elsewhere(address) and not address.startswith("data:"):
                faults.append(f"{path.relative_to(site)} fetches {address} from elsewhere")
    return faults, count


def is_elsewhere(address: str) -> bool:
    """Return whether an address is outside the site: it has a scheme or a host."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def _is_there(link: str, path: Path, site: Path, documents: dict[Path, Document]) -> bool:
    parts = urlsplit(link)
    name = unquote(parts.path)
    target = path if not name else (site / name[1:] if name[0] == "/" else path.parent / name)
    target = target.resolve()
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return False
    if not parts.fragment or target.suffix != ".html":
        return True
    return unquote(parts.fragment) in documents[target].anchors
