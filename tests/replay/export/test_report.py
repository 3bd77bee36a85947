"""The report is one page that is well-formed, needs nothing from elsewhere, and cannot be made to do anything."""

from __future__ import annotations

import csv
import hashlib
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from milepost.replay.export.html import h, plain, table, text
from milepost.replay.export.opening import ERASED, NOT_FOR_YOU
from milepost.replay.export.tables import COLUMNS
from milepost.sample import named
from milepost.sample.telling import TENANT
from milepost_contracts.commands import goal
from milepost_contracts.commands.person import Erase
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import Scope
from milepost_contracts.types import TermsChange
from tests.replay.export.exporting import Exporting
from tests.replay.export.test_bundles import GOAL, SCOPES
from tests.support.accepting import ident

VOID = {"meta", "br", "link", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page and fails where an element is not closed in order; keeps elements with their attributes."""

    def __init__(self, content: str) -> None:
        """Read *content* whole."""
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the newest element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take words."""
        if "style" not in self.open:
            self.words.append(data)

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of *tags*."""
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.mark.parametrize("kind", SCOPES)
def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(
    exporting: Exporting, tmp_path: Path, kind: str
) -> None:
    """Elements close in order; no script, no picture, no address leads out; the policy would stop one anyway."""
    content = (exporting.export(tmp_path / "it", SCOPES[kind]).folder / bundle.REPORT).read_text(encoding="utf-8")
    page = Page(content)
    assert page.of("script", "iframe", "object", "embed", "form", "base", "img", "link") == []
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "style", "action") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(one["href"])[1:] for one in page.of("a")} <= set(ids)
    values = [value or "" for _, attributes in page.elements for value in attributes.values()]
    assert not any("//" in value and not value.startswith("default-src") for value in values)  # as words they may be
    style = re.search(r"<style>(.*?)</style>", content, re.DOTALL)
    assert style is not None
    assert not re.search(r"@import|url\(|expression", style[1])
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = [one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert f"'sha256-{digest}'" in policy


@pytest.mark.parametrize("kind", SCOPES)
def test_the_page_can_be_read_aloud(exporting: Exporting, tmp_path: Path, kind: str) -> None:
    """Every table has a caption and headers with their scope, every chart a name and a description; headings step."""
    content = (exporting.export(tmp_path / "it", SCOPES[kind]).folder / bundle.REPORT).read_text(encoding="utf-8")
    page = Page(content)
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("h1")) == 1
    assert len(page.of("caption")) == len(page.of("table")) > 0
    assert {one.get("scope") for one in page.of("th")} == {"col", "row"}
    for picture in re.findall(r"<svg.*?</svg>", content, re.DOTALL):
        root = ET.fromstring(picture)  # noqa: S314  our own picture
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert [child.tag for child in root[:2]] == ["title", "desc"]
        assert all(0 <= float(dot.get("cx", "-1")) <= 720 for dot in root.iter("circle"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_goals_story_is_told(exporting: Exporting, tmp_path: Path) -> None:
    """The report has what moved the deadline and why, whose yes that voided, before and after, and both charts."""
    content = (exporting.export(tmp_path / "it", GOAL).folder / bundle.REPORT).read_text(encoding="utf-8")
    words = " ".join(Page(content).words)
    assert "The sales team's meeting was moved to next month" in words
    assert "yes no longer holds" in words
    assert "<del>get better at presentations</del>" in content
    assert "<ins>Present with confidence to colleagues</ins>" in content
    assert "How would we both know that it got better?" in words
    assert content.count("<svg") == 2
    assert "Spoke without notes for the first time" in words


def test_tables_have_every_event_and_no_formula(exporting: Exporting, tmp_path: Path) -> None:
    """The timeline has a row for each event, each table its columns, and no cell begins as a formula does."""
    made = exporting.export(tmp_path / "it", SCOPES["everything"])
    for name, columns in COLUMNS.items():
        with (made.folder / bundle.TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            head, *rows = list(csv.reader(file))
        assert tuple(head) == columns
        assert rows
        assert all(len(row) == len(columns) for row in rows)
        if name == "timeline":
            assert sorted(int(row[0]) for row in rows) == list(range(1, made.manifest.counts.events + 1))


HOSTILE = "<script>alert(1)</script>\"'&amp;\u202e\x1b[31m=2+2"


def test_what_people_write_does_nothing(tmp_path: Path) -> None:
    """A title that is markup, a formula, or turns the text around is shown as text, in the page and in the tables."""
    made = Exporting(tmp_path)
    made.tell_sample()
    maya = f"user:{named('person', 'maya')}"
    who: dict[str, Any] = {"id": ident("hostile"), "actor": maya}
    made.accept.accepted(goal.CreateGoal(command_id=ident("1"), owner=maya, title="=2+2", **who), TENANT)
    made.accept.accepted(
        goal.RefineGoal(command_id=ident("2"), changes=TermsChange(title=HOSTILE), trigger="other", **who), TENANT
    )
    made.sign()
    folder = made.export(tmp_path / "it", Scope(kind="goal", id=ident("hostile")), "maya").folder
    content = (folder / bundle.REPORT).read_text(encoding="utf-8")
    assert Page(content).of("script") == []
    assert "\u202e" not in content
    assert "\x1b" not in content
    assert "&lt;script&gt;" in content
    with (folder / "tables/changes.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["field"] == "Title"]
    assert row["before"] == "'=2+2"
    made.close()


def test_erased_words_are_told_to_be_erased(tmp_path: Path) -> None:
    """After a person is erased, an export says where words were, verifies, and has none of them; nor has its name."""
    made = Exporting(tmp_path)
    made.tell_sample()
    lena = named("person", "lena")
    made.accept.accepted(
        Erase(command_id=ident("erase"), id=lena, actor=f"user:{named('person', 'priya')}", reason="She asked"), TENANT
    )
    made.sign()
    folder = made.export(tmp_path / "it", SCOPES["everything"]).folder
    content = (folder / bundle.REPORT).read_text(encoding="utf-8")
    assert '<span class="unread">(erased)</span>' in content
    assert "Lena" not in content
    made.close()


def test_markup_is_escaped_unless_it_is_markup() -> None:
    """Text is escaped once, in elements and attributes; what is not shown says why; breaks of lines stay."""
    assert h("p", "<b>&", h("b", "x"), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;&amp;<b>x</b></p>'
    assert text(f"a\n{ERASED}") == 'a<br><span class="unread">(erased)</span>'
    assert plain(NOT_FOR_YOU) == "(not for you)"
    assert text("\x00\ud800") == "\N{REPLACEMENT CHARACTER}" * 2
    assert '<th scope="row">1</th>' in table("C", ["A", "B"], [[1, "2"]])
