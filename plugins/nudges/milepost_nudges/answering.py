"""Somebody asks what they will be nudged about next, or were: told from what is kept, as of now."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import PluginError, Question
from milepost_contracts.types import PERSON_PATTERN, PersonRef
from milepost_nudges.kept import Goal, found_by, goal_of, sent_of
from milepost_nudges.turns import pending

ALL = frozenset({"admin", "auditor"})
_PERSON = re.compile(PERSON_PATTERN).match
LIMIT, LIMIT_MAX = 100, 500  # a page is for people to read


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of both questions. person: whose, for administrators and auditors; without it, everybody's."""

    person: PersonRef | None = None
    limit: int = LIMIT


def answer(question: Question, context: Context) -> dict[str, Any] | None:
    """Answer `pending` (the earliest first) and `sent` (the latest first); None: no such question.

    `{NAME: [{goal, stage, due, to, at}], more}`. Raises PluginError `invalid_arguments`, `not_allowed`.
    """
    if question.name not in ("pending", "sent"):
        return None
    asked = _asked(question)
    goals = _goals(context, asked.person)
    if question.name == "pending":
        rows = [_row(id_, one.mark, one.at) for id_, goal in goals for one in pending(context, id_, goal)]
    else:
        rows = [_row(id_, mark, at) for id_, _ in goals for mark, at in sent_of(context, id_).items()]
    rows = [row for row in rows if asked.person in (None, row["to"])]
    rows.sort(key=lambda row: (row["at"], row["goal"], row["stage"], row["to"]), reverse=question.name == "sent")
    limit = min(max(asked.limit, 1), LIMIT_MAX)
    return {question.name: rows[:limit], "more": len(rows) > limit}


def _asked(question: Question) -> Asked:
    person = question.arguments.get("person")
    if person is not None and not (isinstance(person, str) and _PERSON(person)):
        raise PluginError("invalid_arguments", f"{question.name}: person={person!r} is no user:UUID")
    try:
        asked = msgspec.convert(question.arguments, Asked, strict=False)  # a command line says "5"
    except msgspec.ValidationError as error:
        raise PluginError("invalid_arguments", f"{question.name}: {error}") from error
    if ALL & set(question.roles):
        return asked
    if asked.person not in (None, question.actor):
        raise PluginError("not_allowed", "only an administrator or auditor asks about others: leave `person` out")
    return Asked(question.actor, asked.limit)


def _goals(context: Context, person: str | None) -> list[tuple[str, Goal]]:
    if person is None:
        return [(key.rpartition("/")[2], goal) for key, goal in context.state.items("goal/", Goal)]
    found = [(id_, goal_of(context, id_)) for id_ in found_by(context, f"of/{person}/")]
    return [(id_, goal) for id_, goal in found if goal is not None]


def _row(id_: str, mark: str, at: Any) -> dict[str, Any]:
    stage, due, to = mark.split("/")
    return {"goal": id_, "stage": stage, "due": due, "to": to, "at": at}
