"""A person was erased: what is kept of them goes, and a hash of their id stays, so that they are not kept anew.

Later events still name them by their id, which is nobody's name any more.
"""

from __future__ import annotations

import hashlib

from milepost_contracts.context import Context
from milepost_nudges.kept import Frame, Goal, alarms_of, keep_goal, keep_sent, sent_of


def is_gone(context: Context, person: str) -> bool:
    """Whether *person* was erased."""
    return _marker(person) in context.state


def mark(context: Context, person: str) -> None:
    """Remember that *person* was erased; they run no programme any more."""
    context.state.set(_marker(person), 1)
    for key, frame in list(context.state.items("programme/", Frame)):
        if person in frame.admins or person in frame.enrolled:
            frame.admins = [admin for admin in frame.admins if admin != person]
            frame.enrolled = [admin for admin in frame.enrolled if admin != person]
            context.state.set(key, frame)


def forget(context: Context, person: str, id_: str, goal: Goal) -> None:
    """Take *person* out of what is kept of *goal*."""
    goal.owner = "" if goal.owner == person else goal.owner
    goal.parties.pop(person, None)
    goal.yes.pop(person, None)
    end = f"/{person}"
    sent = {key: at for key, at in sent_of(context, id_).items() if not key.endswith(end)}
    keep_sent(context, id_, sent)
    alarms = alarms_of(context, id_)
    for key in [key for key in alarms if key.endswith(end)]:
        del alarms[key]
        context.cancel(key)
    context.state.set(f"alarms/{id_}", alarms)
    reached = {key.rpartition("/")[2] for key in (*sent, *alarms) if "/user:" in key}
    keep_goal(context, id_, goal, reached)


def _marker(person: str) -> str:
    return f"gone/{hashlib.sha256(person.encode()).hexdigest()[:32]}"
