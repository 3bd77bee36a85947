"""Lists: of goals, of what waits, of what needs looking after."""

from __future__ import annotations

from typing import Any

import click

from milepost.cli.asking import Asking, percent, plain, question
from milepost.cli.verbs import Verb
from milepost_contracts.queries import (
    AtRisk,
    GoalsAnswer,
    GoalsOf,
    Inbox,
    InboxAnswer,
    MentorLoad,
    MentorLoadAnswer,
    Mentorships,
    MentorshipsAnswer,
    OverdueCheckIns,
    OverdueCheckInsAnswer,
    Streaks,
    StreaksAnswer,
    Unaligned,
)

STATES = ("drafted", "proposed", "active", "paused", "closed")
HEALTHS = ("on_track", "at_risk", "off_track", "unknown")
_GOAL_COLUMNS = ("goal", "title", "state", "owner", "deadline", "done", "health", "next check-in")


def _who(option: str = "of", told: str = "whose [default: yours]") -> click.Option:
    return click.Option([f"--{option}"], metavar="WHO", help=told)


def _narrowing() -> list[click.Parameter]:
    return [
        _who(told="whose [default: everybody's whom you may see]"),
        click.Option(["--mentorship"], metavar="MENTORSHIP", help="in this mentorship"),
        click.Option(["--programme"], metavar="PROGRAMME", help="in this programme"),
        click.Option(["--cycle"], metavar="ID", help="in this period"),
    ]


async def _narrowed(asking: Asking, values: dict[str, Any]) -> dict[str, Any]:
    members = {"of": asking.who(values["of"]), "cycle": values["cycle"]}
    if values["mentorship"]:
        members["mentorship"] = await asking.find.mentorship(values["mentorship"])
    if values["programme"]:
        members["programme"] = await asking.find.programme(values["programme"])
    return members


def _goal_row(asking: Asking, goal: dict[str, Any]) -> list[str]:
    state = goal["state"] + (", agreement open" if goal["agreement_open"] else "")
    return [
        asking.named(goal["id"]),
        plain(goal["title"]),
        f"{state}, {goal['result']}" if goal["result"] else state,
        asking.named(goal["owner"]),
        plain(goal["deadline"]),
        percent(goal["progress"]),
        goal["health"] if goal["state"] in ("active", "paused") else "",
        plain(goal["next_check_in_on"]),
    ]


async def _goals(asking: Asking, kind: Any, empty: str, **members: Any) -> None:
    if answer := await asking.ask(kind, GoalsAnswer, **members):
        page, document = answer
        rows = [_goal_row(asking, goal) for goal in document["goals"]]
        asking.out.table(_GOAL_COLUMNS, rows, empty=empty, spare="next check-in")
        asking.more(page)


async def _goal_list(asking: Asking, values: dict[str, Any]) -> None:
    """List goals: a person's, or those of mentorship:ID or programme:ID."""
    of = values["of"]
    kind, colon, rest = (of or "").partition(":")
    if colon and kind in ("mentorship", "programme"):
        owner: str | None = f"{kind}:{await getattr(asking.find, kind)(rest)}"
    else:
        owner = asking.who(of)
    members = {"states": list(values["state"]), "roles": list(values["role"]), "archived": values["archived"]}
    await _goals(asking, GoalsOf, "No goals.", of=owner, **members)


def goal_list() -> Verb:
    """Return `goal list`."""
    params = [
        _who(),
        click.Option(["--state"], multiple=True, type=click.Choice(STATES), help="only these; repeatable"),
        click.Option(
            ["--role"],
            multiple=True,
            type=click.Choice(("owner", "accountable", "party", "contributor")),
            help="where the person has this role; repeatable",
        ),
        click.Option(["--archived"], is_flag=True, help="archived ones too"),
    ]
    return question("list", _goal_list, params, examples=["milepost goal list --of maya --state active"])


async def _at_risk(asking: Asking, values: dict[str, Any]) -> None:
    """List running goals that are behind their plan, by deadline."""
    members = await _narrowed(asking, values)
    if values["health"]:
        members["health"] = list(values["health"])
    await _goals(asking, AtRisk, "Nothing is at risk.", **members)


def at_risk() -> Verb:
    """Return `at-risk`."""
    told = "only these [default: at_risk and off_track]; repeatable"
    params = [*_narrowing(), click.Option(["--health"], multiple=True, type=click.Choice(HEALTHS), help=told)]
    return question("at-risk", _at_risk, params, examples=["milepost at-risk --programme growth --as priya"])


async def _unaligned(asking: Asking, values: dict[str, Any]) -> None:
    """List open goals that serve no other goal, are served by none, and name no initiative."""
    await _goals(asking, Unaligned, "Every open goal serves something.", **await _narrowed(asking, values))


def unaligned() -> Verb:
    """Return `unaligned`."""
    return question("unaligned", _unaligned, _narrowing(), examples=["milepost unaligned --as priya"])


async def _inbox(asking: Asking, values: dict[str, Any]) -> None:
    """List what waits for you: dated things first."""
    members = {"person": asking.who(values["of"]), "days": values["days"]}
    if answer := await asking.ask(Inbox, InboxAnswer, **members):
        page, document = answer
        rows = [
            [
                todo["kind"].replace("_", " "),
                plain(todo["title"]),
                asking.named(todo["goal"] or todo["mentorship"]),
                plain(todo["due_on"]),
                f"{todo['days_late']} d" if todo["days_late"] > 0 else "",
                plain(todo["since"]),
            ]
            for todo in document["todos"]
        ]
        asking.out.table(("to do", "what", "of", "due", "late", "since"), rows, empty="Nothing waits for you.")
        asking.more(page)


def inbox() -> Verb:
    """Return `inbox`."""
    params = [
        _who(),
        click.Option(["--days"], type=click.IntRange(0, 366), default=7, show_default=True, help="looking ahead"),
    ]
    return question("inbox", _inbox, params, examples=["milepost inbox --as ben"])


async def _overdue(asking: Asking, values: dict[str, Any]) -> None:
    """List active goals whose check-in did not happen in time."""
    members = await _narrowed(asking, values)
    if answer := await asking.ask(OverdueCheckIns, OverdueCheckInsAnswer, **members, grace_days=values["grace"]):
        page, document = answer
        rows = [
            [
                asking.named(one["goal"]["id"]),
                plain(one["goal"]["title"]),
                asking.named(one["goal"]["owner"]),
                one["due_on"],
                f"{one['days_late']} d",
                plain(one["last_held_on"]),
            ]
            for one in document["check_ins"]
        ]
        columns = ("goal", "title", "owner", "due", "late", "last held")
        asking.out.table(columns, rows, empty="No check-in is overdue.")
        asking.more(page)


def overdue() -> Verb:
    """Return `overdue`."""
    params = [*_narrowing(), _grace()]
    return question("overdue", _overdue, params, examples=["milepost overdue --grace 0 --as priya"])


def _grace() -> click.Option:
    told = "days that a check-in may be late"
    return click.Option(["--grace"], type=click.IntRange(0, 60), default=3, show_default=True, metavar="N", help=told)


async def _streaks(asking: Asking, values: dict[str, Any]) -> None:
    """List check-ins held in a row, goal by goal."""
    if answer := await asking.ask(Streaks, StreaksAnswer, of=asking.who(values["of"])):
        page, document = answer
        rows = [
            [
                asking.named(one["goal"]),
                plain(one["title"]),
                str(one["current"]),
                str(one["longest"]),
                plain(one["last_held_on"]),
                plain(one["next_check_in_on"]),
                ", ".join(f"{run['name']} {run['current']} of {run['target']}" for run in one["measures"]),
            ]
            for one in document["streaks"]
        ]
        columns = ("goal", "title", "now", "longest", "last held", "next", "measures in a row")
        asking.out.table(columns, rows, empty="No open goals.")
        asking.more(page)


def streaks() -> Verb:
    """Return `streaks`."""
    return question("streaks", _streaks, [_who()], examples=["milepost streaks --of maya"])


async def _mentor_load(asking: Asking, values: dict[str, Any]) -> None:
    """List what rests on a mentor, or on every one; `waiting`: for a yes. `sessions`: of the last 30 days."""
    programme = await asking.find.programme(values["programme"]) if values["programme"] else None
    members = {"mentor": asking.who(values["mentor"], "mentor"), "programme": programme, "grace_days": values["grace"]}
    if answer := await asking.ask(MentorLoad, MentorLoadAnswer, **members):
        page, document = answer
        columns = (
            "mentor",
            "mentees",
            "open",
            "active",
            "at risk",
            "off track",
            "overdue",
            "waiting",
            "sessions",
            "last",
        )
        rows = [_load_row(asking, one) for one in document["mentors"]]
        asking.out.table(columns, rows, empty="No mentors.", spare="sessions")
        asking.more(page)


def _load_row(asking: Asking, one: dict[str, Any]) -> list[str]:
    counted = ("mentees", "goals_open", "goals_active", "goals_at_risk", "goals_off_track", "check_ins_overdue")
    waiting = one["proposals_waiting"] + one["requests_waiting"]
    met = [str(waiting), str(one["sessions_last_30_days"]), plain(one["last_session_on"])]
    return [asking.named(one["mentor"]), *(str(one[name]) for name in counted), *met]


def mentor_load() -> Verb:
    """Return `mentor-load`."""
    params = [
        _who("mentor", "one mentor [default: all whom you may see]"),
        click.Option(["--programme"], metavar="PROGRAMME", help="of this programme"),
        _grace(),
    ]
    return question("mentor-load", _mentor_load, params, examples=["milepost mentor-load --as priya"])


async def _mentorship_list(asking: Asking, values: dict[str, Any]) -> None:
    """List mentorships: a person's."""
    members = {"of": asking.who(values["of"]), "states": list(values["state"])}
    if answer := await asking.ask(Mentorships, MentorshipsAnswer, **members):
        page, document = answer
        rows = [
            [
                asking.named(one["id"]),
                plain(one["purpose"]),
                one["state"],
                ", ".join(f"{asking.named(party['ref'])} ({party['role']})" for party in one["parties"]),
                str(one["goals_open"]),
                plain(one["last_session_on"]),
                plain(one["next_session_on"]),
            ]
            for one in document["mentorships"]
        ]
        columns = ("mentorship", "purpose", "state", "parties", "open goals", "last session", "next")
        asking.out.table(columns, rows, empty="No mentorships.")
        asking.more(page)


def mentorship_list() -> Verb:
    """Return `mentorship list`."""
    told = "only these, such as active; repeatable"
    params = [_who(), click.Option(["--state"], multiple=True, metavar="STATE", help=told)]
    return question("list", _mentorship_list, params, examples=["milepost mentorship list --of maya"])
