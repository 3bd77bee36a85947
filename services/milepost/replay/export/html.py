"""What is told about events becomes markup: every text is escaped unless it is markup already."""

from __future__ import annotations

import re
from html import escape

from milepost.replay.export.opening import MARK

_UNREAD = re.compile(f"{MARK}(sealed|erased|not for you|not as it was sealed)")
# Characters that no XML may have, and those that turn the direction of the text after them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_VOID = frozenset({"meta", "br", "link", "hr"})


class Markup(str):
    """Text that is markup and is not escaped again."""

    __slots__ = ()


Child = str | int | None


def h(tag: str, *children: Child, **attributes: str | float | None) -> Markup:
    """Return element *tag*; `class_` is written `class`, `aria_label` `aria-label`; None leaves an attribute out."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Markup) else text(str(child)) for child in children if child is not None)
    return Markup(f"<{tag}{told}>" if tag in _VOID else f"<{tag}{told}>{inner}</{tag}>")


def join(*parts: Child) -> Markup:
    """Return *parts* one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else text(str(part)) for part in parts if part is not None))


def text(words: str) -> Markup:
    """Return *words* escaped, line breaks kept; words that are not shown say so."""
    told = escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", words)).replace("\n", "<br>")
    return Markup(_UNREAD.sub(r'<span class="unread">(\1)</span>', told))


def plain(words: str) -> str:
    """Return *words* for an attribute or a picture's label: what is not shown stands in brackets."""
    return _UNREAD.sub(r"(\1)", words)


def _plain(words: str) -> str:
    return plain(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", words))


def table(caption: str, columns: list[str], rows: list[list[Child]], *, class_: str | None = None) -> Markup:
    """Return a table with its caption, column headers, and the first cell of each row as the row's header."""
    head = h("thead", h("tr", *(h("th", name, scope="col") for name in columns)))
    body = h(
        "tbody",
        *(h("tr", h("th", _cell(row[0]), scope="row"), *(h("td", _cell(cell)) for cell in row[1:])) for row in rows),
    )
    return h("table", h("caption", caption), head, body, class_=class_)


def _cell(cell: Child) -> Child:
    """Return a cell's content; a date stays in one line."""
    return h("span", cell, class_="day") if isinstance(cell, str) and _DAY.fullmatch(cell) else cell
