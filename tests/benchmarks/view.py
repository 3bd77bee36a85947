"""A view is built again from 200,000 events over 10,000 goals: how fast, and where the time goes.

python -m tests.benchmarks.view [events] [goals]
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import structlog

from milepost.broker import EmbeddedBroker
from milepost.view.applying import Applying, Position
from milepost.view.fold import open_envelope, open_event
from milepost.view.reading import Reading
from milepost.view.rebuild import Rebuild
from milepost.view.sets import Sets
from milepost_contracts.events import EVENTS
from tests.support.documents import subject_of
from tests.support.nats import make_streams
from tests.support.postgres import server

EVENTS_COUNT, GOALS = 200_000, 10_000
WANTED = 20_000  # events a second, from the issue
PROGRAMMES, MENTORSHIPS = 10, 2_000
VISIBLE, IDLE_S = 300, 0.01  # events published one by one, and the rest between two
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_random = random.Random(2026)  # noqa: S311  the same events every time
Report = Callable[[str], None]


def _id() -> str:
    return str(uuid.UUID(int=_random.getrandbits(128), version=4))


def _sealed(chars: int) -> str:
    """Return what *chars* of text look like when sealed; nobody opens them here."""
    blob = base64.urlsafe_b64encode(_random.randbytes(28 + chars)).rstrip(b"=").decode()
    return f"enc:v1:{base64.urlsafe_b64encode(_random.randbytes(16)).rstrip(b'=').decode()}:{blob}"


def _steps(goal: int, day: dt.date, context: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield twenty events of one goal's life: (name, data)."""
    mentee, mentor = (party["ref"] for party in context["parties"])
    measure, milestone, action = _id(), _id(), _id()
    later = str(day + dt.timedelta(days=90))
    yield "created", {"title": _sealed(40), "owner": mentee, "description": _sealed(200), "revision": 1}
    definition = {
        "measure": measure, "name": _sealed(20), "kind": "count", "direction": "increase", "unit": "talks",
        "baseline": "0", "target": "10",
    }  # fmt: skip
    yield "measure_defined", {"definition": definition, "revision": 2}
    placing = {name: context[name] for name in ("mentorship", "programme", "cycle", "parties")}
    yield "placed", {"before": {}, "after": placing, "revision": 3}
    yield "deadline_set", {"new": later, "revision": 4}
    yield "refined", {"before": {}, "after": {"title": _sealed(60)}, "trigger": "new_information", "revision": 5}
    yield "proposed", {"party": mentee, "revision": 5, "terms_hash": "x" * 43}
    yield "agreed", {"party": mentor, "revision": 5, "terms_hash": "x" * 43, "complete": True}
    yield "activated", {"revision": 5, "activated_on": str(day)}
    yield "milestone_added", {"milestone": milestone, "title": _sealed(30), "due_on": later}
    yield "action_added", {"action": action, "title": _sealed(30), "due_on": later}
    for number in range(1, 4):
        yield (
            "progress_recorded",
            {"measure": measure, "reading": "1", "on": str(day), "current": str(number), "progress": f"0.{number}"},
        )
        check_in = _id()
        yield (
            "check_in_held",
            {
                "check_in": check_in, "held_on": str(day + dt.timedelta(days=14 * number)),
                "attendees": [mentee, mentor],
                "confidence": 7, "wins": [_sealed(80)], "next_step": _sealed(60),
            },
        )  # fmt: skip
        yield "check_in_acknowledged", {"check_in": check_in, "party": mentor}
    yield "comment_posted", {"comment": _id(), "text": _sealed(120)}


def documents(events: int, goals: int) -> list[bytes]:
    """Return that many events of one tenant, the goals' in turn, as the stream carries them."""
    programmes = [_id() for _ in range(PROGRAMMES)]
    mentorships = [(_id(), f"user:{_id()}") for _ in range(MENTORSHIPS)]
    lives = []
    for goal in range(goals):
        mentorship, mentor = _random.choice(mentorships)
        mentee = f"user:{_id()}"
        context = {
            "owner": mentee,
            "accountable": None,
            "parties": [{"ref": mentee, "role": "mentee"}, {"ref": mentor, "role": "mentor"}],
            "mentorship": mentorship,
            "programme": _random.choice(programmes),
            "cycle": None,
        }
        lives.append((_id(), mentee, context, _steps(goal, START.date(), context)))
    made: list[bytes] = []
    for number in range(1, events + 1):
        goal_id, mentee, context, steps = lives[(number - 1) % goals]
        name, data = next(steps)
        tag = f"goal.{name}.v1"
        assert tag in EVENTS
        made.append(_document(number, goal_id, (number - 1) // goals + 1, tag, mentee, data | {"context": context}))
    return made


def _document(number: int, goal: str, version: int, tag: str, actor: str, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0", "id": _id(), "source": "/milepost/acme", "type": tag, "subject": f"goal/{goal}",
            "time": f"{START + dt.timedelta(seconds=number):%Y-%m-%dT%H:%M:%S.%fZ}",
            "datacontenttype": "application/json", "dataschema": f"urn:milepost:schema:{tag}", "tenant": "acme",
            "version": version, "sequence": f"{number:016d}", "actor": actor, "authnby": "gateway:web",
            "correlationid": _id(), "causationid": _id(), "commandhash": "x" * 43, "data": data,
        }
    )  # fmt: skip


async def _nothing(_tenant: str, _after: int, _limit: int) -> list[bytes]:
    return []


def live(url: str, made: list[bytes]) -> float:
    """Write *made* as the live view does, a thousand events a transaction; return the seconds it took."""
    sets = Sets(url)
    sets.open()
    applying = Applying(sets)
    applying.load()
    began = time.perf_counter()
    for start in range(0, len(made), 1000):
        applying.apply(made[start : start + 1000], Position(1, start + 1000))
    seconds = time.perf_counter() - began
    applying.close()
    sets.close()
    return seconds


def rebuilt(url: str, made: list[bytes]) -> tuple[float, float, float, dict[str, float]]:
    """Build the view at *url* again; return the seconds of all, of building, of the CPU, and of building's parts."""

    async def source(taken: int, limit: int) -> list[bytes]:
        return made[taken : taken + limit]

    rebuild = Rebuild(url, source, _nothing)
    began, busy = time.perf_counter(), time.process_time()
    result = asyncio.run(rebuild.run())
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    assert result.switched
    assert result.events == len(made)
    return seconds, result.built_seconds, busy, result.parts


def decoding(made: list[bytes]) -> float:
    """Return the seconds that decoding alone takes."""
    began = time.perf_counter()
    for document in made:
        open_event(open_envelope(document))
    return time.perf_counter() - began


async def visible(folder: Path, made: list[bytes], url: str) -> list[float]:
    """Return, in ms, how long after the stream has acknowledged an event its rows are there; one at a time, idle."""
    async with EmbeddedBroker(folder / "broker") as server:
        await make_streams(server)
        publisher = await nats.connect(**server.options("publish"))
        reader = await nats.connect(**server.options("view"))
        stream = publisher.jetstream()
        arrived = asyncio.Event()
        sets = Sets(url)
        sets.open()
        reading = Reading(
            Applying(sets),
            _nothing,
            log=structlog.wrap_logger(structlog.PrintLogger(), processors=[]),
            told=lambda _applied: arrived.set(),
            reset=lambda _numbers: None,
        )
        task = asyncio.create_task(reading.run(reader))
        await reading.caught_up.wait()
        took = []
        for document in made:
            arrived.clear()
            await stream.publish(subject_of(document), document)
            began = time.perf_counter()
            await arrived.wait()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(IDLE_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reading.close()
        sets.close()
        await reader.close()
        await publisher.close()
        return sorted(took)


def run(report: Report, events: int = EVENTS_COUNT, goals: int = GOALS) -> None:
    """Print the table of the view."""
    made = documents(events, goals)
    size = sum(map(len, made)) / len(made)
    report(f"view: {events:,} events of {size:.0f} bytes over {goals:,} goals, in turn")
    only = decoding(made)
    report(f"  decoding alone {len(made) / only:>20,.0f} events/s")
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'view.sqlite'}", "PostgreSQL": _postgres()}
        for name, url in urls.items():
            seconds = live(url, made)
            report(f"  {name:<10} live, 1,000 a transaction {len(made) / seconds:>10,.0f} events/s")
            seconds, built, busy, parts = rebuilt(url, made)
            rate = len(made) / built
            report(f"  {name:<10} rebuild {rate:>10,.0f} events/s ({rate / WANTED:.2f} of what is wanted)")
            report(
                f"  {name:<10} compared and switched too {len(made) / seconds:>10,.0f} events/s, "
                f"{len(made) / busy:,.0f} a second of CPU"
            )
            told = ", ".join(f"{part} {share / built:.0%}" for part, share in parts.items())
            report(f"  {name:<10} building: {told}")
        few = documents(VISIBLE, VISIBLE // 10)
        for name, url in {"SQLite": f"sqlite:///{Path(folder) / 'idle.sqlite'}", "PostgreSQL": _postgres()}.items():
            took = asyncio.run(visible(Path(folder) / name, few, url))
            median, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
            report(f"  {name:<10} published to visible, idle: median {median:.1f} ms, p99 {p99:.1f} ms")


def _postgres() -> str:
    import psycopg

    running = server()
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS view_bench WITH (FORCE)")
        connection.execute("CREATE DATABASE view_bench")
    return running.url("view_bench")


if __name__ == "__main__":
    run(print, *(int(argument) for argument in sys.argv[1:]))
