"""What happened is told on one page that needs nothing from elsewhere: for reading on a screen and on paper."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from milepost.replay.export.folding import Called, Story
from milepost.replay.export.html import Child, Markup, h, join, table, text
from milepost.replay.export.plan import Plan
from milepost.replay.export.sections import elsewhere, section, summary_row
from milepost_contracts.proofs.bundle import TABLES, cannot, proves

SECTIONS_MAX = 50  # subjects told in full: a book of some hundred pages; the tables have all
SUMMARY_MAX = 1_000  # rows of the list: twenty pages
ELSEWHERE_MAX = 500  # events elsewhere that name a person
PEOPLE_MAX = 1_000  # who is who: twenty pages
_KEEP = (
    "This copy shows what people wrote. Erasure cannot reach it: keep it as long as its reason holds, then destroy it."
)
_SEALED = "Words that people wrote are left sealed here."
_PROVES = "What it proves, and what it cannot, is said at the end."
_COLUMNS = ["What", "State", "Progress", "Deadline", "Moved", "Events", "From", "To"]


class Named(NamedTuple):
    """What a report says it is about."""

    title: str
    kicker: str


class Report:
    """Told story by story, so that none has to stay in memory; *parts* is where what was told waits for its page."""

    def __init__(self, parts: Path, plan: Plan, called: Called) -> None:
        """Begin; raises OSError."""
        self._plan = plan
        self._called = called
        self._path = parts
        self._parts = parts.open("w", encoding="utf-8")
        self._rows: list[list[Child]] = []
        self._elsewhere: list[list[Child]] = []
        self._names: list[tuple[str, str]] = []
        self._subjects = self._apart = 0
        self._title = ""
        self._met: dict[str, str] = {}

    def add(self, story: Story) -> None:
        """Tell a story: in full for the first ones, a row in the list for many."""
        if story.state is None:
            self._apart += len(story.entries)
            self._elsewhere += elsewhere(story, self._name)[: ELSEWHERE_MAX - len(self._elsewhere)]
            return
        self._subjects += 1
        if story.subject == f"{self._plan.scope.kind}/{self._plan.scope.id}":
            self._title = story.title
        if len(self._rows) < SUMMARY_MAX:
            self._rows.append(summary_row(story, self._name, linked=self._subjects <= SECTIONS_MAX))
        if self._subjects <= SECTIONS_MAX:
            self._names.append((story.subject, story.title))
            self._parts.write(section(story, self._plan, self._name))

    def finish(self, path: Path, events: int) -> None:
        """Write the page to *path* and remove what waited; raises OSError."""
        self._parts.close()
        style = files("milepost.replay.export").joinpath("report.css").read_text(encoding="utf-8")
        named = self._named()
        with path.open("w", encoding="utf-8") as page:
            page.write("<!DOCTYPE html>\n" + '<html lang="en">' + _head(style, named.title))
            page.write(f"<body><header>{self._begin(named, events)}</header><main>")
            page.write(self._list())
            with self._path.open(encoding="utf-8") as parts:
                while chunk := parts.read(1 << 20):
                    page.write(chunk)
            page.write(self._end())
            page.write(f"</main>{self._foot()}</body></html>\n")

    def close(self) -> None:
        """Give up what was told so far."""
        self._parts.close()
        self._path.unlink(missing_ok=True)

    def _named(self) -> Named:
        scope, plan = self._plan.scope, self._plan
        if scope.kind == "everything":
            return Named(f"Everything in {plan.tenant}", "Full export")
        name = self._title or (
            self._called(f"user:{scope.id}") if scope.kind == "person" else self._called(scope.id or "")
        )
        kicker = {"person": "Everything of and about a person", "programme": "History of a programme"}
        return Named(name, kicker.get(scope.kind, "History of a goal"))

    def _begin(self, named: Named, events: int) -> Markup:
        plan = self._plan
        asked = f" (asked for: {plan.asked})" if plan.asked else ""
        rows: list[tuple[str, Child]] = [
            ("Organisation", plan.tenant),
            ("As of", f"{_instant(plan.time)}, event {plan.until} of the log{asked}"),
            ("Holds", f"{events:,} events of {self._subjects:,} {'record' if self._subjects == 1 else 'records'}"),
            ("Exported by", join(self._name(plan.by), h("span", h("code", plan.by), class_="small"))),
            ("Exported on", _instant(plan.at)),
            ("Reason", h("span", plan.reason, class_="reason")),
            ("Signed checkpoint", join(f"{plan.size:,} events, root ", h("code", plan.root))),
        ]
        return join(
            h("p", named.kicker, class_="kicker"),
            h("h1", named.title),
            h("dl", *(join(h("dt", name), h("dd", value)) for name, value in rows)),
            h(
                "p",
                _KEEP if plan.words == "opened" else _SEALED,
                " ",
                h("a", _PROVES, href="#proves"),
                class_="lead",
            ),
        )

    def _list(self) -> str:
        if self._subjects <= 1:
            return ""
        left = self._subjects - len(self._rows)
        more = f"; {left:,} more are in {TABLES}/timeline.csv" if left else ""
        return h(
            "section",
            h("h2", "At a glance"),
            h("div", table(f"Every record in this export, as it stood{more}.", _COLUMNS, self._rows), class_="scroll"),
        )

    def _end(self) -> str:
        told: list[Child] = []
        if left := self._subjects - len(self._names):
            told.append(h("p", f"{left:,} further records are told in {TABLES}/ alone.", class_="lead"))
        if self._elsewhere:
            more = self._apart - len(self._elsewhere)
            note = f"; {more:,} more are in {TABLES}/timeline.csv" if more else ""
            caption = f"Single events in records of others: made by this person, or naming this person{note}."
            columns = ["When", "What", "Where", "By"]
            told.append(
                h("section", h("h2", "Elsewhere"), h("div", table(caption, columns, self._elsewhere), class_="scroll"),
                  class_="subject")
            )  # fmt: skip
        plan = self._plan
        boxes = (
            _box("What this export proves", proves(plan.scope, plan.completeness), id_="proves"),
            _box("What it cannot prove", cannot(plan.completeness, opened=plan.words == "opened"), class_="box warn"),
        )
        return join(*told, self._people(), h("section", *boxes))

    def _people(self) -> Markup | None:
        rows: list[list[Child]] = [
            [name, h("code", ref)] for ref, name in sorted(self._met.items(), key=lambda one: one[1])
        ]
        if not rows:
            return None
        caption = "People are pseudonymous in the log; these are the references behind the names on this page."
        return h("section", h("h2", "Who is who"), table(caption, ["Name here", "Reference"], rows))

    def _name(self, ref: str) -> str:
        """Return what *ref* is called, and remember people and services that were named."""
        name = self._called(ref)
        if ":" in ref and len(self._met) < PEOPLE_MAX:
            self._met[ref] = name
        return name

    def _foot(self) -> Markup:
        return h(
            "footer",
            "This page is made from events.ndjson of the bundle that it came in; manifest.json has its SHA-256. "
            "README.txt says how to check the bundle without trusting whoever made it.",
        )


def _head(style: str, title: str) -> str:
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", http_equiv="Content-Security-Policy", content=policy),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="referrer", content="no-referrer"),
        h("title", f"{title} - Milepost"),
        h("style", Markup(style)),
    )


def _box(title: str, sentences: Sequence[str], class_: str = "box", id_: str | None = None) -> Markup:
    return h("section", h("h2", title), h("ul", *(h("li", text(one)) for one in sentences)), class_=class_, id_=id_)


def _instant(time: str | None) -> str:
    return f"{time[:10]} {time[11:16]} UTC" if time else "the beginning"
