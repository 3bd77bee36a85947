"""A host in memory: it keeps what a plugin's turns come to as the real one does, and shows all of it to a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import msgspec

from milepost_contracts.context import Turn
from milepost_contracts.envelope import decode
from milepost_contracts.keeping import (
    Cause,
    Fact,
    Outgoing,
    keep,
    of_event,
    of_outcome,
    of_replay,
    of_request,
    of_timer,
)
from milepost_contracts.loading import Plugin, load
from milepost_contracts.permitted import opened, shown
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    Grant,
    Mode,
    Outcome,
    PluginError,
    Question,
    Refusal,
    Replay,
    Reviewed,
    is_of,
)
from milepost_contracts.running import Done, Runner
from milepost_contracts.testing.brought import Brought
from milepost_contracts.testing.story import NOW, Story
from milepost_contracts.turns import GoalThen

FIRED_MAX = 10_000  # timers in one `advance`: a year of twenty-seven a day; more is a loop
ATTEMPTS_MAX = 5  # of one effect that raises; the real host waits between them


class HookFailed(AssertionError):  # noqa: N818  what a test sees
    """A hook of the plugin failed; `failure` says how."""

    def __init__(self, done: Done) -> None:
        """Take what the runner gave; what was raised in the plugin is this one's cause."""
        failure = done.failure
        super().__init__(f"{failure.hook}: {failure.code}: {failure.error} at {failure.place}" if failure else "")
        self.failure = failure


class Stored:
    """What is stored of one plugin."""

    def __init__(self) -> None:
        """Begin empty."""
        self.state: dict[tuple[str, str], bytes] = {}
        self.timers: dict[tuple[str, str], dt.datetime] = {}
        self.grants: dict[str, tuple[str, Grant]] = {}
        self.outbox: dict[str, Outgoing] = {}
        self.sent: dict[str, int] = {}  # effect key -> how often it was tried and succeeded
        self.attempts: dict[str, int] = {}  # effect key -> how often it was tried
        self.dead: dict[str, str] = {}  # effect key -> why
        self.facts: dict[str, Fact] = {}
        self.position: dict[str, int] = {}  # tenant -> sequence
        self.journal: dict[tuple[str, int], bytes] = {}  # what came, for replays
        self.goals_asked = 0  # how often a goal was asked for as it was
        self.replays: dict[str, tuple[str, Replay, int]] = {}  # id -> tenant, what was asked for, the next sequence


class MemoryPort:
    """Reads what is stored; goals as they were come from what the test gives."""

    def __init__(
        self,
        stored: Stored,
        goals: Mapping[tuple[str, int | None], dict[str, Any]],
        opened: Callable[[dict[str, Any]], GoalThen] = GoalThen,
    ) -> None:
        """Take what is stored, the goals, and what opens the words in them that the plugin may read."""
        self._stored = stored
        self._goals = goals
        self._opened = opened

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        return self._stored.state.get((tenant, key))

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found = self._stored.state.items()
        return sorted((key, value) for (of, key), value in found if of == tenant and key.startswith(prefix))

    def grants(self, tenant: str, goal: str | None, person: str | None) -> list[Grant]:
        """See Port."""
        found = self._stored.grants.values()
        return [grant for of, grant in found if of == tenant and is_of(grant, goal, person)]

    def goal_at(self, tenant: str, id_: str, version: int | None) -> GoalThen:  # noqa: ARG002  one tenant's test
        """See Port."""
        self._stored.goals_asked += 1
        found = self._goals.get((id_, version)) or self._goals.get((id_, None))
        if found is None:
            raise PluginError("unknown_goal", f"the test gave no goal {id_}: set host.goals[id, version]")
        return self._opened(msgspec.json.decode(msgspec.json.encode(found)))


class Host:
    """Runs one plugin in the test's own process; a turn that fails raises HookFailed and keeps nothing."""

    def __init__(
        self,
        plugin: object,
        *,
        config: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        story: Story | None = None,
        mode: Mode = "live",
        now: dt.datetime = NOW,
    ) -> None:
        """Load *plugin* (a module, an object or a loaded Plugin) with its configuration; raises PluginError."""
        self.plugin = plugin if isinstance(plugin, Plugin) else load(plugin)
        self.manifest = self.plugin.manifest
        self.story = story or Story()
        self.mode = mode
        self.now = now
        # Goals as they were, by id and version (None: any). Words that stand there as an event has them, sealed, are
        # opened as that event's are.
        self.goals: dict[tuple[str, int | None], dict[str, Any]] = {}
        self.stored = Stored()
        self.log: list[Any] = []
        self._config = self.plugin.configured("config_schema", config, source="config")
        self._secrets = self.plugin.configured("secrets_schema", secrets, source="secrets")
        self.fired: list[tuple[str, str, dt.datetime]] = []  # timers (tenant, key, at) that were called
        self.listed: list[tuple[str, str, dt.datetime]] = []  # and those that were due and were not
        self.conflicts: list[str] = []  # keys of effects that were asked for with two contents
        self.took: list[tuple[str, float]] = []  # (event, ms) of each that was handled
        self._delivered: list[bytes] = []
        self._brought = Brought(self.manifest.permissions, self.story)
        self._ids: dict[tuple[str, int], str] = {}
        self.runner = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the plugin end, and free what it took."""
        self._raise(self.runner.stop())
        self.runner.close()

    def _started(self) -> Runner:
        runner = Runner(
            self.plugin,
            MemoryPort(self.stored, self.goals, self._brought.opened),
            config=self._config,
            secrets=self._secrets,
            clock=lambda: self.now,
        )
        self.runner = runner
        done = runner.start()
        self._raise(done)
        self.log += done.turn.log
        return runner

    # What a test does

    def deliver(self, *events: Delivered | bytes, mode: Mode | None = None) -> None:
        """Hand over events in order; each is kept before the next. Those that were kept before change nothing.

        Some may be left out. Raises AssertionError for one that comes too late, as it does nowhere else.
        """
        for one in events:
            event = one if isinstance(one, Delivered) else Delivered(one)
            document = event.document
            self._in_order(event)
            self._delivered.append(document)
            self._brought.by(document)
            if event.sequence and event.sequence <= self.stored.position.get(event.tenant, 0):
                continue
            done = self.run(document, mode=mode)
            self._keep(done, of_event(event), mode or self.mode)
            self.took.append((event.name, done.ms))
            self.stored.position[event.tenant] = max(event.sequence, self.stored.position.get(event.tenant, 0))
            self.stored.journal[event.tenant, event.sequence] = document

    def run(self, document: bytes, *, mode: Mode | None = None) -> Done:
        """Hand over one event without keeping anything; return what it came to."""
        data = opened(self.manifest.permissions, decode(document), self.story.keys)
        return self.runner.deliver(document, data, mode=mode or self.mode)

    def redeliver(self, *, forgotten: bool = False) -> None:
        """Deliver again everything that was delivered: nothing may change.

        *forgotten*: as if no position had been kept, so that the plugin sees it all again.
        """
        if forgotten:
            self.stored.position.clear()
        again, self._delivered = self._delivered, []
        self.deliver(*again)

    def crash_after_commit(self) -> None:
        """Let the process die now: what is kept stays, what was not done yet is done by the next one, tried again."""
        self.runner.close()
        self.runner = self._started()

    def advance(self, to: dt.datetime) -> None:
        """Let time pass until *to*: timers that are due are called in order, each kept before the next.

        In replay and dry run they are not called but listed, in `listed`.
        """
        called = 0
        while due := [(at, tenant, key) for (tenant, key), at in self.stored.timers.items() if at <= to]:
            at, tenant, key = min(due)
            self.now = max(self.now, at)
            if self.mode == "live":
                done = self.runner.fire(tenant, key, at, mode=self.mode)
                self._raise(done)
                del self.stored.timers[tenant, key]
                self._keep(done, of_timer(self.manifest, tenant, key, at), self.mode)
                self.fired.append((tenant, key, at))
            else:
                del self.stored.timers[tenant, key]
                self.listed.append((tenant, key, at))
            called += 1
            assert called < FIRED_MAX, f"timers set each other without end; the last is {key!r}"  # noqa: S101  a test
        self.now = max(self.now, to)

    def perform(self, *, again: bool = False) -> None:
        """Do the effects that are due and not done; *again*: also those that are, as after a crash.

        One that raises is tried at once again, one that says `Later` when that time has come (see `advance`).
        """
        for key, one in list(self.stored.outbox.items()):
            if one.suppressed or one.kind != "effect" or key in self.stored.dead or one.due > self.now:
                continue
            if key in self.stored.sent:
                if again:
                    self._raise(self.runner.perform(self._effect(one, self.stored.attempts[key])))
                    self.stored.sent[key] += 1
                continue
            while self._tried(key, one):
                pass

    def act(self, name: str, *, by: str = "service:tests", id_: str = "1", **arguments: Any) -> Any:
        """Ask the plugin, as an administrator, to do something; the answer as JSON. *id_* tells requests apart."""
        question = Question(
            name=name, tenant=self.story.tenant, actor=by, roles=("admin",), arguments=arguments, id=id_
        )
        done = self.runner.act(question, mode=self.mode)
        self._keep(done, of_request(self.manifest, question), self.mode)
        return done.result

    def replay(self, *, at_most: int | None = None) -> None:
        """Deliver again what `act` asked for, each kept before the next; *at_most* so many, as before a crash."""
        left = at_most
        for id_, (tenant, replay, first) in list(self.stored.replays.items()):
            for number in range(first, replay.last + 1):
                if left == 0:
                    return
                if (document := self.stored.journal.get((tenant, number))) is not None:
                    data = opened(self.manifest.permissions, decode(document), self.story.keys)
                    done = self.runner.replayed(document, data, replay, mode=self.mode)
                    self._keep(done, of_replay(self.manifest, replay, Delivered(document)), self.mode)
                self.stored.replays[id_] = (tenant, replay, number + 1)
                left = None if left is None else left - 1

    def review(self, name: str, *, by: str, id_: str = "", version: int = 0, **fields: Any) -> list[Refusal]:
        """Ask about the command called *name* (`goal.close_goal`) with *fields*; the refusals."""
        aggregate, _, command_name = name.partition(".")
        seen = shown(self.manifest.permissions, aggregate, command_name, fields)
        command = Reviewed(name=name, tenant=self.story.tenant, id=id_, version=version, actor=by, fields=seen)
        done = self.runner.review(command)
        self._raise(done)
        found: list[Refusal] = done.result
        return found

    def ask(self, name: str, *, by: str, roles: Iterable[str] = (), **arguments: Any) -> Any:
        """Ask the plugin a question; the answer as JSON."""
        question = Question(name=name, tenant=self.story.tenant, actor=by, roles=tuple(roles), arguments=arguments)
        done = self.runner.answer(question)
        self._raise(done)
        return done.result

    # What a test looks at

    @property
    def state(self) -> dict[str, Any]:
        """What the plugin keeps, of all tenants, without the runner's own notes; where they differ see `state_of`."""
        return {key: value for tenant in self._tenants() for key, value in self.state_of(tenant).items()}

    def state_of(self, tenant: str) -> dict[str, Any]:
        """Return what the plugin keeps of *tenant*, without the runner's own notes."""
        found = self.stored.state.items()
        return {
            key: msgspec.json.decode(value) for (of, key), value in found if of == tenant and not key.startswith("~")
        }

    def _tenants(self) -> list[str]:
        return sorted({tenant for tenant, _ in self.stored.state})

    @property
    def effects(self) -> list[Outgoing]:
        """Effects asked for and not suppressed, done or not, in order."""
        return [one for one in self.stored.outbox.values() if not one.suppressed and one.kind == "effect"]

    @property
    def commands(self) -> list[Outgoing]:
        """Commands asked for and not suppressed, in order."""
        return [one for one in self.stored.outbox.values() if not one.suppressed and one.kind == "command"]

    @property
    def suppressed(self) -> list[Outgoing]:
        """Effects and commands that were only listed."""
        return [one for one in self.stored.outbox.values() if one.suppressed]

    @property
    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """Facts told and not suppressed: (name, data), in order."""
        kept = [decode(one.document) for one in self.stored.facts.values() if not one.suppressed]
        return [(one.name, msgspec.json.decode(one.data)) for one in kept]

    @property
    def grants(self) -> list[Grant]:
        """Rewards that were granted and stand."""
        return [grant for _, grant in self.stored.grants.values() if grant.stands]

    # How

    def _in_order(self, event: Delivered) -> None:
        number = (event.tenant, event.sequence)
        known = self._ids.setdefault(number, event.id)
        behind = event.sequence <= self.stored.position.get(event.tenant, 0)
        if known != event.id or (behind and number not in self.stored.journal):
            message = f"{event!r} comes after later ones: deliver in order, and give each Story a tenant of its own"
            raise AssertionError(message)

    def _keep(self, done: Done, cause: Cause, mode: Mode) -> None:
        self._raise(done)
        turn: Turn = done.turn
        self.log += turn.log
        position = self.stored.position.get(cause.tenant, 0)
        kept = keep(self.manifest, cause, turn, mode=mode, now=self.now, position=position)
        for key, value in kept.writes.items():
            if value is None:
                self.stored.state.pop((kept.tenant, key), None)
            else:
                self.stored.state[kept.tenant, key] = value
        for key, at in kept.timers.items():
            if at is None:
                self.stored.timers.pop((kept.tenant, key), None)
            else:
                self.stored.timers[kept.tenant, key] = at
        for grant in kept.grants:
            self.stored.grants[grant.id] = (kept.tenant, grant)
        for one in kept.outgoing:
            known = self.stored.outbox.setdefault(one.key, one)
            if (known.name, known.arguments) != (one.name, one.arguments):
                self.conflicts.append(one.key)
        for fact in kept.facts:
            self.stored.facts.setdefault(fact.id, fact)
        for replay in kept.replays:
            self.stored.replays.setdefault(replay.id, (kept.tenant, replay, replay.first))

    def _tried(self, key: str, one: Outgoing) -> bool:
        """Try an effect, keep what came of it; whether it is to be tried again at once."""
        attempt = self.stored.attempts.get(key, 0) + 1
        effect = self._effect(one, attempt)
        done = self.runner.perform(effect)
        failure = done.failure
        self.log += done.turn.log
        if failure is not None and failure.retry_s is not None:
            due = self.now + dt.timedelta(seconds=failure.retry_s)
            self.stored.outbox[key] = msgspec.structs.replace(one, due=due)
            if not failure.tried:
                return False
        final = failure is None or failure.final or (failure.retry_s is None and attempt >= ATTEMPTS_MAX)
        self.stored.attempts[key] = attempt
        if failure is None:
            self.stored.sent[key] = 1
        elif final:
            self.stored.dead[key] = failure.code
        outcome = Outcome(ok=True, final=True)
        if failure is not None:
            outcome = Outcome(ok=False, final=final, code=failure.code, retry_s=failure.retry_s)
        self._keep(self.runner.performed(effect, outcome), of_outcome(self.manifest, effect), "live")
        return not final and failure is not None and failure.retry_s is None

    def _effect(self, one: Outgoing, attempt: int) -> Effect:
        event = None
        if one.document is not None:
            data = opened(self.manifest.permissions, decode(one.document), self.story.keys)
            event = Delivered(one.document, data)
        return Effect(
            key=one.key, name=one.name, tenant=one.tenant, attempt=attempt, event=event,
            arguments=msgspec.json.decode(msgspec.json.encode(one.arguments)),
        )  # fmt: skip

    def _raise(self, done: Done) -> None:
        if done.failure is not None:
            raise HookFailed(done) from self.runner.raised
