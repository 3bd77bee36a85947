"""Whatever happens, an event or the passing of time, a goal is looked at: health, alarms, and who is nudged now.

Timers of a goal: one for each alarm, one for its health, and one at the beginning of each of the next two days where
it is. Those of the days are what nothing can break: in a replay due timers are dropped, and what is set in a
configuration or by a programme reaches every goal within a day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from milepost_contracts.context import Context
from milepost_contracts.plugin import Delivered
from milepost_nudges.alarms import Alarm, alarms, notice_late, seen
from milepost_nudges.clock import DAY, begins, day_in
from milepost_nudges.folding import folded
from milepost_nudges.following import Followed, Told, progress_on
from milepost_nudges.kept import Goal, Sent, alarms_of, goal_of, keep_goal, keep_sent, sent_of

SINCE = "since"
LOOKS = 2  # days ahead
# Events that change the progress of a goal, and so of those above it that take theirs from it.
MOVES = frozenset(
    {
        "goal.progress_recorded", "goal.progress_corrected", "goal.measure_defined", "goal.measure_retired",
        "goal.target_revised", "goal.refined", "goal.closed", "goal.child_aligned", "goal.child_unaligned",
    }
)  # fmt: skip
# In a replay the instant is set anew with each event; a write a minute is enough.
SINCE_STEP = dt.timedelta(minutes=1)


def floor(context: Context) -> dt.datetime:
    """Return the instant before which nothing is nudged: when the plugin was installed, or its last replay ended."""
    known: dt.datetime | None = context.state.get(SINCE, dt.datetime)
    if known is None or (context.mode != "live" and context.now - known >= SINCE_STEP):
        known = context.now
        context.state.set(SINCE, known)
    return known


def happened(event: Delivered, context: Context) -> None:
    """Take an event of a goal."""
    id_ = event.aggregate_id
    goal = goal_of(context, id_)
    if goal is not None and event.version <= goal.version:
        return
    above = _above(context, id_, goal) if event.name in MOVES else []
    for one, kept in [*([(id_, goal)] if goal is not None else []), *above]:
        _tell(context, one, _followed(context, one, kept).pass_until(event.recorded))
    goal = folded(goal, event, context)
    if goal is None:
        return
    _tell(context, id_, _followed(context, id_, goal).note(event.recorded))
    look(context, id_, goal)
    for one, kept in above:
        _tell(context, one, _followed(context, one, kept).note(event.recorded))
        look(context, one, kept)


def due(key: str, context: Context) -> None:
    """Take a timer of a goal: follow its health, nudge whom the timer is for, if that is still true."""
    kind, id_, _ = (*key.split("/", 2), "")[:3]
    goal = goal_of(context, id_)
    if goal is None:
        return
    _tell(context, id_, _followed(context, id_, goal).pass_until(context.now))
    look(context, id_, goal, fired=key if kind not in ("look", "health") else "")


def timer_of(id_: str, alarm: Alarm) -> str:
    """Return the key of an alarm's timer."""
    stage, _, rest = alarm.mark.partition("/")
    return f"{stage}/{id_}/{rest}"


def pending(context: Context, id_: str, goal: Goal) -> list[Alarm]:
    """Return who is still to be nudged about a goal, as things stand."""
    if not goal.watched:
        return []
    standing = seen(context, goal, context.now)
    since: dt.datetime = context.state.get(SINCE, dt.datetime, context.now)
    return alarms(context.config, goal, standing, sent_of(context, id_), context.now, since)


def _above(context: Context, below: str, goal: Goal | None) -> list[tuple[str, Goal]]:
    """Return the goals above *below* that take their progress from their children, the nearest first."""
    found: dict[str, Goal] = {}
    waiting = [*goal.parents] if goal is not None else []
    for id_ in waiting:
        parent = goal_of(context, id_) if id_ != below and id_ not in found else None
        if parent is not None and parent.progress_from == "children":
            found[id_] = parent
            waiting += parent.parents
    return list(found.items())


def _followed(context: Context, id_: str, goal: Goal) -> Followed:
    return Followed(goal, lambda: progress_on(context, id_, goal), context.config.health_settle_minutes)


def _tell(context: Context, id_: str, crossings: Iterable[Told]) -> None:
    for before, crossing in crossings:
        told = {
            "goal": id_, "from": before, "to": crossing.to, "at": crossing.at, "progress": crossing.progress,
            "expected": crossing.expected, "set": crossing.set,
        }  # fmt: skip
        context.fact("health_crossed", told, once=f"{id_}/{crossing.at.isoformat()}/{crossing.to}")


def look(context: Context, id_: str, goal: Goal, *, fired: str = "") -> None:
    """Set the timers of *goal* as they are wanted now, nudge whom the timer *fired* is for, and keep the goal."""
    since, now = floor(context), context.now
    sent, stood = sent_of(context, id_), alarms_of(context, id_)
    wanted: dict[str, dt.datetime] = {}
    if goal.state != "active":
        goal.late = None  # patience begins anew with the work
    if goal.watched:
        today = day_in(goal.zone, now)
        days = [today + ahead * DAY for ahead in range(1, LOOKS + 1)]
        wanted = {f"look/{id_}/{day.toordinal() % LOOKS}": begins(day, goal.zone) for day in days}
    if goal.watched and context.mode == "live":
        standing = seen(context, goal, now)
        notice_late(goal, standing, now, since)
        found = {timer_of(id_, alarm): alarm for alarm in alarms(context.config, goal, standing, sent, now, since)}
        if fired in found and found[fired].at <= now:
            _nudge(context, id_, goal, found.pop(fired), sent)
        wanted |= {key: alarm.at for key, alarm in found.items()}
        if (health := _followed(context, id_, goal).next_look()) is not None:
            wanted[f"health/{id_}"] = health
    for key in stood.keys() - wanted.keys():
        context.cancel(key)
    for key, at in wanted.items():
        if context.mode == "live" or stood.get(key) != at:
            context.wake_at(key, at)
    if wanted != stood:
        context.state.set(f"alarms/{id_}", wanted)
    reached = {key.rpartition("/")[2] for key in (*sent, *wanted) if "/user:" in key}
    keep_goal(context, id_, goal, reached)


def _nudge(context: Context, id_: str, goal: Goal, alarm: Alarm, sent: Sent) -> None:
    """Tell that somebody is nudged, and have it sent to each of their addresses."""
    occurrence, person = alarm.occurrence, alarm.to
    addresses = context.secrets.addresses(person, goal.programme)
    days = abs((day_in(goal.zone, context.now) - occurrence.since).days)
    told = {"goal": id_, "stage": occurrence.stage, "due": occurrence.due, "to": person}
    context.fact("nudged", {**told, "days": days, "sent": bool(addresses)}, once=f"{id_}/{alarm.mark}")
    for place in range(len(addresses)):
        name = "send" if place == 0 else f"send_{place + 1}"
        context.effect(name, {**told, "days": days, "programme": goal.programme, "address": place})
    sent[alarm.mark] = context.now
    keep_sent(context, id_, sent)
