"""How a member is typed: its placeholder in help, its type for click, and a line that says what it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from milepost.cli.members import Member

# Lists are given one by one.
OPTION_NAMES = {
    "accounts": "account",
    "adjustments": "adjustment",
    "admins": "admin",
    "agreements": "agreement",
    "attendees": "attendee",
    "criteria": "criterion",
    "goals": "goal",
    "measures": "measure",
    "obstacles": "obstacle",
    "parties": "party",
    "scores": "score",
    "sources": "source",
    "tags": "tag",
    "waivers": "waive",
    "wins": "win",
}
_METAVARS = {
    "id": "ID",
    "person": "WHO",
    "owner": "WHO",
    "actor": "WHO",
    "decimal": "NUMBER",
    "reading": "VALUE",
    "day": "DATE",
    "instant": "TIME",
    "zone": "ZONE",
    "name": "NAME",
    "text": "TEXT",
    "integer": "N",
    "Party": "WHO=ROLE",
    "Cadence": "RHYTHM[@DATE]",
    "Waiver": "CHECK=REASON",
    "Criterion": "CRITERION=yes|no[:NOTE]",
    "RubricRef": "RUBRIC[@VERSION]",
    "Rubric": "ID@VERSION:CRITERION,...",
    "TemplateRef": "PROGRAMME/TEMPLATE",
    "Measure": "NAME=TARGET[,...]",
    "GoalDisposition": "GOAL=keep|pause|close|place:MENTORSHIP",
    "Agreement": "WHO[@DATE]",
    "Account": "SYSTEM:ACCOUNT",
    "SurveyScore": "QUESTION=MEAN/ANSWERS",
    "Origin": "SYSTEM[:REF]",
}
# What a form does not say by itself.
_HELP = {
    "about": "whom it is about",
    "accountable": "who answers for a shared goal",
    "accounts": "an account in another system",
    "answered": "how many answered",
    "as_of": "the day that this was so",
    "assignee": "who does it",
    "baseline": "where it stands at the beginning",
    "cap": "how many active goals one owner may have",
    "confidence": "from 0 to 10",
    "corrects": "the reading: the id of its event, a part of it, or `last`",
    "criteria": "a line of the checklist",
    "currency": "such as EUR",
    "cycle": "the period: its id or words of its title",
    "delta_mode": "what a change is counted in",
    "editorial": "only the wording: nobody has to agree again",
    "evidence": "a link that shows it",
    "external_ref": "its id in another system",
    "first": "16 digits",
    "goals": "which goals, or what becomes of an open one",
    "help_wanted": "what would help",
    "invited": "how many were asked",
    "justification": "why it counts as achieved although a measure is not met",
    "last": "16 digits",
    "measures": "a measure, with ,kind=... ,unit=... after it, or as JSON",
    "next_on": "when you talk again",
    "on": "the day it is about",
    "override": "also outside the cycle",
    "parent": "the goal that it serves",
    "periods_required": "in how many periods the target is reached",
    "priority": "from 1 to 5",
    "rating": "from 1 to 5",
    "retrospective": "what you take along",
    "revision": "of the terms",
    "samples_min": "how many samples an average wants",
    "scale": "a word of the scale, lowest first; repeat it",
    "score": "from 0 to 1",
    "scores": "a question, its mean and how many answered it",
    "session": "the id of the mentorship's session where you talked",
    "source": "who read it",
    "sources": "who may record it",
    "step": "a word of the scale",
    "strike": "it does not count at all",
    "successor": "the tenant that goes on",
    "target": "where it is reached",
    "until": "the last day on which it holds",
    "waivers": "set a check aside, with the reason",
    "weight": "how much it counts",
}
_FORM_HELP = {
    "day": "2027-01-31, today, +14d, +2w or +3m",
    "person": "me, a name of the sample, or user:UUID",
    "owner": "me, user:UUID, mentorship:ID or programme:ID",
    "actor": "me, user:UUID, service:NAME or plugin:NAME@VERSION",
    "reading": "a number, yes or no, or a word of the scale",
    "zone": "such as Europe/Berlin",
    "Cadence": "weekly, bi_weekly, monthly or 10d",
    "Criterion": "such as specific=yes",
}
_FOUND = {"measure", "milestone", "action", "check_in", "obstacle", "feedback", "resource", "template"}


class Typed(NamedTuple):
    """A member for click: placeholder, type, and its line of help."""

    metavar: str
    type: click.ParamType[Any]
    help: str


def placeholder(member: Member) -> str:
    """Return what stands for *member* in a verb's usage where it is given by place."""
    if member.form in ("text", "id", "decimal", "integer"):
        return {"corrects": "READING"}.get(member.name, member.name.upper())
    return "|".join(member.choices) if member.choices else _METAVARS.get(member.form, "VALUE")


def typed(aggregate: str, member: Member, usual: Any, *, made: bool) -> Typed:
    """Return how *member* is typed; *usual*: what stands there when it is not, *made*: its id is made."""
    kind: click.ParamType[Any] = click.STRING
    if member.choices:
        kind = _Word(member.choices)
    elif member.form == "integer":
        kind = click.IntRange(member.low, member.high) if (member.low, member.high) != (None, None) else click.INT
    metavar = "|".join(member.choices) if member.choices else _METAVARS.get(member.form, "VALUE")
    return Typed(metavar, kind, _help(aggregate, member, usual, made=made))


def _help(aggregate: str, member: Member, usual: Any, *, made: bool) -> str:
    told = _HELP.get(member.name, "")
    if member.form == "id" and not made and member.name in _FOUND and aggregate != "mentorship":
        newest = ", or `last`" if member.name in ("check_in", "feedback") else ""
        told = f"its id, a part of the id, or words of it{newest}"
    parts = [told, _FORM_HELP.get(member.form, ""), "repeatable" if member.many else ""]
    text = "; ".join(part for part in parts if part)
    shown = "" if usual is None or member.form == "flag" else f"[default: {usual}]"
    return " ".join(part for part in (text, shown) if part)


class _Word(click.Choice[str]):
    """A choice that takes hyphens for underscores, as people type them."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        """Return *choice* as it is compared."""
        return super().normalize_choice(choice, ctx).replace("-", "_").lower()
