"""Nothing that has to be recorded leaves replay unrecorded: real accept, real replay, a real broker."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost import logs
from milepost.accept import AcceptService
from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost.journal.opening import opened_event
from milepost.replay import ReplayService
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.histories import Histories
from milepost.replay.recording import UNRECORDED, Recorder, _named
from milepost.wiring import subscribing
from milepost_contracts import subjects, types
from milepost_contracts.answers import Answer, Failed, Refused
from milepost_contracts.commands import Command, goal, programme, tenant
from milepost_contracts.envelope import decode
from milepost_contracts.events.access import Recorded
from milepost_contracts.proofs.bundle import Scope as BundleScope
from milepost_contracts.queries import (
    JOURNAL_QUERIES,
    AsOf,
    AsOfAnswer,
    EventsAfter,
    Evolution,
    Explain,
    Export,
    Keys,
    KeysAnswer,
    Query,
)
from milepost_contracts.sealing import kids
from milepost_contracts.types import Party, Scope
from tests.journal.wishes import run_sql
from tests.support.accepting import SERVICE, TENANT, Acceptance, create, ident, reviewing, user
from tests.support.nats import Connect

AUDITOR, MENTEE, MENTOR, ADMIN = user("auditor"), user("mentee"), user("mentor"), user("admin")
GOAL = ("goal", ident("a"))


class House:
    """Accept and replay on a broker, with a goal of a mentee in a programme, and whoever asks."""

    def __init__(self, broker: EmbeddedBroker, connect: Connect, folder: Path, **options: Any) -> None:
        """Open the databases; `options` are replay's."""
        self.broker = broker
        self.connect = connect
        self.folder = folder
        self.log = io.StringIO()
        logs.configure(self.log, json=True)
        self.accept = Acceptance(folder, started=False)
        self.options = options
        self.bus = AcceptService(
            subscribing(broker.options("accept")), self.accept.committer, self.accept.decoder,
            log=logs.logger("accept"), reviews=reviewing(),
        )  # fmt: skip
        self.replay = self.service()

    def service(self) -> ReplayService:
        """Return replay, not started."""
        return ReplayService(
            subscribing(self.broker.options("replay")), self.accept.journal, self.accept.keys,
            gateways=frozenset({"cli", "web"}), log=logs.logger("replay"), **self.options,
        )  # fmt: skip

    def fill(self, *goals: str) -> None:
        """Let there be a tenant with an auditor, a programme, and *goals* of the mentee's in it."""
        accept = self.accept
        accept.open_tenant()
        about: dict[str, Any] = {"id": subjects.tenant_id(TENANT), "actor": SERVICE}
        accept.accepted(tenant.GrantRole(command_id=ident("role"), ref=AUDITOR, role="auditor", **about))
        frame = ident("programme")
        made = programme.Create(command_id=ident("p"), id=frame, actor=SERVICE, title="Growing", admins=[ADMIN])
        accept.accepted(made)
        for name in goals:
            accept.accepted(create(name))
            parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
            who: dict[str, Any] = {"id": ident(name), "actor": MENTEE, "programme": frame, "parties": parties}
            placed = goal.PlaceGoal(command_id=ident(f"place {name}"), **who)
            accept.accepted(placed)

    def recorded(self) -> list[Recorded]:
        """Return what the access logs tell, in order, reasons opened."""
        found = self.accept.journal.of_kind(TENANT, "access", 10**15, 10_000)
        events = [opened_event(self.accept.keys, TENANT, one.ref, one.envelope) for one in reversed(found)]
        return [event for event in events if isinstance(event, Recorded)]

    def kids(self, *goals: str) -> list[str]:
        """Return the key ids of what was said in *goals*."""
        stored = [one for name in goals for one in self.accept.journal.load(TENANT, ("goal", ident(name)))]
        return sorted({kid for one in stored for kid in kids(decode(one.document).data)})

    async def ask(self, query: Query, caller: str = "cli") -> Any:
        """Return what *query* is answered, asked once through *caller*."""
        client = await self.connect(caller)
        asker = Asker(client, caller, patience_s=0)
        try:
            return await asker.query(TENANT, query)
        finally:
            await client.close()


@asynccontextmanager
async def opened(
    broker: EmbeddedBroker, connect: Connect, folder: Path, *goals: str, **options: Any
) -> AsyncIterator[House]:
    """Give a house in which everything runs."""
    house = House(broker, connect, folder, **options)
    await house.bus.start()
    await asyncio.to_thread(house.fill, *(goals or ("a",)))
    await house.replay.start()
    try:
        yield house
    finally:
        await house.replay.stop()
        await house.bus.stop()
        house.accept.close()


@pytest.fixture
async def house(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> AsyncIterator[House]:
    """Give a house with one goal."""
    async with opened(broker, connect, tmp_path) as running:
        yield running


def look(actor: str, **more: Any) -> AsOf:
    """Return the question how the goal was."""
    return AsOf(actor=actor, id=ident("a"), **more)


async def test_an_auditors_look_is_recorded_before_it_is_answered(house: House) -> None:
    """When the answer is there, so is the event: who, through whom, what, as of when, and why, in sealed words."""
    before = house.replay._desk.newest(TENANT)
    answer = await house.ask(look(AUDITOR, version=1, reason="A claim about the deadline"))
    assert isinstance(answer, AsOfAnswer)
    today = dt.datetime.now(dt.UTC).date()
    assert house.recorded() == [
        Recorded(
            reader=AUDITOR, day=today, kind="as_of", via="service:cli", scopes=[Scope(aggregate="goal", id=GOAL[1])],
            moments=["v1"], reason="A claim about the deadline",
        )
    ]  # fmt: skip
    (stored,) = house.accept.journal.events_after(TENANT, before, 10)
    envelope = stored.envelope
    assert stored.ref == ("access", subjects.access_id(TENANT, AUDITOR, today))
    assert (envelope.actor, envelope.onbehalfof) == ("service:replay", AUDITOR)
    assert b"claim" not in stored.document
    assert "claim" not in house.log.getvalue()


async def test_reading_ones_own_is_nobodys_business(house: House) -> None:
    """Parties read their goals unrecorded, and everybody the tenant's own aggregate; events stay sealed."""
    assert isinstance(await house.ask(look(MENTEE)), AsOfAnswer)
    whole = AsOf(actor=user("stranger"), aggregate="tenant", id=subjects.tenant_id(TENANT))
    assert isinstance(await house.ask(whole), AsOfAnswer)
    await house.ask(EventsAfter(actor=AUDITOR))
    assert house.recorded() == []


async def test_what_is_refused_was_not_read(house: House) -> None:
    """Whoever may not read gets nothing, and nothing is recorded."""
    assert isinstance(await house.ask(look(user("stranger"))), Refused)
    answer = await house.ask(Keys(actor=user("stranger"), kids=house.kids("a")))
    assert isinstance(answer, KeysAnswer)
    assert answer.keys == []
    assert house.recorded() == []


async def test_roles_are_recorded_for_what_they_are(house: House) -> None:
    """The programme's admin, and whoever sees a goal because it is visible to all, are no parties."""
    shown = goal.ChangeVisibility(
        command_id=ident("v"), id=ident("a"), actor=MENTEE, visibility="tenant", reason="Look here"
    )
    await asyncio.to_thread(house.accept.accepted, shown)
    for reader in (ADMIN, user("colleague"), AUDITOR):
        assert isinstance(await house.ask(look(reader)), AsOfAnswer)
    assert [event.reader for event in house.recorded()] == [ADMIN, user("colleague"), AUDITOR]


async def test_the_same_on_the_same_day_is_recorded_once(house: House) -> None:
    """Again, through others, and after replay lost its memory: one event; for another reason: another one."""
    for _ in range(3):
        await house.ask(look(AUDITOR))
    await house.ask(look(AUDITOR), "web")
    await house.replay.stop()
    house.replay = house.service()
    await house.replay.start()
    await house.ask(look(AUDITOR))
    assert len(house.recorded()) == 1
    for reason in ("A claim", "Another claim", "A claim"):
        await house.ask(look(AUDITOR, reason=reason))
    assert [event.reason for event in house.recorded()] == [None, "A claim", "Another claim"]


async def test_whom_a_stage_asks_for(house: House) -> None:
    """The view asks for a person: the person reads, through the view. The plugin host reads for itself."""
    asked = Keys(actor="service:view", on_behalf_of=MENTEE, kids=house.kids("a"))
    assert isinstance(await house.ask(asked, "view"), KeysAnswer)
    assert isinstance(await house.ask(look("service:react", words=["goal.created/title"]), "react"), AsOfAnswer)
    assert isinstance(await house.ask(Keys(actor="service:react", kids=house.kids("a")), "react"), KeysAnswer)
    told = [(event.reader, event.via, event.kind) for event in house.recorded()]
    assert told == [
        (MENTEE, "service:view", "keys"),
        ("service:react", None, "as_of"),
        ("service:react", None, "keys"),
    ]


async def test_a_thousand_questions_for_keys_make_few_events(
    broker: EmbeddedBroker, connect: Connect, tmp_path: Path
) -> None:
    """Keys are recorded once a day per reader and aggregate, and those of one question together."""
    names = [f"g{number}" for number in range(20)]
    async with opened(broker, connect, tmp_path, *names) as house:
        every = house.kids(*names)
        asker = Asker(await connect("cli"), "cli")

        async def ask(some: Iterable[str]) -> None:
            answer = await asker.query(TENANT, Keys(actor=MENTEE, kids=list(some)))
            assert isinstance(answer, KeysAnswer)
            assert answer.keys

        await ask(every[:10])
        await asyncio.gather(*(ask(every) for _ in range(50)))
        for number in range(950):
            await ask(every[number % 20 :][:3])
        told = house.recorded()
        scopes = [(scope.aggregate, scope.id) for event in told for scope in event.scopes]
        assert len(told) <= 3
        assert sorted(scopes) == sorted(("goal", ident(name)) for name in names)


async def test_without_accept_nothing_leaves(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> None:
    """As long as a reading cannot be recorded it is answered `failed, retry`; afterwards it is answered."""
    async with opened(broker, connect, tmp_path) as house:
        assert isinstance(await house.ask(Keys(actor=MENTOR, kids=house.kids("a"))), KeysAnswer)
        await house.bus.stop()
        for query in (look(AUDITOR), Keys(actor=AUDITOR, kids=house.kids("a"))):
            answer = await house.ask(query)
            assert isinstance(answer, Failed)
            assert ([problem.code for problem in answer.errors], answer.retry) == (["not_recorded"], True)
        assert isinstance(await house.ask(look(MENTEE)), AsOfAnswer)  # one's own needs nobody
        patient = Asker(await connect("cli"), "cli", patience_s=30)
        waiting = asyncio.create_task(patient.query(TENANT, look(AUDITOR)))
        house.accept.close()
        house.accept = Acceptance(tmp_path, started=False)
        house.bus = AcceptService(
            subscribing(broker.options("accept")), house.accept.committer, house.accept.decoder,
            log=logs.logger("accept"), reviews=reviewing(),
        )  # fmt: skip
        await house.replay.stop()
        house.replay = house.service()
        await house.replay.start()  # before accept: it answers, and says that it cannot
        await house.bus.start()
        assert isinstance(await waiting, AsOfAnswer)
        assert [(event.reader, event.kind) for event in house.recorded()] == [(MENTOR, "keys"), (AUDITOR, "as_of")]


@pytest.mark.parametrize("seed", range(3))
async def test_every_reading_has_its_record(
    broker: EmbeddedBroker, connect: Connect, tmp_path: Path, seed: int
) -> None:
    """Whoever reads what, whenever: at each answer to somebody who is no party the log names reader and goal."""
    names = ("a", "b", "c")
    async with opened(broker, connect, tmp_path, *names) as house:
        pick = random.Random(seed)  # noqa: S311  no secret
        asker = Asker(await connect("cli"), "cli", patience_s=0)
        for _ in range(60):
            name, reader = pick.choice(names), pick.choice([AUDITOR, ADMIN, MENTEE, MENTOR, user("stranger")])
            reason = pick.choice([None, "One", "Two"])
            query: Query = AsOf(actor=reader, id=ident(name), reason=reason)
            if pick.random() < 0.5:
                query = Keys(actor=reader, kids=house.kids(name), reason=reason)
            answer = await asker.query(TENANT, query)
            seen = [
                event
                for event in house.recorded()
                if (event.reader, event.kind, event.reason) == (reader, query.NAME, reason)
                and Scope(aggregate="goal", id=ident(name)) in event.scopes
            ]
            given = isinstance(answer, AsOfAnswer) or bool(getattr(answer, "keys", ()))
            assert len(seen) == (given and (reader not in (MENTEE, MENTOR) or query.NAME == "keys"))


async def test_reasons_where_they_are_required(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> None:
    """Reading by a role needs a reason then, blanks are none; what is one's own, and the plugin host, need none."""
    async with opened(broker, connect, tmp_path, reasons_required=True) as house:
        for query in (look(AUDITOR), look(ADMIN, reason=" "), Keys(actor=AUDITOR, kids=house.kids("a"))):
            answer = await house.ask(query)
            assert isinstance(answer, Refused)
            assert [(problem.code, problem.field) for problem in answer.errors] == [("reason_missing", "reason")]
        assert house.recorded() == []
        assert isinstance(await house.ask(look(AUDITOR, reason="A claim")), AsOfAnswer)
        assert isinstance(await house.ask(look(MENTEE)), AsOfAnswer)
        assert isinstance(await house.ask(Keys(actor=MENTEE, kids=house.kids("a"))), KeysAnswer)
        assert isinstance(await house.ask(look("service:react"), "react"), AsOfAnswer)
        answer = await house.ask(Keys(actor="service:view", on_behalf_of=AUDITOR, kids=house.kids("a")), "view")
        assert isinstance(answer, Refused)


async def test_closed_tenants_are_read_and_that_is_recorded(house: House) -> None:
    """What happened in a tenant that is closed is read for years, and so is who does."""
    closed = tenant.Close(command_id=ident("close"), id=subjects.tenant_id(TENANT), actor=SERVICE)
    await asyncio.to_thread(house.accept.accepted, closed)
    assert isinstance(await house.ask(look(AUDITOR)), AsOfAnswer)
    assert len(house.recorded()) == 1


async def test_who_was_erased_reads_nothing_of_others(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> None:
    """Of somebody whose keys are gone nothing can be recorded under them, so nothing is given."""
    async with opened(broker, connect, tmp_path) as house:
        await house.ask(look(AUDITOR, reason="A claim"))
        await house.bus.stop()
        await house.replay.stop()
        house.accept.close()
        url = f"sqlite:///{tmp_path / 'keys.sqlite'}"
        run_sql(url, f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{AUDITOR}'")
        house.accept = Acceptance(tmp_path, started=False)
        house.bus = AcceptService(
            subscribing(broker.options("accept")), house.accept.committer, house.accept.decoder,
            log=logs.logger("accept"), reviews=reviewing(),
        )  # fmt: skip
        house.replay = house.service()
        await house.bus.start()
        await house.replay.start()
        answer = await house.ask(look(AUDITOR, reason="Another claim"))
        assert isinstance(answer, Refused)
        assert [problem.code for problem in answer.errors] == ["person_erased"]
        (told,) = house.recorded()
        assert (told.reader, (told.reason or "")[:7]) == (AUDITOR, "enc:v1:")


def test_every_question_has_its_kind() -> None:
    """What can be asked of the journal can be recorded by its name, but for what gives nothing away."""
    known = set(msgspec.inspect.type_info(types.AccessKind).extra_json_schema["x-known"])  # type: ignore[attr-defined]  # Metadata has it
    assert set(JOURNAL_QUERIES) - UNRECORDED <= known


class Recording:
    """A recorder without a bus, whose clock stands where it is put."""

    def __init__(self, folder: Path, **options: Any) -> None:
        """Begin in the middle of a day."""
        self.now = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
        self.accept = Acceptance(folder, clock=lambda: self.now)
        self.accept.open_tenant()
        histories = Histories(self.accept.journal, self.accept.keys)
        self.desk = Desk(self.accept.journal, self.accept.keys, histories, Entitlement(histories.newest))
        self.asked: list[Command] = []
        self.recorder = Recorder(
            self.desk, self.ask, reasons_required=False, log=logs.logger("replay"), clock=lambda: self.now, **options
        )

    async def ask(self, name: str, command: Command) -> Answer:
        """Send *command* to accept, and remember it."""
        self.asked.append(command)
        return await self.accept.asked(name, command)

    async def keys(self, *goals: str) -> None:
        """Let the auditor be given the keys of *goals*."""
        answer = KeysAnswer()
        read = [("goal", ident(name)) for name in goals]
        assert await self.recorder.answered(TENANT, "cli", Keys(actor=AUDITOR, kids=[]), answer, read) is answer


@pytest.fixture
def recording(tmp_path: Path) -> Iterable[Recording]:
    """Give a recorder that remembers four readings."""
    made = Recording(tmp_path, known_max=4)
    yield made
    made.accept.close()


async def test_a_new_day_begins_a_new_log(recording: Recording) -> None:
    """After midnight the same reading is recorded anew, under the new day."""
    await recording.keys("a")
    await recording.keys("a")
    recording.now += dt.timedelta(days=1)
    await recording.keys("a")
    found = recording.accept.journal.of_kind(TENANT, "access", 10**15, 10)
    assert [event.day for one in found if isinstance(event := one.event(), Recorded)] == [
        dt.date(2026, 3, 3),
        dt.date(2026, 3, 2),
    ]
    assert len(recording.asked) == 2


async def test_what_is_remembered_is_bounded(recording: Recording) -> None:
    """Beyond its bound everything is forgotten and asked again, which makes no event."""
    for _ in range(2):
        for name in ("a", "b", "c", "d", "e", "f"):
            await recording.keys(name)
    assert sum(len(known) for known in recording.recorder._known.values()) <= 4
    assert len(recording.asked) > 6
    assert len(recording.accept.journal.of_kind(TENANT, "access", 10**15, 100)) == 6


async def test_more_than_one_command_can_say(recording: Recording) -> None:
    """What one question touches beyond a command's limit goes into a second one, and is then known."""
    names = [f"g{number}" for number in range(1_001)]
    recording.recorder._known_max = 2_000
    await recording.keys(*names)
    await recording.keys(*names)
    assert [len(command.scopes) for command in recording.asked] == [1_000, 1]  # type: ignore[attr-defined]  # Record


async def test_a_question_nobody_knows_is_about_everything(recording: Recording) -> None:
    """A query that names nothing is recorded as one about the whole tenant, once."""

    class Unheard(Query, frozen=True, kw_only=True):
        """Ask what nobody asked yet."""

    Unheard.NAME = "export"
    for _ in range(2):
        answer = KeysAnswer()
        assert await recording.recorder.answered(TENANT, "cli", Unheard(actor=AUDITOR), answer, None) is answer
    (stored,) = recording.accept.journal.of_kind(TENANT, "access", 10**15, 10)
    event = stored.event()
    assert isinstance(event, Recorded)
    assert (event.everything, event.scopes, len(recording.asked)) == (True, [], 1)


async def test_person_and_accept_disagree(recording: Recording) -> None:
    """Where accept refuses for good, its reasons are the answer, and nothing is given."""
    told = await recording.recorder.answered("globex", "cli", Keys(actor=AUDITOR, kids=[]), KeysAnswer(), [GOAL])
    assert isinstance(told, Refused)
    assert [problem.code for problem in told.errors] == ["tenant_unknown"]


@pytest.mark.parametrize(
    ("query", "answer", "refs"),
    [
        (look(AUDITOR), KeysAnswer(), (GOAL,)),
        (Export(actor=AUDITOR, reason="A", scope=BundleScope(kind="goal", id=GOAL[1])), KeysAnswer(), (GOAL,)),
        (Export(actor=AUDITOR, reason="A", scope=BundleScope(kind="goal", id=GOAL[1]), scan=True), KeysAnswer(), ()),
        (Export(actor=AUDITOR, reason="A", scope=BundleScope(kind="everything")), KeysAnswer(), ()),
        (Evolution(actor=ADMIN, id=GOAL[1]), KeysAnswer(), (("programme", GOAL[1]),)),
        (Evolution(actor=ADMIN, aggregate="tenant", id=GOAL[1]), KeysAnswer(), ()),
        (Evolution(actor=ADMIN), KeysAnswer(), ()),
        (Explain(actor=AUDITOR, sequence=7), AsOfAnswer(aggregate="goal", id=GOAL[1], version=1), (GOAL,)),
        (EventsAfter(actor=AUDITOR), KeysAnswer(), ()),
    ],
)
def test_what_a_question_is_about(query: Query, answer: Any, refs: tuple[Any, ...]) -> None:
    """The aggregate is the one that the question names, or its answer; without any it is about everything."""
    assert _named(query, answer) == refs
