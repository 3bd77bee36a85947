"""From what is kept of a goal follows what is to be nudged, who, and when: worked out anew whenever somebody looks.

An occurrence is a stage and a due date. It is true for a while: from the beginning of a day, in the goal's zone, until
another begins or until something is done. Each of its people is nudged once within that time, at the first instant
that is not quiet where they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

from milepost_contracts.context import Context
from milepost_nudges import frames
from milepost_nudges.cadence import Dues, due_on, dues, grace_of, in_pause, number_from
from milepost_nudges.clock import DAY, begins, day_in
from milepost_nudges.config import Config, Rules, Stage, rules_of, stage_of
from milepost_nudges.kept import Goal, Sent
from milepost_nudges.quiet import allowed

# Of one goal; a circle of thirty people has some 150. So many fit a value of the state, and a turn.
ALARMS_MAX = 300


class Occurrence(NamedTuple):
    """A stage of a due date: true from the beginning of `first` until that of `last` (None: until something is done).

    since: the day that the days in its message are counted from, or to.
    """

    stage: str
    due: dt.date
    first: dt.date
    last: dt.date | None
    since: dt.date


class Alarm(NamedTuple):
    """Somebody is to be nudged at `at`, which is past where that is late."""

    occurrence: Occurrence
    to: str
    at: dt.datetime

    @property
    def mark(self) -> str:
        """What it is, among all nudges about its goal."""
        return f"{self.occurrence.stage}/{self.occurrence.due}/{self.to}"


class Seen(NamedTuple):
    """How the check-ins of a goal stand (`following`: the due date after next), and who runs its programme."""

    dues: Dues
    grace: dt.timedelta
    following: dt.date | None
    admins: list[str]


def seen(context: Context, goal: Goal, now: dt.datetime) -> Seen:
    """Return how check-ins stand at *now*; nothing is due of a goal that is not worked on."""
    rules = rules_of(context.config, goal.programme)
    admins = frames.admins_of(context, goal)
    if goal.state != "active" or goal.activated is None:
        return Seen(Dues(), dt.timedelta(), None, admins)
    cadence = frames.cadence_of(context, goal)
    found = dues(
        cadence, goal.held, day_in(goal.zone, now), since=goal.activated, grace_days=rules.grace_days,
        pauses=goal.pauses, agreed=goal.next_on,
    )  # fmt: skip
    if goal.next_on is not None:
        return Seen(found, dt.timedelta(days=rules.grace_days), None, admins)
    following = None
    if cadence is not None and found.next_due is not None:
        following = due_on(cadence, number_from(cadence, found.next_due + DAY))
    return Seen(found, dt.timedelta(days=grace_of(cadence, rules.grace_days)), following, admins)


def notice_late(goal: Goal, standing: Seen, now: dt.datetime, floor: dt.datetime) -> None:
    """Keep since when it is known that a check-in is missing: the mentor is told so many days after that.

    It may be known long after the grace has run out: when a pause ends, or when somebody tells of last month. What was
    overdue before the plugin looked at all counts from when it was.
    """
    since = standing.dues.overdue_since
    if since is None:
        goal.late = None
    elif goal.late is None or goal.late[0] != since:
        over = since + standing.grace + DAY
        past = begins(over, goal.zone) < floor
        goal.late = (since, over if past else max(over, day_in(goal.zone, now)))


def alarms(config: Config, goal: Goal, standing: Seen, sent: Sent, now: dt.datetime, floor: dt.datetime) -> list[Alarm]:
    """Return who is still to be nudged about *goal*, the earliest first.

    *sent*: what was nudged. *floor*: what was true before that is nobody's news.
    """
    rules = rules_of(config, goal.programme)
    found = [
        alarm
        for occurrence in occurrences(goal, rules, standing)
        if begins(occurrence.first, goal.zone) >= floor
        for alarm in _of(occurrence, config, rules, goal, standing, now)
        if alarm.mark not in sent
    ]
    return sorted(found, key=lambda alarm: (alarm.at, alarm.mark))[:ALARMS_MAX]


def occurrences(goal: Goal, rules: Rules, standing: Seen) -> Iterator[Occurrence]:
    """Yield what is true of *goal* or will be if nothing happens."""
    stages = rules.stages
    if goal.state == "active" and goal.activated is not None:
        yield from _check_ins(goal, rules, standing)
        if goal.deadline is not None and stages.deadline.on:
            yield from _deadline(goal, goal.deadline, rules)
        if stages.silent.on and goal.active is not None:
            heard = max(day_in(goal.zone, goal.active), goal.activated)
            due = heard + stages.silent.days * DAY
            yield Occurrence("silent", due, due, None, heard)
    if goal.asks and stages.agreement.on and goal.asked is not None:
        asked = day_in(goal.zone, goal.asked)
        due = asked + stages.agreement.days * DAY
        yield Occurrence("agreement", due, due, None, asked)


def _check_ins(goal: Goal, rules: Rules, standing: Seen) -> Iterator[Occurrence]:
    stages, (due, missed) = rules.stages, standing.dues
    for day in (due, standing.following):
        if day is not None and not in_pause(day, goal.pauses) and stages.check_in_due.on:
            yield Occurrence("check_in_due", day, day, day + standing.grace + DAY, day)
    if missed is None and due is not None and not in_pause(due, goal.pauses):
        missed = due  # as it will be if nobody checks in
    if missed is None:
        return
    over = missed + standing.grace + DAY
    known = goal.late[1] if goal.late is not None and goal.late[0] == missed else over
    if stages.check_in_overdue.on:
        yield Occurrence("check_in_overdue", missed, over, None, missed)
    for name in ("check_in_mentor", "check_in_programme"):
        stage: Any = stage_of(rules, name)
        if stage.on:
            yield Occurrence(name, missed, max(over, known) + stage.days * DAY, None, missed)


def _deadline(goal: Goal, deadline: dt.date, rules: Rules) -> Iterator[Occurrence]:
    """Yield a stage for each number of days, true until the next one's; what was near when it was set is no news."""
    until = deadline + DAY
    for days in sorted(set(rules.stages.deadline.days)):
        first = deadline - days * DAY
        if goal.deadline_known is None or first >= goal.deadline_known:
            yield Occurrence(f"deadline_{days}", deadline, first, until, deadline)
        until = first


def _of(
    occurrence: Occurrence, config: Config, rules: Rules, goal: Goal, standing: Seen, now: dt.datetime
) -> Iterator[Alarm]:
    start = begins(occurrence.first, goal.zone)
    end = None if occurrence.last is None else begins(occurrence.last, goal.zone)
    for person in _people(stage_of(rules, occurrence.stage), goal, standing.admins):
        zone = config.people[person].time_zone if person in config.people else goal.zone
        at = allowed(start, zone, rules.quiet)
        if at < now and (later := allowed(now, zone, rules.quiet)) > now:
            at = later
        if end is None or max(at, now) < end:
            yield Alarm(occurrence, person, at)


def _people(stage: Stage, goal: Goal, admins: list[str]) -> list[str]:
    found: set[str] = set()
    for role in stage.to:
        match role:
            case "owner":
                found |= {goal.owner} - {""}
            case "parties":
                found |= goal.people
            case "programme":
                found |= {*admins}
            case "missing":
                found |= {person for person in goal.people if goal.yes.get(person) != goal.revision}
            case _:
                found |= {person for person, of in goal.parties.items() if of == role}
    return sorted(found)
