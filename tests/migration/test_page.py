"""The page of a scan: everything in one file, whatever is in the sources."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp
from onehttp_compat.migration.page import labelled
from onehttp_compat.migration.page.treemap import treemap

SCRIPT = """import KSR
import onehttp

onehttp.request("GET", "http://h/")
code = KSR.http_client.query("http://h/</script><b>&", "$var(x)")
KSR.http_async_client.query("http://u:s3cret@h/", "R")
"""
VOID = {"meta", "input", "br", "link"}


class Page(HTMLParser):
    """Tags that are open, what they say of other files, and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(folder: Path) -> str:
    html = folder / "page.html"
    done = CliRunner().invoke(onehttp, ["migrate", "scan", str(folder), "--html", str(html)])
    assert not done.exception or isinstance(done.exception, SystemExit), done.output
    return html.read_text()


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "router.py").write_text(SCRIPT)
    (tmp_path / "old.py").write_text("print 'x'")
    return page(tmp_path)


def test_every_tag_is_closed_and_text_of_scripts_is_text(text: str) -> None:
    read = Page(text)
    assert read.open == []
    assert "http://h/</script><b>&" in read.words
    assert all(tag != "b" or "style" not in more for tag, more in read.tags)


def test_the_page_needs_no_other_file(text: str) -> None:
    for tag, more in Page(text).tags:
        assert "src" not in more, tag
        assert (more.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_each_site_has_its_statement_before_and_after(text: str) -> None:
    read = Page(text)
    sites = [more for _, more in read.tags if more.get("class") == "site"]
    assert [(site["data-module"], site["data-hand"]) for site in sites] == [
        ("http_client", ""), ("http_async_client", "1"),
    ]  # fmt: skip
    assert "- code = KSR.http_client.query" in read.words
    assert "+     response = onehttp.request" in read.words
    assert "its route" in read.words


def test_progress_counts_what_is_moved_already(text: str) -> None:
    assert "1 files" not in text
    cell = "</td><td.*>"
    assert re.search(rf"router\.py</a>{cell}1{cell}2{cell}.* 33 %", text)
    assert re.search(rf"http_client</th><td.*>1{cell}0{cell}.* 100 %", text)


def test_what_was_not_read_is_told(text: str) -> None:
    assert "old.py:1: Python 2" in Page(text).words


def test_secrets_are_not_on_it(text: str) -> None:
    assert "s3cret" not in text


def test_fields_and_figures_have_names_for_those_who_do_not_see_them(text: str) -> None:
    read = Page(text)
    fields = [more for tag, more in read.tags if tag in ("input", "select")]
    assert text.count("<label") == len(fields) == 4
    assert [more["lang"] for tag, more in read.tags if tag == "html"] == ["en"]


def test_light_and_dark_are_the_readers(text: str) -> None:
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text


def test_a_folder_without_legacy_calls_has_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text("import onehttp\n")
    read = Page(page(tmp_path))
    assert "No legacy call is left." in read.words
    assert read.open == []


def test_tiles_are_as_large_as_what_they_stand_for_and_cover_all_of_it() -> None:
    for weights in ([5], [6, 6, 4, 3, 2, 2, 1], [100, *[1] * 300]):
        tiles = treemap(weights)
        areas = [tile.width * tile.height for tile in tiles]
        assert sum(areas) == pytest.approx(100 * 100, rel=0.01)
        each = [area / weight for area, weight in zip(areas, weights, strict=True)]
        assert max(each) == pytest.approx(min(each), rel=0.05)
        assert all(tile.left >= 0 and tile.left + tile.width <= 100.01 for tile in tiles)
        assert all(tile.top >= 0 and tile.top + tile.height <= 100.01 for tile in tiles)


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    paths = ["a/x.py", "b/x.py", "c/b/x.py", "c/y.py", "x.py", "/a/x.py"]
    assert labelled(paths) == {
        "a/x.py": "a/x.py", "b/x.py": "b/x.py", "c/b/x.py": "c/b/x.py", "c/y.py": "y.py",
        "x.py": "x.py", "/a/x.py": "/a/x.py",
    }  # fmt: skip
    assert labelled(["lib/one/a.py", "lib/two/a.py"]) == {
        "lib/one/a.py": "one/a.py", "lib/two/a.py": "two/a.py",
    }  # fmt: skip
