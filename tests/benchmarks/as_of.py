"""A goal as it was: how long it takes against decoding its events once, and how that grows from 100 to 10,000.

python -m tests.benchmarks.as_of [times]
"""

from __future__ import annotations

import datetime as dt
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from milepost.journal import Stored
from milepost.replay.asof import as_of
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.histories import Histories
from milepost.replay.history import history
from milepost.wiring import GARBAGE_MIN
from milepost_contracts.commands import Command, goal
from milepost_contracts.envelope import decode
from milepost_contracts.queries import AsOf, AsOfAnswer, History, HistoryAnswer
from milepost_contracts.types import Waiver
from tests.support.accepting import TENANT, Acceptance, create, ident, user

SIZES = (100, 1_000, 10_000)  # events of one goal
P99_OF, P99_MS_MAX = 1_000, 50  # from the issue
TIMES = 100  # asked for each size; the largest a tenth as often
BUILDING = 4  # the first commands need one another's answers
AHEAD = 64  # commands sent before the first is answered, as a busy client would
Report = Callable[[str], None]
ME = user("mentee")


def _commands(name: str, count: int) -> Iterator[Command]:
    """Yield the life of a goal: mostly readings and check-ins with a note, now and then the rest."""
    today = dt.datetime.now(dt.UTC).date()
    chance = random.Random(2026)  # noqa: S311  the same life every time
    id_, measure = ident(name), ident(f"{name} measure")
    told: dict[str, Any] = {"id": id_, "actor": ME}
    yield create(name, deadline=today + dt.timedelta(days=200))
    yield goal.DefineMeasure(
        command_id=ident(f"{name} 1"), measure=measure, name="talks", kind="count", direction="increase",
        unit="talks", target=str(count), **told,
    )  # fmt: skip
    yield goal.ProposeGoal(command_id=ident(f"{name} 2"), revision=2, **told)
    waivers = [Waiver(check="evaluation", reason="A small one")]
    yield goal.ActivateGoal(command_id=ident(f"{name} 3"), revision=2, waivers=waivers, **told)
    for number in range(4, count):
        told["command_id"] = ident(f"{name} {number}")
        day = today - dt.timedelta(days=chance.randrange(300))
        match number % 10:
            case 0 | 1 | 2 | 3 | 4:
                yield goal.RecordProgress(measure=measure, reading="1", on=day, note="It went well", **told)
            case 5 | 6:
                yield goal.HoldCheckIn(
                    check_in=ident(f"{name} talk {number}"), held_on=day, attendees=[ME], confidence=7,
                    wins=["A small one"], next_step="Go on", **told,
                )  # fmt: skip
            case 7:
                later = today + dt.timedelta(days=200 + number)
                yield goal.ShiftDeadline(new=later, reason="The hall is closed", reason_code="dependency", **told)
            case 8:
                yield goal.PostComment(comment=ident(f"{name} said {number}"), text="Well done", **told)
            case _:
                yield goal.TagGoal(add=[f"tag {number}"], remove=[f"tag {number - 100}"], **told)


def _written(accept: Acceptance, name: str, count: int) -> None:
    commands = _commands(name, count)
    for command in islice(commands, BUILDING):
        accept.accepted(command)
    while together := [accept.send(command) for command in islice(commands, AHEAD)]:
        for answer in together:
            answer.result(60)
    assert accept.journal.head(TENANT, ("goal", ident(name))) == count


def _decoded(events: list[Stored]) -> float:
    """Return the seconds that decoding *events* once takes: the floor."""
    documents = [stored.document for stored in events]
    begun = time.perf_counter()
    for document in documents:
        decode(document).event()
    return time.perf_counter() - begun


def _taken(work: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return taken


def run(report: Report, times: int = TIMES) -> None:
    """Print the table."""
    gc.set_threshold(GARBAGE_MIN)  # as the stage does
    with tempfile.TemporaryDirectory() as folder:
        accept = Acceptance(Path(folder))
        accept.open_tenant()
        histories = Histories(accept.journal, accept.keys)
        desk = Desk(accept.journal, accept.keys, histories, Entitlement(histories.newest))
        report("A goal as it was    decoding   as of now  ratio  us/event  p99 ms  page of history")
        for size in SIZES:
            _measured(accept, desk, size, report, times if size < SIZES[-1] else max(times // 10, 3))
        accept.close()


def _measured(accept: Acceptance, desk: Desk, size: int, report: Report, times: int) -> None:
    name = f"goal of {size}"
    _written(accept, name, size)
    ref = ("goal", ident(name))
    events = accept.journal.load(TENANT, ref)
    chance = random.Random(size)  # noqa: S311  the same moments every time

    def newest() -> None:
        answer, _ = as_of(desk, TENANT, AsOf(actor=ME, id=ref[1]), ME)
        assert isinstance(answer, AsOfAnswer), answer

    def somewhen() -> None:
        asked = AsOf(actor=ME, id=ref[1], at=f"v{chance.randint(1, len(events))}")
        answer, _ = as_of(desk, TENANT, asked, ME)
        assert isinstance(answer, AsOfAnswer), answer

    def page() -> None:
        answer, _ = history(desk, TENANT, History(actor=ME, id=ref[1]), ME)
        assert isinstance(answer, HistoryAnswer), answer

    newest()  # the keys are derived once
    floor = statistics.median(_decoded(events) for _ in range(max(times // 5, 3)))
    now = statistics.median(_taken(newest, max(times // 5, 3)))
    p99 = sorted(_taken(somewhen, times))[-max(times // 100, 1)]
    told = statistics.median(_taken(page, 3))
    mark = f" (at most {P99_MS_MAX}: {'held' if p99 * 1e3 <= P99_MS_MAX else 'MISSED'})" if size == P99_OF else ""
    report(
        f"{len(events):>8,} events  {floor * 1e3:>8.1f} ms  {now * 1e3:>7.1f} ms  {now / floor:>5.2f}"
        f"  {now / len(events) * 1e6:>8.1f}  {p99 * 1e3:>6.1f}  {told * 1e3:>7.1f} ms{mark}"
    )


if __name__ == "__main__":
    run(print, int(sys.argv[1]) if len(sys.argv) > 1 else TIMES)
