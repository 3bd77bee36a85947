"""A goal as text: its terms and where it stands, then its parts as tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.cli.asking import Asking, percent, plain, yes

Goal = dict[str, Any]
Row = Callable[[Asking, dict[str, Any]], list[str]]


def show_goal(asking: Asking, goal: Goal) -> None:
    """Print a goal as answered, words opened or told to be unreadable."""
    asking.out.line(goal["title"] or "", bold=True)
    asking.out.pairs([*_terms(asking, goal), *_standing(asking, goal)])
    for heading, name, columns, row in _PARTS:
        if goal[name]:
            asking.out.heading(heading)
            asking.out.table(columns, [row(asking, one) for one in goal[name]], spare="last")


def _terms(asking: Asking, goal: Goal) -> list[tuple[str, str]]:
    parties = ", ".join(f"{asking.named(one['ref'])} ({one['role']})" for one in goal["parties"])
    contributors = ", ".join(f"{asking.named(one['ref'])} ({one['role']})" for one in goal["contributors"])
    cadence = goal["cadence"]
    rhythm = f"{cadence['rhythm'].replace('_', '-')} from {cadence['anchor']}" if cadence else ""
    return [
        ("id", goal["id"]),
        ("about", goal["description"] or ""),
        ("kind", ", ".join(filter(None, (goal["kind"], goal["focus"], goal["horizon"])))),
        ("priority", plain(goal["priority"])),
        ("owner", asking.named(goal["owner"])),
        ("accountable", asking.named(goal["accountable"])),
        ("parties", parties),
        ("contributors", contributors),
        ("your roles", ", ".join(goal["roles"])),
        ("mentorship", asking.named(goal["mentorship"])),
        ("programme", asking.named(goal["programme"])),
        ("visible to", goal["visibility"]),
        ("start", plain(goal["start_on"])),
        ("deadline", plain(goal["deadline"])),
        ("check-ins", rhythm),
        ("tags", ", ".join(tag or "" for tag in goal["tags"])),
    ]


def _standing(asking: Asking, goal: Goal) -> list[tuple[str, str]]:
    agreed = ", ".join(asking.named(one["party"]) for one in goal["agreements"] if one["revision"] == goal["revision"])
    waiting = ", ".join(map(asking.named, goal["waiting_for"]))
    agreement = "; ".join(
        filter(None, (f"yes: {agreed}" if agreed else "", f"waiting for {waiting}" if waiting else ""))
    )
    progress = percent(goal["progress"])
    if progress and goal["expected"] is not None:
        progress += f" (expected {percent(goal['expected'])})"
    evaluation = goal["evaluation"]
    health, closure = goal["health_today"], goal["closure"]
    return [
        ("state", goal["state"] + (", agreement open" if goal["agreement_open"] else "")),
        ("revision", f"{goal['revision']}" + (f" ({agreement})" if agreement else "")),
        ("evaluated", _evaluation(evaluation) if evaluation else ""),
        ("waived", "; ".join(f"{one['check']}: {one['reason']}" for one in goal["waivers"])),
        ("progress", progress),
        ("health", _health(asking, health) if goal["state"] in ("active", "paused") else ""),
        ("next check-in", plain(goal["next_check_in_on"])),
        ("result", _closure(closure) if closure else ""),
        ("looking back", (closure or {}).get("retrospective") or ""),
        ("version", str(goal["version"])),
    ]


def _evaluation(evaluation: dict[str, Any]) -> str:
    unmet = ", ".join(one["criterion"] for one in evaluation["criteria"] if not one["met"])
    outdated = "; the terms have changed since" if evaluation["outdated"] else ""
    return ("passed" if evaluation["passed"] else f"failed: {unmet}") + outdated


def _health(asking: Asking, health: dict[str, Any]) -> str:
    if health["set_by"] is None:
        return str(health["health"])
    told = f"{health['health']}, set by {asking.named(health['set_by'])} until {health['until']}"
    return f"{told} ({health['reason']}); derived: {health['derived']}"


def _closure(closure: dict[str, Any]) -> str:
    score = f", score {closure['score']}" if closure["score"] is not None else ""
    return f"{closure['result'].replace('_', ' ')} on {closure['closed_on']}{score}"


def _measure(_: Asking, one: dict[str, Any]) -> list[str]:
    now = one["step"] or ({True: "yes", False: "no"}.get(one["current"]) if isinstance(one["current"], bool) else None)
    return [
        plain(one["name"]),
        one["kind"] + (", retired" if one["retired"] else ""),
        f"{one['target']} {one['unit']}",
        now or plain(one["current"]),
        percent(one["progress"]),
        yes(one["met"]),
        str(one["readings"]),
        plain(one["last_on"]),
    ]


def _milestone(_: Asking, one: dict[str, Any]) -> list[str]:
    state = "dropped" if one["dropped"] else f"hit {one['hit_on']}" if one["hit_on"] else ""
    return [plain(one["title"]), one["due_on"], state or ("overdue" if one["overdue"] else "open")]


def _action(asking: Asking, one: dict[str, Any]) -> list[str]:
    state = "dropped" if one["dropped"] else f"done {one['completed_on']}" if one["completed_on"] else ""
    due = plain(one["due_on"])
    return [plain(one["title"]), due, asking.named(one["assignee"]), state or ("overdue" if one["overdue"] else "open")]


def _reading(asking: Asking, one: dict[str, Any]) -> list[str]:
    value = one["step"] or {True: "yes", False: "no"}.get(one["reading"], one["reading"])
    marks = ["struck" if one["struck"] else "", "corrected" if one["corrected"] else ""]
    return [
        one["on"],
        plain(value),
        asking.named(one["source"] or one["by"]),
        plain(one["note"]),
        " ".join(filter(None, marks)),
    ]


def _check_in(asking: Asking, one: dict[str, Any]) -> list[str]:
    parts = [
        ("", ["did not happen"] if one["voided"] else []),
        ("won", one["wins"]),
        ("obstacles", one["obstacles"]),
        ("adjusted", one["adjustments"]),
        ("next", [one["next_step"]]),
        ("help", [one["help_wanted"]]),
    ]
    said = "; ".join(
        f"{name}: {', '.join(filter(None, words))}".removeprefix(": ") for name, words in parts if any(words)
    )
    who = ", ".join(map(asking.named, one["attendees"]))
    return [one["held_on"], who, percent(one["progress"]), plain(one["confidence"]), said]


def _entry(words: str, mark: str = "") -> Row:
    """Return the row of an entry that is mostly words; *mark* names what may have become of it."""

    def row(asking: Asking, one: dict[str, Any]) -> list[str]:
        gone = mark if mark and one[mark] else ""
        return [one["recorded"][:10], asking.named(one["by"]), plain(one[words]), gone]

    return row


def _resource(asking: Asking, one: dict[str, Any]) -> list[str]:
    return [one["recorded"][:10], asking.named(one["by"]), f"{one['title']} ({one['kind']})", plain(one["url"])]


def _shift(_: Asking, one: dict[str, Any]) -> list[str]:
    return [one["old"], one["new"], f"{one['days']:+} d", one["reason_code"], plain(one["reason"])]


def _aligned(asking: Asking, one: dict[str, Any]) -> list[str]:
    return [asking.named(one["goal"]), plain(one["title"]), plain(one["state"]), one["weight"]]


_SAID = ("on", "by", "what", "")
_PARTS: tuple[tuple[str, str, tuple[str, ...], Row], ...] = (
    ("Measures", "measures", ("name", "kind", "target", "now", "done", "met", "readings", "last"), _measure),
    ("Milestones", "milestones", ("title", "due", "state"), _milestone),
    ("Actions", "actions", ("title", "due", "who", "state"), _action),
    ("Serves", "parents", ("goal", "title", "state", "weight"), _aligned),
    ("Is served by", "children", ("goal", "title", "state", "weight"), _aligned),
    ("Deadline moved", "deadline_shifts", ("from", "to", "by", "why", "reason"), _shift),
    ("Check-ins", "check_ins", ("held", "who", "progress", "confidence", "said"), _check_in),
    ("Readings", "readings", ("on", "value", "by", "note", ""), _reading),
    ("Obstacles", "obstacles", _SAID, _entry("title", "resolved")),
    ("Resources", "resources", ("on", "by", "what", "link"), _resource),
    ("Feedback", "feedback", _SAID, _entry("text", "retracted")),
    ("Comments", "comments", _SAID, _entry("text")),
    ("Your reflections", "reflections", _SAID, _entry("text")),
)
