"""Who read what is told to auditors whole, to parties of what is theirs, and to everybody of themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from milepost.decide import Ref
from milepost.journal import KeyStore
from milepost.logs import logger
from milepost.replay import ReplayService
from milepost.replay import access as asking
from milepost.replay.recording import READ
from milepost.wiring import subscribing
from milepost_contracts import subjects
from milepost_contracts.answers import Invalid, Refused
from milepost_contracts.commands import access, goal, programme, tenant
from milepost_contracts.queries import Access, AccessAnswer, AsOf
from milepost_contracts.types import Party, Scope
from tests.journal.wishes import run_sql
from tests.support.accepting import SERVICE, TENANT, Acceptance, create, ident, user

AUDITOR, SECOND, MENTEE, MENTOR, ADMIN = (user(name) for name in ("auditor", "second", "mentee", "mentor", "admin"))
GOAL, OTHER, FRAME = ident("a"), ident("b"), ident("programme")
DAY = dt.timedelta(days=1)


class Log:
    """Accept with two goals in a programme, on a clock that goes on by hand, and what is read of them."""

    def __init__(self, folder: Path) -> None:
        """Begin on a Monday."""
        self.folder = folder
        self.now = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
        self.accept = Acceptance(folder, clock=lambda: self.now)
        # The journal sets the time of what it stores.
        self.accept.journal._clock_us = lambda: int(self.now.timestamp() * 1_000_000)
        self.accept.open_tenant()
        self._number = 0
        about: dict[str, Any] = {"id": subjects.tenant_id(TENANT), "actor": SERVICE, "role": "auditor"}
        for ref in (AUDITOR, SECOND):
            self.accept.accepted(tenant.GrantRole(command_id=ident(f"role {ref}"), ref=ref, **about))
        made = programme.Create(command_id=ident("p"), id=FRAME, actor=SERVICE, title="Growing", admins=[ADMIN])
        self.accept.accepted(made)
        parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
        self.accept.accepted(create("a"))
        who: dict[str, Any] = {"id": GOAL, "actor": MENTEE, "programme": FRAME, "parties": parties}
        self.accept.accepted(goal.PlaceGoal(command_id=ident("place"), **who))
        self.accept.accepted(create("b", owner="colleague"))
        self.replay = self.service()

    def service(self) -> ReplayService:
        """Return replay on the same databases, without a bus."""
        options: Any = {
            "servers": [], "name": "x", "nkeys_seed": "x", "inbox_prefix": "x", "max_reconnect_attempts": 0
        }  # fmt: skip
        return ReplayService(
            subscribing(options), self.accept.journal, self.accept.keys, gateways=frozenset(), log=logger("replay")
        )

    def read(self, reader: str, kind: str, *refs: Ref, reason: str | None = None) -> None:
        """Let *reader* have read *refs*, or everything."""
        self._number += 1
        today = self.now.date()
        person = reader if reader.startswith("user:") else None
        self.accept.accepted(
            access.Record(
                command_id=ident(f"read {self._number}"), id=subjects.access_id(TENANT, reader, today),
                actor="service:replay", on_behalf_of=person, reader=reader, day=today, kind=kind, via="service:cli",
                scopes=[Scope(aggregate=ref[0], id=ref[1]) for ref in refs], everything=not refs, reason=reason,
            )
        )  # fmt: skip

    def ask(self, actor: str, **members: Any) -> AccessAnswer:
        """Return what *actor* is told."""
        answer, _ = self.replay.answer(TENANT, Access(actor=actor, **members))
        assert isinstance(answer, AccessAnswer), answer
        return answer

    def refused(self, actor: str, **members: Any) -> list[str]:
        """Return why *actor* is told nothing."""
        answer, _ = self.replay.answer(TENANT, Access(actor=actor, **members))
        assert isinstance(answer, Refused | Invalid)
        return [problem.code for problem in answer.errors]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Give a log in which two auditors, an admin and the plugin host have read on three days."""
    made = Log(tmp_path)
    made.read(AUDITOR, "history", ("goal", GOAL), reason="A claim")
    made.read("service:react", "keys", ("goal", GOAL), ("goal", OTHER))
    made.now += DAY
    made.read(ADMIN, "evolution", ("programme", FRAME))
    made.read(SECOND, "export", reason="The yearly audit")
    made.now += DAY
    made.read(SECOND, "explain", ("goal", OTHER))
    made.read(AUDITOR, "export", ("person", MENTEE.partition(":")[2]))
    yield made
    made.accept.close()


def kinds(answer: AccessAnswer) -> list[str]:
    """Return what was asked for, the newest first."""
    return [entry.kind for entry in answer.accesses]


def test_auditors_are_told_everything(log: Log) -> None:
    """The newest first, with who, through whom, of what, and why; each narrowing leaves out the rest."""
    answer = log.ask(AUDITOR)
    assert kinds(answer) == ["export", "explain", "export", "evolution", "keys", "history"]
    last = answer.accesses[-1]
    assert (last.reader, last.via, last.reason, last.everything) == (AUDITOR, "service:cli", "A claim", False)
    assert last.scopes == [Scope(aggregate="goal", id=GOAL)]
    assert last.recorded == dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    assert (answer.accesses[2].everything, answer.accesses[2].reason) == (True, "The yearly audit")
    assert answer.unread == []
    assert kinds(log.ask(AUDITOR, reader=SECOND)) == ["explain", "export"]
    assert kinds(log.ask(AUDITOR, kinds=["keys", "history"])) == ["keys", "history"]
    assert kinds(log.ask(AUDITOR, since=dt.date(2026, 3, 3))) == ["export", "explain", "export", "evolution"]
    assert kinds(log.ask(AUDITOR, until=dt.date(2026, 3, 2))) == ["keys", "history"]
    assert kinds(log.ask(AUDITOR, since=dt.date(2026, 3, 3), until=dt.date(2026, 3, 3))) == ["export", "evolution"]
    assert kinds(log.ask(AUDITOR, since=dt.date(2026, 3, 5))) == []


def test_parties_are_told_of_what_is_theirs(log: Log) -> None:
    """Of a goal: what was read of it, of its programme, its people or everything; reasons stay with who may know."""
    for party in (MENTEE, MENTOR):
        answer = log.ask(party, id=GOAL)
        assert kinds(answer) == ["export", "export", "evolution", "keys", "history"]
        assert [len(entry.scopes) for entry in answer.accesses] == [1, 0, 1, 1, 1]
        assert answer.accesses[3].scopes == [Scope(aggregate="goal", id=GOAL)]
        assert [(unread.at, unread.why) for unread in answer.unread] == [
            ("/accesses/1/reason", "not_entitled"),
            ("/accesses/4/reason", "not_entitled"),
        ]
    assert kinds(log.ask(MENTEE, aggregate="person", id=MENTEE.partition(":")[2])) == ["export", "export"]


def test_everybody_knows_what_they_read(log: Log) -> None:
    """One's own readings are told with one's own reasons, and asking for them is no reading."""
    log.read(MENTEE, "export", ("goal", GOAL), reason="For my application")
    answer, details = log.replay.answer(TENANT, Access(actor=MENTEE, reader=MENTEE))
    assert isinstance(answer, AccessAnswer)
    assert [entry.reason for entry in answer.accesses] == ["For my application"]
    assert details[READ] == ()


@pytest.mark.parametrize(
    ("actor", "members"),
    [
        (MENTEE, {}),
        (MENTEE, {"reader": AUDITOR}),
        (MENTEE, {"id": OTHER}),
        (user("stranger"), {"id": GOAL}),
        (MENTEE, {"aggregate": "person", "id": MENTOR.partition(":")[2]}),
        (MENTEE, {"aggregate": "tenant", "id": subjects.tenant_id(TENANT)}),
        (user("colleague"), {"aggregate": "programme", "id": FRAME}),
        (MENTEE, {"aggregate": "access", "id": subjects.access_id(TENANT, MENTEE, dt.date(2026, 3, 2))}),
    ],
)
def test_nobody_else_is_told(log: Log, actor: str, members: dict[str, Any]) -> None:
    """What others read of others is for auditors and admins, and the whole tenant's readings too."""
    assert log.refused(actor, **members) == ["access_unknown"]


def test_logs_are_aggregates_for_their_readers(log: Log) -> None:
    """An access log as it was is told to its reader and to auditors, and to nobody else."""
    own = subjects.access_id(TENANT, ADMIN, dt.date(2026, 3, 3))
    for actor, told in ((ADMIN, True), (AUDITOR, True), (MENTEE, False)):
        answer, _ = log.replay.answer(TENANT, AsOf(actor=actor, aggregate="access", id=own))
        assert isinstance(answer, Refused) is not told


def test_pages(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages together tell each reading once, however few events one of them looks through or has room for."""
    every = [entry.event for entry in log.ask(AUDITOR).accesses]

    def paged(limit: int) -> list[str]:
        found: list[str] = []
        page = log.ask(AUDITOR, limit=limit)
        while True:
            found += [entry.event for entry in page.accesses]
            if page.next is None:
                return found
            page = log.ask(AUDITOR, limit=limit, cursor=page.next)

    assert paged(1) == paged(4) == every
    monkeypatch.setattr(asking, "LOOKED_MAX", 2)
    assert paged(5) == every
    monkeypatch.setattr(asking, "ANSWER_BYTES_MAX", 1)
    assert paged(5) == every
    assert log.refused(AUDITOR, cursor="-1") == log.refused(AUDITOR, cursor="x") == ["invalid_cursor"]


def test_reasons_of_erased_readers(log: Log) -> None:
    """A reader who was erased takes the reasons along, and nothing else; that is told."""
    log.accept.close()
    url = f"sqlite:///{log.folder / 'keys.sqlite'}"
    run_sql(url, f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{AUDITOR}'")
    log.accept = Acceptance(log.folder, clock=lambda: log.now)
    assert isinstance(log.accept.keys, KeyStore)
    log.replay = log.service()
    answer = log.ask(SECOND)
    assert [entry.reason for entry in answer.accesses] == [None, None, "The yearly audit", None, None, None]
    assert [(unread.at, unread.why) for unread in answer.unread] == [("/accesses/5/reason", "erased")]
