"""Mentorships as their parties see them, and what rests on each mentor."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost.view import rows
from milepost.view.answer.asked import OPEN, Case, refused
from milepost.view.answer.pages import cursor_of, key_in
from milepost.view.answer.standing import check_ins_of, health_of, progress_of
from milepost.view.rows import CardRow, MentorshipRow
from milepost_contracts.queries import MentorLoad, Mentorships

Tree = dict[str, Any]
CAP_DEFAULT = 3  # as in DOMAIN.md: two or three goals at once is what people manage
LATELY = dt.timedelta(days=30)  # a mentor who has met nobody for a month has lost touch


def mentorships(case: Case, query: Mentorships) -> Tree:
    """Answer `mentorships`."""
    after = key_in(query.cursor, "mentorships", str) or ("",)
    if query.id is not None:
        row = case.mentorship(query.id)
        if row is None or not _sees(case, row):
            raise refused("mentorship_unknown", "There is no mentorship with this id that you may see.", "id")
        return {"mentorships": [_shown(case, query.id, row)], "next": None}
    found = case.connection.query(
        "SELECT mentorship.mentorship, mentorship.body FROM member "
        "JOIN mentorship ON mentorship.tenant = member.tenant AND mentorship.mentorship = member.id "
        "WHERE member.tenant = ? AND member.person = ? AND member.aggregate = 'mentorship' AND member.id > ? "
        "ORDER BY member.id",
        (case.tenant, query.of or case.actor, *after),
    )
    decoded = ((id_, rows.decode_mentorship(body)) for id_, body in found)
    fitting = [
        (id_, row) for id_, row in decoded if _sees(case, row) and (not query.states or row.state in query.states)
    ]
    page = fitting[: query.limit]
    following = cursor_of("mentorships", page[-1][0]) if len(fitting) > len(page) else None
    return {"mentorships": [_shown(case, id_, row) for id_, row in page], "next": following}


def _sees(case: Case, row: MentorshipRow) -> bool:
    return case.sees_all or case.actor in row.parties or row.programme in case.runs


def _shown(case: Case, id_: str, row: MentorshipRow) -> Tree:
    programme = case.programme(row.programme)
    return {
        "id": id_,
        "version": row.version,
        "state": row.state,
        "requester": row.requester,
        "parties": [{"ref": ref, "role": role} for ref, role in row.parties.items()],
        "accepted": row.accepted,
        "format": row.format,
        "purpose": row.purpose,
        "expectations": {said.person: said.words for said in row.expectations if said.person},
        "programme": row.programme,
        "cadence": row.cadence,
        "cap": row.cap or (programme.cap if programme is not None else None) or CAP_DEFAULT,
        "quorum": row.quorum,
        "goals_open": len(row.goals),
        "goals_active": len(row.key_areas),
        "sessions": len(row.sessions),
        "last_session_on": max(row.sessions.values(), default=None),
        "next_session_on": row.next_on,
        "started_on": row.started[:10] or None,
        "ended_on": row.ended_on,
    }


def mentor_load(case: Case, query: MentorLoad) -> Tree:
    """Answer `mentor_load`."""
    oversees = case.sees_all or (query.programme is not None and query.programme in case.runs)
    only = query.mentor if oversees else query.mentor or case.actor
    if not oversees and only != case.actor:
        message = "Another's load is for the programme's admins and the tenant's admins and auditors."
        raise refused("not_allowed", message, "mentor")
    after = key_in(query.cursor, "mentor_load", str) or ("",)
    by_mentor: dict[str, list[tuple[str, MentorshipRow]]] = {}
    for id_, row in _open_mentorships(case, query, only):
        for person, role in row.parties.items():
            if role == "mentor" and only in (None, person):
                by_mentor.setdefault(person, []).append((id_, row))
    mentors = sorted(mentor for mentor in by_mentor if mentor > after[0])
    page = mentors[: query.limit]
    following = cursor_of("mentor_load", page[-1]) if len(mentors) > len(page) else None
    return {"mentors": [_load(case, mentor, by_mentor[mentor], query) for mentor in page], "next": following}


def _open_mentorships(case: Case, query: MentorLoad, only: str | None) -> list[tuple[str, MentorshipRow]]:
    if only is not None:
        found = case.connection.query(
            "SELECT mentorship.mentorship, mentorship.body FROM member "
            "JOIN mentorship ON mentorship.tenant = member.tenant AND mentorship.mentorship = member.id "
            "WHERE member.tenant = ? AND member.person = ? AND member.aggregate = 'mentorship'",
            (case.tenant, only),
        )
    else:
        found = case.connection.query("SELECT mentorship, body FROM mentorship WHERE tenant = ?", (case.tenant,))
    decoded = [(id_, rows.decode_mentorship(body)) for id_, body in found]
    return [
        (id_, row)
        for id_, row in decoded
        if row.state in ("requested", "active") and query.programme in (None, row.programme)
    ]


def _load(case: Case, mentor: str, held: list[tuple[str, MentorshipRow]], query: MentorLoad) -> Tree:
    running = [(id_, row) for id_, row in held if row.state == "active"]
    requests = [row for _, row in held if row.state == "requested"]
    goals = [goal for id_, _ in running for goal in _open_goals(case, id_)]
    active = [(id_, card) for id_, card in goals if card.state == "active"]
    health = [health_of(card, progress_of(case, id_, card), case.day(card)).health for id_, card in active]
    sessions = [on for _, row in running for on in row.sessions.values()]
    return {
        "mentor": mentor,
        "mentorships": len(running),
        "mentees": len({who for _, row in running for who, role in row.parties.items() if role == "mentee"}),
        "goals_open": len(goals),
        "goals_active": len(active),
        "goals_at_risk": health.count("at_risk"),
        "goals_off_track": health.count("off_track"),
        "check_ins_overdue": sum(
            check_ins_of(case, card, grace_days=query.grace_days).overdue_since is not None for _, card in active
        ),
        "proposals_waiting": sum(
            card.state == "proposed" and mentor in card.people and card.agreements.get(mentor) != card.revision
            for _, card in goals
        ),
        "requests_waiting": sum(mentor != row.requester and mentor not in row.accepted for row in requests),
        "sessions_last_30_days": sum(on >= case.today - LATELY for on in sessions),
        "last_session_on": max(sessions, default=None),
    }


def _open_goals(case: Case, mentorship: str) -> list[tuple[str, CardRow]]:
    return [(id_, rows.decode_card(body)) for id_, body, _ in case.held(f"mentorship:{mentorship}", OPEN)]
