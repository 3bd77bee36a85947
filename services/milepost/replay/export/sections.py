"""One goal, mentorship or other record is told: where it stands, charts, agreements, changes, and what happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from milepost.decide.goal.health import health_of
from milepost.decide.goal.progress import results
from milepost.decide.goal.state import Goal
from milepost.replay.export.charts import Point, deadline_chart, progress_chart
from milepost.replay.export.folding import NOTHING, Called, Entry, Story, shown
from milepost.replay.export.html import Child, Markup, h, join, table
from milepost.replay.export.plan import Plan
from milepost_contracts.proofs.bundle import TABLES

_PLACES_MAX = 4
ROWS_MAX = 500  # of one table in one section: ten pages; the CSV tables have all
_YES = frozenset({"proposed", "agreed"})
_NO = frozenset({"declined", "agreement_withdrawn"})
_CHECK_INS = ("check_in_held", "check_in_amended", "check_in_voided")
_SAID_IN_CHECK_IN = ("obstacles", "adjustments", "wins", "next_step", "help_wanted")


def section(story: Story, plan: Plan, called: Called) -> str:
    """Return everything about one story."""
    roles = _roles(story.state)

    def name(ref: str) -> str:
        return story.labels.get(ref) or (f"{called(ref)} ({roles[ref]})" if ref in roles else called(ref))

    aggregate = story.subject.partition("/")[0]
    end = dt.date.fromisoformat((plan.time or plan.at)[:10])
    title = story.title or f"{aggregate.capitalize()} {called(story.subject.partition('/')[2])}"
    alone = story.subject == f"{plan.scope.kind}/{plan.scope.id}" and plan.scope.kind == "goal"
    parts: list[Child] = [h("h2", "Where it stood" if alone else join(h("span", aggregate, class_="kicker"), title))]
    if isinstance(story.state, Goal):
        parts += [_goal_facts(story, name, end), _charts(story, end), _measures(story.state, name, end)]
        parts += [_agreements(story, name), _check_ins(story, name)]
    parts += [_timeline(story, name), _changes(story, name)]
    return h("section", *parts, class_="subject", id=anchor(story.subject))


def _roles(state: Any) -> dict[str, str]:
    """Return what people of a goal or mentorship are in it."""
    return {**dict(getattr(state, "contributors", {})), **dict(getattr(state, "parties", {}))}


def summary_row(story: Story, called: Called, *, linked: bool) -> list[Child]:
    """Return the row of the list of all records."""
    aggregate, _, id_ = story.subject.partition("/")
    state, first, last = story.state, story.entries[0], story.entries[-1]
    named = story.title or called(f"user:{id_}" if aggregate == "person" else id_)
    what = h("a", named, href=f"#{anchor(story.subject)}") if linked else named
    moved = sum(entry.event.name == "deadline_shifted" for entry in story.entries)
    return [
        join(what, h("span", aggregate, class_="small")),
        str(getattr(state, "state", NOTHING)),
        _percent(last.progress) if isinstance(state, Goal) else NOTHING,
        shown(getattr(state, "deadline", None), called),
        f"{moved} times" if moved > 1 else "once" if moved else NOTHING,
        len(story.entries),
        first.event.time[:10],
        last.event.time[:10],
    ]


def elsewhere(story: Story, called: Called) -> list[list[Child]]:
    """Return rows of single events of a record that is not part of the export."""
    aggregate, _, id_ = story.subject.partition("/")
    return [[_when(entry), _told(entry), f"{aggregate} {called(id_)}", _by(entry, called)] for entry in story.entries]


def anchor(subject: str) -> str:
    """Return the id of a subject's section."""
    return subject.replace("/", "-")


def _goal_facts(story: Story, called: Called, end: dt.date) -> Markup:
    goal: Goal = story.state
    last = story.entries[-1]
    parties = ", ".join(called(ref) for ref in sorted(goal.parties))
    progress = str(last.progress) if last.progress is not None else None
    closure = goal.closure
    rows: list[tuple[str, Child]] = [
        ("State", h("span", goal.state.capitalize() + (", archived" if goal.archived else ""), class_="badge")),
        ("Owner", called(goal.owner)),
        ("Answers for it", called(goal.accountable) if goal.accountable else None),
        ("Parties", parties or None),
        ("Description", goal.description),
        ("Deadline", shown(goal.deadline, called)),
        ("Progress", _percent(last.progress)),
        ("Health", health_of(goal, progress, end).replace("_", " ") if goal.open else None),
        ("Agreed", _standing(goal, called)),
        ("Result", f"{closure.result.replace('_', ' ')}, score {closure.score or NOTHING}" if closure else None),
        ("Id", h("code", goal.id)),
    ]
    return h("dl", *(join(h("dt", name), h("dd", value)) for name, value in rows if value is not None))


def _standing(goal: Goal, called: Called) -> str:
    yes = [called(ref) for ref, revision in sorted(goal.agreements.items()) if revision == goal.revision]
    if not yes:
        return f"nobody to revision {goal.revision}, which is the present one"
    return f"{', '.join(yes)}: to revision {goal.revision}, which is the present one"


def _charts(story: Story, end: dt.date) -> Markup | None:
    """Draw by the day that things are said to have happened, which is the day of recording where none is claimed."""
    entries, goal = story.entries, story.state
    steps: list[Point] = []
    moves: list[tuple[Point, dt.date]] = []
    latest = entries[0].on
    for entry in entries:
        latest = max(latest, entry.on)  # what is told late is known late
        if entry.progress is not None and (not steps or float(entry.progress) != steps[-1].value):
            steps.append(Point(latest, float(entry.progress), f"{latest}: {entry.progress:.0%}. {entry.said}"))
        if entry.deadline is not None and (not moves or entry.deadline != moves[-1][1]):
            moves.append((Point(latest, 0, f"{latest}: {entry.deadline}. {entry.reason}"), entry.deadline))
    start = goal.start_on or goal.activated_on
    drawn: list[Markup] = []
    if steps:
        expected = (start, goal.deadline) if start and goal.deadline and start < goal.deadline else None
        stop = min(end, goal.closure.closed_on) if goal.closure else end
        drawn.append(progress_chart(steps, expected=expected, deadlines=_distinct(day for _, day in moves), end=stop))
    if len(moves) > 1:
        drawn.append(deadline_chart([point for point, _ in moves], [day for _, day in moves], end))
    return join(h("h3", "Over time"), *drawn) if drawn else None


def _distinct(days: Any) -> list[dt.date]:
    """Return *days* without repetitions; the last one stays last."""
    found = list(days)
    return [day for place, day in enumerate(found) if day not in found[place + 1 :]]


def _measures(goal: Goal, called: Called, end: dt.date) -> Markup | None:
    if not goal.measures:
        return None
    rows: list[list[Child]] = []
    for one in results(goal, today=end)[0]:
        measure = goal.measures[one.measure]
        rows.append([
            measure.name, measure.kind, shown(measure.baseline, called), f"{measure.target} {measure.unit}",
            _figure(one.current, called), _percent(one.progress), "yes" if one.met else "no",
        ])  # fmt: skip
    columns = ["Measure", "Kind", "From", "Target", "Stands at", "Progress", "Met"]
    return join(h("h3", "How it is measured"), table("Measures of the present terms.", columns, rows))


def _figure(value: str | bool | None, called: Called) -> str:  # noqa: FBT001  as measures have it
    """Return a measure's value; of a mean that does not end, two places."""
    if isinstance(value, str) and len(value.partition(".")[2]) > _PLACES_MAX:
        return f"{Decimal(value):.2f}"
    return shown(value, called)


def _agreements(story: Story, called: Called) -> Markup | None:
    rows: list[list[Child]] = []
    for entry in story.entries:
        name, party = entry.event.name, str(entry.members.get("party") or "")
        revision = entry.members.get("revision")
        if name in _YES:
            rows.append([_when(entry), called(party), "yes", f"revision\u00a0{revision}", h("span", entry.reason)])
        elif name in _NO:
            rows.append([_when(entry), called(party), "no", f"revision\u00a0{revision}", _reason(entry)])
        for voided in entry.members.get("voided") or []:
            told = join(f"{entry.said}, by {called(entry.event.actor)}", _reason(entry))
            rows.append([_when(entry), called(voided), "yes no longer holds", f"revision\u00a0{revision}", told])
    if not rows:
        return None
    columns = ["Recorded", "Who", "Said", "To", "Why"]
    return join(
        h("h3", "Who agreed to what"), *_limited("Agreements, and what voided them.", columns, rows, "agreements")
    )


def _check_ins(story: Story, called: Called) -> Markup | None:
    rows: list[list[Child]] = []
    for entry in story.entries:
        if entry.event.name not in _CHECK_INS:
            continue
        members = entry.members
        told = [
            h(
                "span",
                h("span", f"{name.replace('_', ' ').capitalize()}: ", class_="small"),
                shown(members[name], called),
            )
            for name in _SAID_IN_CHECK_IN
            if members.get(name)
        ]
        kind = {"check_in_held": "held", "check_in_amended": "amended", "check_in_voided": "voided"}[entry.event.name]
        confidence = members.get("confidence")
        rows.append([
            shown(members.get("held_on"), called) if kind == "held" else _recorded(entry).isoformat(), kind,
            shown(members.get("attendees"), called), f"{confidence} of 10" if confidence is not None else NOTHING,
            join(*told, _reason(entry)),
        ])  # fmt: skip
    if not rows:
        return None
    columns = ["Day", "", "Who", "Confidence", "What was said"]
    return join(h("h3", "Check-ins"), *_limited("Talks about the goal.", columns, rows, "timeline"))


def _changes(story: Story, called: Called) -> Markup | None:
    rows: list[list[Child]] = [
        [
            _when(entry),
            change.field,
            _value("del", change.before),
            _value("ins", change.after),
            join(called(entry.event.actor), _reason(entry)),
        ]
        for entry in story.entries
        for change in entry.changes
    ]
    if not rows:
        return None
    columns = ["Recorded", "Field", "Before", "After", "By whom and why"]
    caption = "Every change of a field, with the value before and after it. Nothing is ever overwritten."
    return join(h("h3", "Changes"), *_limited(caption, columns, rows, "changes"))


def _value(tag: str, text: str) -> Markup:
    return join(text) if text == NOTHING else h(tag, text)


def _timeline(story: Story, called: Called) -> Markup:
    rows: list[list[Child]] = [
        [str(entry.event.number), _when(entry), join(_told(entry), _reason(entry)), _by(entry, called)]
        for entry in story.entries
    ]
    columns = ["No.", "Recorded", "What happened", "By"]
    caption = "Every event in the order in which it was recorded; “claimed” is when somebody says that it happened."
    return join(h("h3", "Timeline"), *_limited(caption, columns, rows, "timeline"))


def _limited(caption: str, columns: list[str], rows: Sequence[list[Child]], name: str) -> list[Markup]:
    kept = list(rows[-ROWS_MAX:])
    if left := len(rows) - len(kept):
        caption += f" The newest {len(kept)}; {left:,} older ones are in {TABLES}/{name}.csv."
    return [h("div", table(caption, columns, kept), class_="scroll")]


def _when(entry: Entry) -> Markup:
    time, claimed = entry.event.time, entry.event.occurredat
    told = f"claimed {claimed[:10]}" if claimed and claimed[:10] != time[:10] else None
    return h("span", f"{time[:10]} {time[11:16]}", h("span", told, class_="small") if told else None, class_="day")


def _told(entry: Entry) -> Markup:
    words = [h("span", h("span", f"{name}: ", class_="label"), told, class_="words") for name, told in entry.words]
    return join(entry.said, *words)


def _by(entry: Entry, called: Called) -> Markup:
    event = entry.event
    notes = [
        f"for {called(event.onbehalfof)}" if event.onbehalfof else "",
        f"via {event.authnby}" if event.authnby else "",
    ]
    told = ", ".join(note for note in notes if note)
    return join(called(event.actor), h("span", told, class_="small") if told else None)


def _reason(entry: Entry) -> Markup | None:
    return h("span", entry.reason, class_="small reason") if entry.reason else None


def _recorded(entry: Entry) -> dt.date:
    return dt.date.fromisoformat(entry.event.time[:10])


def _percent(progress: Any) -> str:
    return NOTHING if progress is None else f"{float(progress):.0%}"
