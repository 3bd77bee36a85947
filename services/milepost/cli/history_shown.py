"""The past as text: events in a table or one by one, and what differs between two points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from milepost.cli.asking import percent, plain, short
from milepost.cli.out import Out
from milepost.cli.where import Names

Tree = dict[str, Any]

# What proves and routes; a person who reads along learns nothing from it, and --full has it.
_TECHNICAL = frozenset({"terms_hash", "ever_agreed", "hit_event", "closure.measures"})
# How one of a collection is called.
_ONE_OF = {
    "measures": "measure", "retired": "retired measure", "milestones": "milestone", "actions": "action",
    "readings": "reading", "check_ins": "check-in", "agreements": "yes of", "parties": "party",
    "contributors": "contributor", "feedback": "feedback", "comments": "comment", "obstacles": "obstacle",
    "resources": "resource", "reflections": "reflection", "parents": "serves", "children": "served by",
    "sessions": "session", "goals": "goal", "key_areas": "place of", "participants": "participant",
    "cycles": "cycle", "templates": "template", "roles": "roles of", "surveys": "survey", "costs": "cost",
    "benefits": "benefit", "rubrics": "checklist", "accounts": "account",
}  # fmt: skip
_ID = re.compile(r"(?:(?:user|mentorship|programme):)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Of an added or removed item, what says most.
_TELLING = (
    "title", "name", "text", "held_on", "on", "reading", "value", "step", "due_on", "target", "unit", "kind",
    "amount", "currency", "starts_on", "ends_on", "result", "passed", "wins", "note", "state", "role",
)  # fmt: skip


class Showing:
    """Shows the past, people and things by their names."""

    def __init__(self, out: Out, names: Names) -> None:
        """Take where it is shown, and what people and things are called here."""
        self.out = out
        self.names = names

    def named(self, ref: str | None) -> str:
        """Return what *ref* is called here, else the end of its id."""
        if not ref:
            return ""
        if name := self.names.name_of(ref) or self.names.name_of(ref.partition(":")[2]):
            return name
        if not _ID.fullmatch(ref):
            return ref
        kind, _, id_ = ref.rpartition(":")
        return f"{kind}:{short(id_)}" if kind else short(ref)

    def words(self, text: str) -> str:
        """Return *text* with references in it by name."""
        return _ID.sub(lambda found: self.named(found[0]), text)

    def more(self, cursor: str | None) -> None:
        """Say how the next page is had."""
        if cursor is not None:
            self.out.note(f"More: --cursor {cursor}")

    # events
    def history(self, answer: Tree, *, full: bool, only: Sequence[str] = ()) -> None:
        """Print a page of entries; *only*: of what changed, these fields."""
        entries = answer["entries"]
        if entries and answer["title"]:
            self.out.line(answer["title"], bold=True)
        if not full:
            self.events(entries, only=only, empty="Nothing of that kind happened.")
            return
        for entry in entries:
            self.entry(entry, only=only)

    def events(self, entries: Sequence[Tree], *, only: Sequence[str] = (), empty: str = "nothing") -> None:
        """Print entries as a table."""
        columns = ("", "recorded (UTC)", "happened", "who", "what", "changed", "then")
        rows = [
            [
                f"v{one['version']}",
                minute(one["recorded"]),
                happened(one),
                self.who(one),
                " — ".join(filter(None, (self.what(one), _why(one)))),
                "; ".join(self.change(change) for change in one["changes"] if _wanted(change, only)) if only else "",
                _then(one),
            ]
            for one in entries
        ]
        self.out.table(columns, rows, empty=empty, spare="recorded (UTC)")

    def what(self, entry: Tree) -> str:
        """Return what was done, and whose yes it ended."""
        voided = ", ".join(map(self.named, entry["voided"]))
        return self.words(entry["sentence"]) + (f"; ends the yes of {voided}" if voided else "")

    def who(self, entry: Tree) -> str:
        """Return who acted, and for whom."""
        plugin = entry["plugin"]
        actor = f"{plugin['name']} {plugin['version']}" if plugin else self.named(entry["actor"])
        return f"{actor} for {self.named(entry['on_behalf_of'])}" if entry["on_behalf_of"] else actor

    def entry(self, entry: Tree, *, only: Sequence[str] = ()) -> None:
        """Print everything about one event."""
        out = self.out
        out.heading(f"v{entry['version']}  {self.who(entry)} {self.words(entry['sentence'])}")
        plugin = entry["plugin"]
        out.pairs(
            [
                ("event", f"{entry['type']}  {entry['event']}"),
                ("sequence", f"s{int(entry['sequence'])}"),
                ("recorded", instant(entry["recorded"])),
                ("occurred", instant(entry["occurred"])),
                ("on", plain(entry["on"])),
                ("actor", entry["actor"]),
                ("on behalf of", plain(entry["on_behalf_of"])),
                ("authenticated", plain(entry["authenticated"])),
                ("plugin", f"{plugin['name']} version {plugin['version']}" if plugin else ""),
                ("command", plain(entry["command"])),
                ("correlation", "" if entry["correlation"] == entry["command"] else plain(entry["correlation"])),
                ("why", _why(entry)),
                ("revision", plain(entry["revision"])),
                ("voided", ", ".join(map(self.named, entry["voided"]))),
                ("then", _then(entry)),
            ]
        )
        rows = [self.change_row(one) for one in entry["changes"] if not only or _wanted(one, only)]
        if rows:
            out.line()
            out.table(("changed", "before", "after"), rows)
        if entry["state"] is not None:
            out.line()
            out.pairs((name.replace("_", " "), self.value(value)) for name, value in entry["state"].items())
            if entry["left_out"]:
                out.note(f"Too large to be shown here: {', '.join(entry['left_out'])}; see --as-of.")

    # changes
    def change_row(self, change: Tree) -> list[str]:
        """Return the row of a change: the field, before and after."""
        before = "" if change["change"] == "added" else self.value(change["before"]) or "(none)"
        after = "(removed)" if change["change"] == "removed" else self.value(change["after"]) or "(none)"
        return [self.field(change), before, after]

    def change(self, change: Tree) -> str:
        """Return a change in one line."""
        _, before, after = self.change_row(change)
        return f"{before} → {after}" if before else after

    def field(self, change: Tree) -> str:
        """Return what the changed field is called."""
        name: str = change["field"]
        collection, *rest = name.split(".")
        if not rest or collection not in _ONE_OF:
            return name.replace("_", " ").replace(".", ": ")
        called = self.named(rest[0])
        if title := change["title"]:
            called = f"of {title}" if _DAY.fullmatch(title) else f"“{title}”"
        member = f": {' '.join(rest[1:]).replace('_', ' ')}" if rest[1:] else ""
        return f"{_ONE_OF[collection]} {called}{member}"

    def value(self, value: Any) -> str:
        """Return a value in one line: of an object what says most, people by name."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, dict):
            said = {name: self.value(item) for name, item in value.items()}
            wanted = [name for name in _TELLING if said.get(name)] or [name for name in said if said[name]]
            return ", ".join(f"{self.words(name).replace('_', ' ')} {said[name]}" for name in wanted)
        if isinstance(value, list):
            return "; ".join(self.value(item) for item in value)
        return self.words(plain(value))

    def diff(self, answer: Tree, a: str, b: str, *, full: bool) -> None:
        """Print what differs between the points that were typed as *a* and *b*."""
        self.out.line(answer["title"] or "", bold=True)
        ends = answer["a"], answer["b"]
        rows = [
            ["version", *(f"v{end['version']}" if end["version"] else "not there yet" for end in ends)],
            ["at", *(instant(end["at"]) for end in ends)],
        ]
        if any(end["standing"] for end in ends):
            standings = [end["standing"] or {} for end in ends]
            rows.append(["progress", *(percent(one.get("progress")) for one in standings)])
            rows.append(["expected", *(percent(one.get("expected")) for one in standings)])
            rows.append(["health", *(one.get("health", "").replace("_", " ") for one in standings)])
        self.out.table(("", a, b if b != a else f"{b} "), [row for row in rows if any(row[1:])])
        self.out.heading("Changed")
        changes = [one for one in answer["changes"] if full or not _technical(one)]
        self.out.table(("what", "before", "after"), [self.change_row(one) for one in changes], empty="Nothing.")
        if answer["events_between"]:
            count = answer["events_between"]
            self.out.heading(f"{count} event{'s' if count > 1 else ''} between")
            self.events(answer["entries"])


def _technical(change: Tree) -> bool:
    return change["field"] in _TECHNICAL or change["field"].rpartition(".")[2] in _TECHNICAL


def _wanted(change: Tree, only: Iterable[str]) -> bool:
    names = [name.replace("_", "-") for name in only]
    field = change["field"].replace("_", "-")
    return any(field == name or field.startswith(f"{name}.") for name in names)


def _why(entry: Tree) -> str:
    codes = [code.replace("_", " ") for code in (entry["reason_code"], entry["trigger"]) if code]
    return " ".join(filter(None, (entry["reason"], f"({', '.join(codes)})" if codes else "")))


def happened(entry: Tree) -> str:
    """Return the day on which it happened, where that is not when it was recorded."""
    day = entry["on"] or (entry["occurred"] or "")[:10]
    return day if day != entry["recorded"][:10] else ""


def minute(text: str) -> str:
    """Return an instant to the minute, in UTC."""
    return f"{text[:10]} {text[11:16]}"


def instant(text: str | None) -> str:
    """Return an instant whole, in UTC, as it may be typed again."""
    return text.replace("+00:00", "Z") if text else ""


def _then(entry: Tree) -> str:
    """Return the state after an event in a few words."""
    state, standing = entry["state"], entry["standing"] or {}
    if state is None:
        return ""
    told = [
        state.get("state") or "",
        f"revision {state['revision']}" if state.get("revision") else "",
        f"due {state['deadline']}" if state.get("deadline") else "",
        percent(standing.get("progress")),
        standing.get("health", "").replace("_", " ") if standing.get("health") != "unknown" else "",
    ]
    return ", ".join(filter(None, told))
