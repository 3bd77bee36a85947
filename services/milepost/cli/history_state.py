"""An aggregate as it was, as text: a goal as `goal show` shows it, anything else member by member."""

from __future__ import annotations

from typing import Any

from milepost.cli.asking import percent, plain
from milepost.cli.history_shown import Showing, instant

Tree = dict[str, Any]


def show_state(showing: Showing, answer: Tree) -> None:
    """Print the state in *answer*, words opened or told to be unreadable."""
    out, state = showing.out, answer["state"]
    title = state.get("title") or state.get("purpose") or state.get("name") or (state.get("created") or {}).get("title")
    out.line(title or "", bold=True)
    point = ("as of", f"{instant(answer['at'])} (v{answer['version']}, s{int(answer['sequence'])})")
    if answer["aggregate"] == "goal":
        _goal(showing, point, state, answer["standing"] or {})
    else:
        _other(showing, point, state)
    if answer["left_out"]:
        out.note(f"Too large to be shown together: {', '.join(answer['left_out'])}; each with --field NAME.")


def _goal(showing: Showing, point: tuple[str, str], state: Tree, standing: Tree) -> None:
    out = showing.out
    out.pairs([point, *_terms(showing, state), *_standing(showing, state, standing)])
    results = {one["measure"]: one for one in standing.get("measures", [])}
    _table(
        showing, "Measures", ("name", "kind", "target", "now", "done", "met"),
        [_measure(one, results.get(id_, {})) for id_, one in state.get("measures", {}).items()],
    )  # fmt: skip
    rows = [[one["title"], one["due_on"], _milestone(one)] for one in _sorted(state, "milestones", "due_on")]
    _table(showing, "Milestones", ("title", "due", "state"), rows)
    rows = [
        [one["title"], plain(one["due_on"]), showing.named(one["assignee"]), _action(one)]
        for one in _sorted(state, "actions", "due_on")
    ]
    _table(showing, "Actions", ("title", "due", "who", "state"), rows)
    names = {id_: one["name"] for name in ("measures", "retired") for id_, one in state.get(name, {}).items()}
    rows = [
        [one["on"], plain(names.get(one["measure"])), showing.value(one["step"] or one["value"]),
         showing.named(one.get("source") or one["recorded_by"]), plain(one.get("note")),
         "struck" if one["struck"] else ""]
        for one in _sorted(state, "readings", "on")
    ]  # fmt: skip
    _table(showing, "Readings", ("on", "measure", "value", "by", "note", ""), rows)
    rows = [
        [one["held_on"], ", ".join(map(showing.named, one["attendees"])), plain(one["confidence"]), _talk(one)]
        for one in _sorted(state, "check_ins", "held_on")
    ]
    _table(showing, "Check-ins", ("held", "who", "confidence", "said"), rows)
    for heading, name, words in (
        ("Obstacles", "obstacles", ("title", "resolution")), ("Resources", "resources", ("title", "url")),
        ("Feedback", "feedback", ("text",)), ("Comments", "comments", ("text",)),
        ("Reflections", "reflections", ("text",)),
    ):  # fmt: skip
        rows = [
            [showing.named(one.get("author")), ": ".join(filter(None, (one.get(word) for word in words))), _mark(one)]
            for one in state.get(name, {}).values()
        ]
        _table(showing, heading, ("by", "what", ""), rows)
    for heading, name in (("Serves", "parents"), ("Is served by", "children")):
        _table(
            showing, heading, ("goal", "weight"), [[showing.named(id_), w] for id_, w in state.get(name, {}).items()]
        )


def _table(showing: Showing, heading: str, columns: tuple[str, ...], rows: list[list[str]]) -> None:
    if rows:
        showing.out.heading(heading)
        showing.out.table(columns, rows)


def _sorted(state: Tree, name: str, by: str) -> list[Tree]:
    return sorted(state.get(name, {}).values(), key=lambda one: one[by] or "")


def _people(showing: Showing, roles: Tree) -> str:
    return ", ".join(f"{showing.named(ref)} ({role})" for ref, role in roles.items())


def _terms(showing: Showing, state: Tree) -> list[tuple[str, str]]:
    cadence = state.get("cadence")
    return [
        ("about", plain(state.get("description"))),
        ("kind", ", ".join(filter(None, (state.get(name) for name in ("kind", "focus", "horizon"))))),
        ("priority", plain(state.get("priority"))),
        ("owner", showing.named(state.get("owner"))),
        ("accountable", showing.named(state.get("accountable"))),
        ("parties", _people(showing, state.get("parties", {}))),
        ("contributors", _people(showing, state.get("contributors", {}))),
        ("mentorship", showing.named(state.get("mentorship"))),
        ("programme", showing.named(state.get("programme"))),
        ("visible to", plain(state.get("visibility"))),
        ("start", plain(state.get("start_on"))),
        ("deadline", plain(state.get("deadline"))),
        ("check-ins", f"{cadence['rhythm'].replace('_', '-')} from {cadence['anchor']}" if cadence else ""),
        ("tags", ", ".join(map(plain, state.get("tags", [])))),
    ]


def _standing(showing: Showing, state: Tree, standing: Tree) -> list[tuple[str, str]]:
    revision = state.get("revision")
    agreed = [showing.named(who) for who, to in state.get("agreements", {}).items() if to == revision]
    progress, expected = percent(standing.get("progress")), percent(standing.get("expected"))
    health = standing.get("health", "unknown")
    told = health.replace("_", " ") if health != "unknown" else ""
    if standing.get("health_set"):
        told += f", set until {state['health'][1]} ({state.get('health_reason')}); derived: {standing['derived']}"
    evaluation, closure = state.get("evaluation"), state.get("closure")
    overdue = standing.get("check_in_overdue_since")
    return [
        ("state", plain(state.get("state")) + (", agreement open" if state.get("agreement_open") else "")),
        ("revision", plain(revision) + (f" (yes: {', '.join(agreed)})" if agreed else "")),
        (
            "evaluated",
            ("passed" if evaluation["passed"] else "failed") + _of(evaluation, revision) if evaluation else "",
        ),
        ("progress", f"{progress} (expected {expected})" if progress and expected else progress),
        ("health", told),
        ("next check-in", plain(standing.get("next_check_in_on")) + (f", overdue since {overdue}" if overdue else "")),
        ("result", _closure(closure) if closure else ""),
        ("looking back", plain((closure or {}).get("retrospective"))),
    ]


def _of(evaluation: Tree, revision: int | None) -> str:
    return "" if evaluation["revision"] == revision else "; the terms had changed since"


def _closure(closure: Tree) -> str:
    score = f", score {closure['score']}" if closure["score"] is not None else ""
    return f"{closure['result'].replace('_', ' ')} on {closure['closed_on']}{score}"


def _measure(one: Tree, result: Tree) -> list[str]:
    current = result.get("current")
    now = {True: "yes", False: "no"}[current] if isinstance(current, bool) else plain(current)
    scale = one.get("scale")
    if scale and now.isdigit() and int(now) < len(scale):
        now = scale[int(now)]
    met = "yes" if result.get("met") else ""
    return [one["name"], one["kind"], f"{one['target']} {one['unit']}", now, percent(result.get("progress")), met]


def _milestone(one: Tree) -> str:
    return "dropped" if one["dropped"] else f"hit {one['hit_on']}" if one["hit_on"] else "open"


def _action(one: Tree) -> str:
    return "dropped" if one["dropped"] else f"done {one['completed_on']}" if one["completed_on"] else "open"


def _talk(one: Tree) -> str:
    if one["voided"]:
        return "did not happen"
    parts = (
        ("won", one.get("wins")), ("obstacles", one.get("obstacles")), ("adjusted", one.get("adjustments")),
        ("next", [one.get("next_step")]), ("help", [one.get("help_wanted")]),
    )  # fmt: skip
    return "; ".join(f"{name}: {', '.join(filter(None, said))}" for name, said in parts if said and any(said))


def _mark(one: Tree) -> str:
    return "resolved" if one.get("resolved") else "retracted" if one.get("retracted") else ""


def _other(showing: Showing, point: tuple[str, str], state: Tree) -> None:
    out = showing.out
    plain_ones = {name: value for name, value in state.items() if not _collection(value)}
    out.pairs([point, *((name.replace("_", " "), showing.value(value)) for name, value in plain_ones.items())])
    for name, value in state.items():
        if _collection(value):
            rows = [[showing.named(str(key)), showing.value(item)] for key, item in value.items()]
            _table(showing, name.replace("_", " ").capitalize(), ("which", "what"), rows)


def _collection(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, dict) for item in value.values())
