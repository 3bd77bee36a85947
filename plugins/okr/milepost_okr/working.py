"""Work that is too much for one event goes on with the next ones and with timers: forgetting, and starting over.

What goals bring is worked out by the configuration; when that changes, every goal is looked at again, some in each
turn. `m` keeps how far that is.
"""

from __future__ import annotations

import datetime as dt

from msgspec import Struct
from msgspec.structs import replace

from milepost_contracts.context import Context
from milepost_okr import forgetting
from milepost_okr.goals import BUCKETS
from milepost_okr.turn import Turn

GOALS_MAX = 60  # in one turn, see forgetting
BUCKETS_MAX = 256  # looked into in one turn: most are empty where there are few goals
NODES_MAX = 100  # told in one turn: each may come to two writes and a fact
TIMER = "work"
PAUSE = dt.timedelta(seconds=1)  # events of people come in between
_KEY = "m"


class Work(Struct, frozen=True):
    """What is left to do.

    plan: fingerprint of the configuration that the numbers are of. bucket: of goals, to be looked at next; told: how
    many objectives have been told since; None: nothing to do. forgetting: persons who were erased. dry: what was
    told last was told in a dry run, to nobody.
    """

    plan: str
    bucket: int | None = None
    told: int | None = None
    forgetting: tuple[str, ...] = ()
    dry: bool = False

    @property
    def renewing(self) -> bool:
        """Whether some numbers may still be those of another configuration."""
        return self.bucket is not None or self.told is not None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.renewing and not self.forgetting


def known(context: Context) -> Work | None:
    """Return what is left to do; None: no event has come yet."""
    found: Work | None = context.state.get(_KEY, Work)
    return found


def settled(turn: Turn) -> bool:
    """Whether what is kept are the numbers of the configuration as it is."""
    work = known(turn.context)
    return work is not None and not work.renewing and work.plan == turn.plan.fingerprint


def begin(turn: Turn) -> Work:
    """Return what is left to do: everything where the configuration is another one, telling after a dry run."""
    before, plan, dry = known(turn.context), turn.plan.fingerprint, turn.context.mode == "dry_run"
    work = before or Work(plan=plan)
    if work.plan != plan:
        work = replace(work, plan=plan, bucket=0, told=None)
    if work.dry and not dry and work.bucket is None:
        work = replace(work, told=0)
    work = replace(work, dry=dry)
    if work != before:
        turn.context.state.set(_KEY, work)
    return work


def erased(turn: Turn, person: str) -> None:
    """Begin to forget *person*."""
    work = begin(turn)
    forgetting.begin(turn.context.state, person)
    if forgetting.forget(turn, person):
        _keep(turn, work, replace(work, forgetting=(*work.forgetting, person)))
    _tell(turn, work)


def go_on(turn: Turn) -> None:
    """Tell what the event itself came to, and do some of what is left."""
    work = before = begin(turn)
    _tell(turn, work)
    if work.done:
        return
    if work.forgetting:
        person, *others = work.forgetting
        if not forgetting.forget(turn, person):
            work = replace(work, forgetting=tuple(others))
    elif work.bucket is not None:
        work = _looked(turn, work, work.bucket)
    elif work.told is not None:
        work = _told(turn, work, work.told)
    _tell(turn, before)
    _keep(turn, before, work)


def _tell(turn: Turn, work: Work) -> None:
    """Tell what has another number, but nothing while goals are looked at again: then all of it is told at the end."""
    if work.bucket is None:
        turn.ledger.tell()
    else:
        turn.ledger.hold()


def _looked(turn: Turn, work: Work, first: int) -> Work:
    """Look at the goals of some buckets again; what changes is told at the end, once."""
    goals, bucket = 0, first
    while bucket < BUCKETS and bucket - first < BUCKETS_MAX and goals < GOALS_MAX:
        for id_ in list(turn.goals.bucket(bucket)):
            goal = turn.goals.get(id_)
            if goal is not None:
                turn.settle(goal)
            goals += 1
        bucket += 1
    return replace(work, bucket=bucket) if bucket < BUCKETS else replace(work, bucket=None, told=0)


def _told(turn: Turn, work: Work, first: int) -> Work:
    """Score some objectives again, from below, and tell what has another number."""
    place, nodes = first, 0
    while place < len(turn.plan.upward) and nodes < NODES_MAX:
        objective = turn.plan.upward[place]
        turn.ledger.tell_key_results(objective)
        turn.ledger.score_objectives({objective}, every=True)
        nodes += 1 + len(turn.plan.objectives[objective].key_results)
        place += 1
    return replace(work, told=place if place < len(turn.plan.upward) else None)


def _keep(turn: Turn, before: Work, work: Work) -> None:
    if work != before:
        turn.context.state.set(_KEY, work)
    if not work.done:
        turn.context.wake_at(TIMER, turn.context.now + PAUSE)
