"""What waits for a person, over all goals and mentorships of that person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from milepost.view import rows, tables
from milepost.view.answer.asked import OPEN, Case, refused
from milepost.view.answer.pages import cursor_of, key_in
from milepost.view.answer.standing import check_ins_of
from milepost.view.opening import Unless
from milepost.view.rows import CardRow, DetailRow, MentorshipRow
from milepost_contracts.queries import Inbox

Tree = dict[str, Any]
# Who has seen a later check-in knows of an older one: nobody is asked about last quarter's.
ACKNOWLEDGED_WITHIN = dt.timedelta(days=30)


def inbox(case: Case, query: Inbox) -> Tree:
    """Answer `inbox`."""
    person = query.person or case.actor
    if person != case.actor and not case.sees_all:
        message = "An inbox is for its owner, and for the tenant's admins and auditors: leave `person` out."
        raise refused("not_allowed", message, "person")
    todos = [*_of_goals(case, person, query.days), *_of_mentorships(case, person)]
    keyed = sorted(((_key(todo), todo) for todo in todos), key=lambda both: both[0])
    after = key_in(query.cursor, "inbox", str, str, str, str)
    if after is not None:
        keyed = [both for both in keyed if both[0] > after]
    page = keyed[: query.limit]
    following = cursor_of("inbox", *page[-1][0]) if len(keyed) > len(page) else None
    return {"todos": [todo for _, todo in page], "next": following}


def _key(todo: Tree | Unless) -> tuple[str, str, str, str]:
    """Return where a thing stands in the list: by its day, then by what it is."""
    if isinstance(todo, Unless):
        todo = todo.part
    day = todo.get("due_on") or todo.get("since")
    return (
        day.isoformat() if day else tables.NO_DEADLINE,
        todo["kind"],
        todo.get("goal") or todo["mentorship"],
        todo.get("subject") or "",
    )


def _of_goals(case: Case, person: str, days: int) -> Iterator[Tree]:
    for id_, body, detail_body in case.held(person, OPEN, detail=True):
        card, detail = rows.decode_card(body), rows.decode_detail(detail_body)
        for todo in _of_goal(case, person, card, detail, days):
            yield {"goal": id_, "title": card.title} | todo


def _of_goal(case: Case, person: str, card: CardRow, detail: DetailRow, days: int) -> Iterator[Tree]:
    today = case.day(card)
    until = today + dt.timedelta(days=days)
    yield from _actions(person, card, detail, today, until)
    if person not in card.people:
        return
    yield from _agreement(person, card, detail)
    if card.state == "paused":
        pause = detail.pauses[-1] if detail.pauses else None
        if pause is not None and pause.until is not None and pause.until <= until:
            yield _due("resume", pause.until, today)
    if card.state == "active":
        yield from _check_ins(case, person, card, detail, until)
        for milestone, row in detail.milestones.items():
            if row.hit_on is None and not row.dropped and row.due_on <= until:
                yield _due("milestone", row.due_on, today) | {"subject": milestone, "title": row.title}
        if card.deadline is not None and card.deadline < today:
            yield _due("close", card.deadline, today)


def _check_ins(case: Case, person: str, card: CardRow, detail: DetailRow, until: dt.date) -> Iterator[Tree]:
    today = case.day(card)
    kept = check_ins_of(case, card)
    if kept.overdue_since is not None:
        yield _due("check_in", kept.overdue_since, today)
    elif kept.next_due is not None and kept.next_due <= until:
        yield {"kind": "check_in", "due_on": kept.next_due}
    for check_in, held in detail.held.items():
        fresh = not held.voided and held.held_on >= today - ACKNOWLEDGED_WITHIN
        if fresh and person != held.by and person not in held.acknowledged:
            yield {"kind": "acknowledge", "subject": check_in, "since": held.held_on}


def _agreement(person: str, card: CardRow, detail: DetailRow) -> Iterator[Tree]:
    agreed = card.agreements.get(person) == card.revision
    said = max(detail.agreed_on.values(), default="")[:10]
    since = dt.date.fromisoformat(said) if said else card.created_on
    told = {"revision": card.revision, "since": since}
    if card.state == "drafted" and person in (card.owner, card.accountable):
        yield {"kind": "propose", "revision": card.revision, "since": card.created_on}
    elif card.state == "proposed" and not agreed:
        yield {"kind": "agree"} | told
    elif card.state == "proposed" and card.agreed:
        yield {"kind": "activate"} | told
    elif card.agreement_open and not agreed:
        yield {"kind": "agree_again"} | told


def _actions(person: str, card: CardRow, detail: DetailRow, today: dt.date, until: dt.date) -> Iterator[Tree]:
    for action, row in detail.actions.items():
        mine = row.assignee == person or (row.assignee is None and person in (card.owner, card.accountable))
        if not mine or row.completed_on is not None or row.dropped:
            continue
        about = {"subject": action, "title": row.title}
        if row.due_on is None:
            yield {"kind": "action"} | about
        elif row.due_on <= until:
            yield _due("action", row.due_on, today) | about


def _of_mentorships(case: Case, person: str) -> Iterator[Tree | Unless]:
    found = case.connection.query(
        "SELECT mentorship.mentorship, mentorship.body FROM member "
        "JOIN mentorship ON mentorship.tenant = member.tenant AND mentorship.mentorship = member.id "
        "WHERE member.tenant = ? AND member.person = ? AND member.aggregate = 'mentorship'",
        (case.tenant, person),
    )
    for id_, body in found:
        row = rows.decode_mentorship(body)
        told = {"mentorship": id_, "title": row.purpose}
        if row.state == "requested" and person != row.requester and person not in row.accepted:
            yield told | {"kind": "answer_request", "since": dt.date.fromisoformat(row.requested[:10])}
        if row.state == "active":
            yield from _expectations(person, row, told)


def _expectations(person: str, row: MentorshipRow, told: Tree) -> Iterator[Tree | Unless]:
    """Yield what a party has yet to agree to: expectations at all, or other ones than those it agreed to."""
    began = dt.date.fromisoformat(row.started[:10])
    todo = told | {"kind": "agree_expectations", "since": began}
    said = {one.person: one for one in row.expectations}
    if person not in said:
        yield todo
        return
    last = row.expectations[-1]
    todo["since"] = max(began, dt.date.fromisoformat(last.on))
    if not said[person].stands:
        yield todo
    elif last.person != person:
        yield Unless(todo, person, [(one.person, one.words) for one in row.expectations if one.stands])


def _due(kind: str, on: dt.date, today: dt.date) -> Tree:
    return {"kind": kind, "due_on": on, "days_late": max(0, (today - on).days)}
