"""Histories full of rewards, who receives what is told of them, and a checker that knows every event."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from milepost.react.store import Store
from milepost_contracts.plugin import Delivered, Grant
from milepost_contracts.testing import Host, Story, StoryGoal

LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)  # after every timer of these histories
SAID_MAX = 10_000  # effects of one plugin that are read at once


def history(chance: random.Random, story: Story, events: int) -> Iterator[None]:
    """Let something random happen in *story*, so often; what may be taken back is at times."""
    goals: list[StoryGoal] = []
    standing: list[tuple[StoryGoal, Delivered]] = []
    for number in range(events):
        if not goals or (len(goals) < 6 and chance.random() < 0.2):
            people = (story.person(f"mentee {len(goals)}"), story.person("mentor"))
            goals.append(story.goal(*people, name=f"goal {len(goals)}", title="To speak before many people"))
            yield
            continue
        goal = chance.choice(goals)
        kind = chance.randrange(8)
        if kind <= 2:
            standing.append((goal, goal.hit(f"milestone {number}")))
        elif kind == 3:
            standing.append((goal, goal.check_in(f"check-in {number}")))
        elif kind == 4:
            standing.append((goal, goal.reading("1", measure=f"measure {number}")))
        elif kind == 5 and not any(of is goal and one.name == "goal.closed" for of, one in standing):
            standing.append((goal, goal.close(justification="It is done")))
        elif standing:
            of, one = standing.pop(chance.randrange(len(standing)))
            of.retract(one)
        else:
            goal.check_in(f"check-in {number}")
        yield


class Receiver:
    """Receives what plugins tell over HTTP, and honours its key: what came before is not taken again.

    At times it fails before it has taken a thing, or hangs up after, so that nobody knows.
    """

    def __init__(self, chance: random.Random) -> None:
        """Listen on a loopback address."""
        self.asked: list[tuple[str, bytes]] = []  # (key, body), each time
        self.taken: dict[str, bytes] = {}
        self._chance = chance
        self._lock = threading.Lock()
        receiver = self

        class Exchange(BaseHTTPRequestHandler):
            """Takes one request."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.close_connection = True
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # the sender died in the middle: it has not asked for anything
                status = receiver.take(self.headers["idempotency-key"], body)
                if status:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library calls it
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            request_queue_size = 50

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing: senders die in the middle."""

        self._server = Server(("127.0.0.1", 0), Exchange)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def take(self, key: str, body: bytes) -> int:
        """Take a request; return the status to answer with, 0: none."""
        with self._lock:
            self.asked.append((key, body))
            fate = self._chance.random()
            if fate < 0.1:
                return 503
            self.taken.setdefault(key, body)
            return 0 if fate < 0.2 else 204

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Found(NamedTuple):
    """What is stored of a plugin in one tenant."""

    state: dict[str, Any]
    grants: list[Grant]


def stored(store: Store, tenant: str) -> Found:
    """Return what is kept in *tenant*; what belongs to the runner itself is left out."""
    state = {key: msgspec.json.decode(value) for key, value in store.scan(tenant, "") if not key.startswith("~")}
    return Found(state, store.grants(tenant))


def check_grants(story: Story, found: list[Grant], *, rule: str) -> None:
    """Hold *found* against the events: by *rule* each person has one for each hit that stands, none for another."""
    events = [Delivered(document) for document in story.documents]
    gone = {event.data.hit_event for event in events if event.name == "goal.milestone_hit_retracted"}
    hits = [event for event in events if event.name == "goal.milestone_hit"]
    wanted = Counter((hit.id, party.ref) for hit in hits if hit.id not in gone for party in hit.data.context.parties)
    standing = Counter((one.cause, one.reward.to) for one in found if one.stands and one.reward.rule == rule)
    assert standing == wanted
    assert len({one.id for one in found}) == len(found)
    assert not [one for one in found if one.stands and one.cause in gone]


def by_id(facts: list[dict[str, Any]]) -> dict[str, tuple[str, bytes]]:
    """Return id -> what each of *facts* says; copies have to say the same."""
    known: dict[str, tuple[str, bytes]] = {}
    for fact in facts:
        said = (fact["type"], msgspec.json.encode([fact["subject"], fact["data"]], order="sorted"))
        assert known.setdefault(fact["id"], said) == said, fact
    return known


class Expected:
    """What a plugin comes to when nothing ever happens to it: as the host in memory has it."""

    def __init__(self, plugin: object, story: Story, **given: Any) -> None:
        """Hand it the events of *story*; *given*: its config and secrets."""
        with Host(plugin, story=story, **given) as host:
            host.deliver(*story.documents)
            host.advance(LATER)
            self.state = host.state
            self.grants = {grant.id: grant for _, grant in host.stored.grants.values()}
            documents = [msgspec.json.decode(fact.document) for fact in host.stored.facts.values()]
            self.facts = by_id(documents)
            self.effects = {one.key: one.arguments | {"name": one.name} for one in host.effects}
            self.commands = {one.arguments["command_id"]: one.arguments for one in host.commands}
