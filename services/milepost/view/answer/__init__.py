"""A question meets the tables and becomes an answer, its words still sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.view.answer.goal import goal, goals_of
from milepost.view.answer.inbox import inbox
from milepost.view.answer.lists import at_risk, overdue_check_ins, streaks, unaligned
from milepost.view.answer.mentorships import mentor_load, mentorships
from milepost.view.answer.programme import programme
from milepost_contracts import queries
from milepost_contracts.queries import Query

ANSWERS: dict[type[Query], Callable[[Any, Any], dict[str, Any]]] = {
    queries.Goal: goal,
    queries.GoalsOf: goals_of,
    queries.Inbox: inbox,
    queries.Programme: programme,
    queries.AtRisk: at_risk,
    queries.OverdueCheckIns: overdue_check_ins,
    queries.MentorLoad: mentor_load,
    queries.Streaks: streaks,
    queries.Unaligned: unaligned,
    queries.Mentorships: mentorships,
}
