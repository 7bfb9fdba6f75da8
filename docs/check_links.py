"""Check the links of the built documentation without a network.

    python docs/check_links.py build/docs    # exit code 1: a link leads nowhere

Each link within the site must lead to a file, and its fragment to an element there. What a page
loads must be part of the site, so that it can be read offline.
"""

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"img", "script", "link", "source", "iframe", "object"}
"""The elements whose targets a browser loads by itself."""


def main() -> int:
    """Print each wrong link; return the exit code."""
    site = Path(sys.argv[1]).resolve()
    pages = {path: read_page(path) for path in sorted(site.rglob("*.html"))}
    wrong = [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for tag, link in page.links
        if not leads_somewhere(path, tag, link, pages)
    ]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{sum(len(page.links) for page in pages.values())} links, {len(wrong)} wrong.")
    return 1 if wrong or not pages else 0


@dataclass
class Page(HTMLParser):
    """What a page links to, and the ids in it."""

    links: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element links to and how it is called."""
        found = dict(attrs)
        self.ids.update(value for name in ("id", "name") if (value := found.get(name)))
        if found.get("rel") == "canonical":
            return
        self.links += [(tag, value) for name in ("href", "src") if (value := found.get(name))]


def read_page(path: Path) -> Page:
    """Return the links and ids of a page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def leads_somewhere(path: Path, tag: str, link: str, pages: dict[Path, Page]) -> bool:
    """Whether a link within the site has a target; links to other sites are for a person."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return tag not in LOADS or parts.scheme == "data"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target not in pages:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in pages[target].ids


if __name__ == "__main__":
    sys.exit(main())
