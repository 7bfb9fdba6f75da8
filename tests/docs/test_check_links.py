"""The checker of links finds what is wrong, and only that."""

import subprocess
import sys
from pathlib import Path

import pytest

PAGE = '<h1 id="top">A page</h1><a href="{link}">there</a><img src="a%20picture.png">'


def check(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "check_links.py"), str(site)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of one page in a folder, and a picture beside it."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a picture.png").touch()
    (tmp_path / "index.html").write_text('<h1 id="top">Index</h1>', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("link", ["#top", "../index.html#top", "../index.html", "https://x.org/"])
def test_check_links_takes_what_leads_somewhere(root: Path, site: Path, link: str) -> None:
    (site / "pages" / "page.html").write_text(PAGE.format(link=link), encoding="utf-8")
    assert check(root, site).returncode == 0


@pytest.mark.parametrize("link", ["#end", "../index.html#end", "index.html", "../gone.png"])
def test_check_links_names_a_page_and_its_wrong_link(root: Path, site: Path, link: str) -> None:
    (site / "pages" / "page.html").write_text(PAGE.format(link=link), encoding="utf-8")
    done = check(root, site)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"pages/page.html: {link}")


def test_check_links_refuses_what_a_page_would_load_from_elsewhere(root: Path, site: Path) -> None:
    script = '<script src="https://x.org/a.js"></script>'
    (site / "index.html").write_text(script, encoding="utf-8")
    assert check(root, site).returncode == 1


def test_check_links_of_an_empty_folder_fails(root: Path, tmp_path: Path) -> None:
    assert check(root, tmp_path).returncode == 1
