"""One thing whole: a goal, a mentorship, a programme and its figures."""

from __future__ import annotations

from typing import Any

import click

from milepost.cli.asking import Asking, plain, question, yes
from milepost.cli.errors import misused
from milepost.cli.goal_shown import show_goal
from milepost.cli.programme_shown import show_figures
from milepost.cli.verbs import Verb
from milepost_contracts.queries import Goal, GoalAnswer, Mentorships, MentorshipsAnswer, Programme, ProgrammeAnswer


async def _goal_show(asking: Asking, values: dict[str, Any]) -> None:
    """Show everything about a goal: terms, agreement, progress, and its entries, the newest first."""
    goal = await asking.find.goal(values["goal"])
    if answer := await asking.ask(Goal, GoalAnswer, id=goal):
        page, document = answer
        show_goal(asking, document["goal"])
        asking.more(page)


def goal_show() -> Verb:
    """Return `goal show`."""
    told = "its id, a part of the id, or words of its title"
    params = [click.Argument(["goal"], metavar="GOAL", help=told)]
    return question("show", _goal_show, params, examples=["milepost goal show presentations --as maya"])


async def _mentorship_show(asking: Asking, values: dict[str, Any]) -> None:
    """Show a mentorship: its parties, its rules, what they expect of each other."""
    mentorship = await asking.find.mentorship(values["mentorship"])
    answer = await asking.ask(Mentorships, MentorshipsAnswer, id=mentorship)
    if answer is None:
        return
    shown = answer[1]["mentorships"]
    if not shown:
        raise misused("mentorship_unknown", "There is no such mentorship that you may see.", "mentorship")
    out, one = asking.out, shown[0]
    out.line(one["purpose"] or "(no purpose yet)", bold=True)
    out.pairs(
        [
            ("id", one["id"]),
            ("state", one["state"]),
            ("format", one["format"].replace("_", " ")),
            ("parties", parties(asking, one["parties"])),
            ("said yes", ", ".join(map(asking.named, one["accepted"]))),
            ("programme", asking.named(one["programme"])),
            ("cadence", cadence(one["cadence"])),
            ("quorum", one["quorum"].replace("_", " ")),
            ("goals", f"{one['goals_active']} active (at most {one['cap']} of one owner), {one['goals_open']} open"),
            ("sessions", str(one["sessions"])),
            ("last session", plain(one["last_session_on"])),
            ("next session", plain(one["next_session_on"])),
            ("began", plain(one["started_on"])),
            ("ended", plain(one["ended_on"])),
        ]
    )
    for ref, words in one["expectations"].items():
        out.heading(f"{asking.named(ref)} expects")
        out.pairs([("", words or "")])


def mentorship_show() -> Verb:
    """Return `mentorship show`."""
    told = "its id, a part of the id, or words of its purpose"
    params = [click.Argument(["mentorship"], metavar="MENTORSHIP", help=told)]
    example = "milepost mentorship show maya-ben --as maya"
    return question("show", _mentorship_show, params, examples=[example], paged=False)


def _programme_params() -> list[click.Parameter]:
    return [
        click.Argument(["programme"], metavar="PROGRAMME", help="its id"),
        click.Option(["--cycle"], metavar="CYCLE", help="figures of this period alone"),
    ]


async def _programme(asking: Asking, values: dict[str, Any]) -> dict[str, Any] | None:
    programme = await asking.find.programme(values["programme"])
    members: dict[str, Any] = {"id": programme}
    if values["cycle"]:
        members["cycle"] = await asking.find.of_programme(programme, "cycle", values["cycle"])
    answer = await asking.ask(Programme, ProgrammeAnswer, **members)
    return None if answer is None else answer[1]


async def _programme_show(asking: Asking, values: dict[str, Any]) -> None:
    """Show a programme: checklist, periods, templates and, to those who run it, people."""
    shown = await _programme(asking, values)
    if shown is None:
        return
    out = asking.out
    out.line(shown["title"] or "", bold=True)
    out.pairs(
        [
            ("id", shown["id"]),
            ("state", shown["state"]),
            ("about", shown["description"] or ""),
            ("run by", ", ".join(map(asking.named, shown["admins"]))),
            ("cap", plain(shown["cap"])),
            ("cadence", cadence(shown["cadence"])),
            ("checklist", rubric(shown["rubric"])),
        ]
    )
    if shown["cycles"]:
        out.heading("Periods")
        cycles = [[plain(one["title"]), one["state"], one["starts_on"], one["ends_on"]] for one in shown["cycles"]]
        out.table(("title", "state", "from", "to"), cycles)
    if shown["templates"]:
        out.heading("Templates")
        templates = [
            [plain(one["title"]), str(one["version"]), one["kind"], str(one["measures"]), yes(one["retired"])]
            for one in shown["templates"]
        ]
        out.table(("title", "version", "kind", "measures", "retired"), templates)
    if shown["participants"]:
        out.heading("People")
        people = [
            [asking.named(one["participant"]), one["role"], one["enrolled_on"], plain(one["withdrawn_on"])]
            for one in shown["participants"]
        ]
        out.table(("who", "role", "since", "until"), people)


def programme_show() -> Verb:
    """Return `programme show`."""
    example = "milepost programme show growth --as priya"
    return question("show", _programme_show, _programme_params(), examples=[example], paged=False)


async def _programme_overview(asking: Asking, values: dict[str, Any]) -> None:
    """Show a programme in numbers, to those who run it: funnel, results, agreement, slip, people, money."""
    shown = await _programme(asking, values)
    if shown is None:
        return
    asking.out.line(shown["title"] or "", bold=True)
    figures = shown["figures"]
    if figures is None:
        asking.out.note("Its figures are for those who run it.")
        return
    show_figures(asking, figures)


def programme_overview() -> Verb:
    """Return `programme overview`."""
    example = "milepost programme overview growth --as priya"
    return question("overview", _programme_overview, _programme_params(), examples=[example], paged=False)


def parties(asking: Asking, listed: list[dict[str, Any]]) -> str:
    """Return people with their roles."""
    return ", ".join(f"{asking.named(one['ref'])} ({one['role']})" for one in listed)


def cadence(told: dict[str, Any] | None) -> str:
    """Return a cadence in words."""
    if told is None:
        return ""
    rhythm = f"every {told['days']} days" if told["rhythm"] == "days" else told["rhythm"].replace("_", "-")
    return f"{rhythm}, from {told['anchor']}"


def rubric(told: dict[str, Any] | None) -> str:
    """Return a checklist in one line."""
    return "" if told is None else f"{told['id']} version {told['version']}: {', '.join(told['criteria'])}"
