"""What administrators do with plugins, on `goals.admin.v1.react.VERB`: who may is settled by the broker."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
from nats.errors import Error as NatsError

from milepost.database import DatabaseError
from milepost.ordered import NoStream, StreamState
from milepost.react.heard import Defect
from milepost.react.incoming import incoming
from milepost.react.installed import unknown
from milepost.react.process import Died
from milepost.react.rehearsal import shown
from milepost.react.reports import (
    ParkedEvent,
    Refusal,
    Report,
    Request,
    TimerEntry,
    Told,
)
from milepost.react.store import Position, Status, Store
from milepost.react.worker import READ_AGAIN
from milepost_contracts.letters import TIMER
from milepost_contracts.plugin import Mode, PluginError, Question

if TYPE_CHECKING:
    from milepost.react.service import ReactService
    from milepost.react.worker import Worker

LIMIT_MAX = 200  # rows of one answer; they stay far below the largest message
# Of one answer: the broker's largest message is 1 MiB by default, and arguments of effects may be long.
ANSWER_BYTES_MAX = 900_000
HEALTH_S = 5.0
HEAD_S = 1.0  # for the stream's state: whoever looks at plugins while the broker is away wants to see them anyway
DEAD = "milepost plugins dead"
_decoder = msgspec.json.Decoder(Request)


class Admin:
    """Answers verbs."""

    def __init__(self, service: ReactService) -> None:
        """Take whose plugins they are."""
        self._service = service

    async def answer(self, verb: str, body: bytes) -> bytes:
        """Return the answer to the request *body* for *verb*."""
        try:
            request = _decoder.decode(body)
            told = await getattr(self, f"_{_same(request, verb)}")(request)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return msgspec.json.encode(Refusal(code="invalid_request", message=str(error)))
        except (PluginError, DatabaseError, Died) as error:
            return msgspec.json.encode(Refusal(code=error.code, message=str(error)))
        except READ_AGAIN as error:
            why = f"the stream cannot be read now, ask again: {type(error).__name__} {error}"
            return msgspec.json.encode(Refusal(code="not_ready", message=why))
        answer = msgspec.json.encode(told)
        if len(answer) > ANSWER_BYTES_MAX:
            message = f"the answer has {len(answer)} bytes, the bus takes {ANSWER_BYTES_MAX}: ask for fewer at once"
            return msgspec.json.encode(Refusal(code="answer_too_large", message=message))
        return answer

    # Looking

    async def _list(self, _: Request) -> Told:
        names = [
            *self._service.allowed,
            *(name for name in self._service.installed if name not in self._service.allowed),
        ]
        head = await self._head()
        return Told(plugins=list(await asyncio.gather(*(self._report(name, head) for name in names))))

    async def _show(self, request: Request) -> Told:
        name = request.plugin
        if name not in self._service.installed and name not in self._service.allowed:
            raise unknown(name, self._service.installed)
        report = await self._report(name, await self._head())
        worker = self._service.workers.get(name)
        if worker is None or report.state not in ("running", "retrying"):
            return Told(plugins=[report])  # nothing of it runs, nor is started for this
        try:
            async with asyncio.timeout(HEALTH_S):
                health = await worker.health()
            healthy, message = health.ok, health.message
        except Defect as defect:
            healthy, message = False, f"it does not say: {defect.told}"
        except (PluginError, Died, TimeoutError) as error:
            healthy, message = False, f"it does not say: {error}"
        return Told(plugins=[msgspec.structs.replace(report, healthy=healthy, health=message)])

    async def _head(self) -> StreamState | None:
        """Return how far the stream is; None where it is not to be had."""
        try:
            async with asyncio.timeout(HEAD_S):
                return await self._service.stream()
        except (NatsError, NoStream, TimeoutError):
            return None

    async def _report(self, name: str, head: StreamState | None) -> Report:
        plugin, worker = self._service.installed.get(name), self._service.workers.get(name)
        if plugin is None:
            return Report(plugin=name, state="not_installed", why=str(unknown(name, self._service.installed)))
        base = Report(plugin=name, state="not_allowed", distribution=plugin.distribution, version=plugin.version)
        if worker is None:
            return msgspec.structs.replace(base, why=f"add {name} to MILEPOST_PLUGINS")
        report = msgspec.structs.replace(base, state=worker.state, why=worker.why, asked_in_vain=worker.asked_in_vain)
        if (manifest := worker.manifest) is not None:
            report = msgspec.structs.replace(
                report,
                version=manifest.version,
                summary=manifest.summary,
                subscriptions=list(manifest.subscriptions),
                permissions=msgspec.to_builtins(manifest.permissions),
                hooks=sorted(worker.hooks),
            )
        if not worker.holds:
            return report
        try:
            return await self._counted(report, worker, head)
        except DatabaseError as error:  # of this plugin; the others are told of all the same
            return msgspec.structs.replace(report, why=f"{report.why} {error}".strip())

    async def _counted(self, report: Report, worker: Worker, head: StreamState | None) -> Report:
        status, counts = await worker.shared.run(_status_and_counts)
        taken = status.handled or 0
        return msgspec.structs.replace(
            report,
            mode=status.mode,
            lag=_lag(status, head),
            attempts=dict(worker.attempts),
            handled=status.handled,
            failed=status.failed,
            ms_mean=round(status.ms_total / taken, 3) if taken else None,
            ms_max=round(status.ms_max, 3) if taken else None,
            parked=counts.parked,
            effects_waiting=counts.waiting,
            effects_sent=counts.sent,
            effects_suppressed=counts.suppressed,
            effects_dead=counts.dead,
            effects_changed=counts.changed,
            facts_published=counts.facts_published,
            facts_waiting=counts.facts_waiting,
            facts_suppressed=counts.facts_suppressed,
            timers=counts.timers,
            timers_listed=counts.timers_listed,
            state_keys=counts.keys,
            grants=counts.grants,
            replays=counts.replays,
        )

    async def _dead(self, request: Request) -> Told:
        worker = self._held(request.plugin)
        rows = await worker.shared.run(
            Store.parked, tenant=request.tenant or None, limit=_limit(request), after=request.after
        )
        parked = []
        for row in rows:
            type_ = TIMER if row.aggregate == TIMER else incoming(row.document).name
            parked.append(
                ParkedEvent(
                    number=row.number, event_id=row.event_id, tenant=row.tenant, sequence=row.sequence,
                    subject=f"{row.aggregate}/{row.aggregate_id}", type=type_, code=row.code, hook=row.hook,
                    error=row.error, place=row.place, attempts=row.attempts, since=row.since, tried=row.tried,
                )
            )  # fmt: skip
        dead = await worker.shared.run(Store.effects, "dead", limit=_limit(request), after=request.after)
        return Told(parked=parked, effects=[shown(entry) for entry in dead])

    async def _effects(self, request: Request) -> Told:
        worker = self._held(request.plugin)
        rows = await worker.shared.run(Store.effects, request.state or None, limit=_limit(request), after=request.after)
        return Told(effects=[shown(entry) for entry in rows])

    async def _timers(self, request: Request) -> Told:
        worker = self._held(request.plugin)
        tenant = request.tenant or None
        standing = await worker.shared.run(Store.list_timers, tenant=tenant, limit=_limit(request))
        listed = await worker.shared.run(Store.listed_timers, tenant=tenant, limit=_limit(request))
        return Told(
            timers=[TimerEntry(tenant=one.tenant, key=one.key, at=one.at, listed=False) for one in standing]
            + [TimerEntry(tenant=one.tenant, key=one.key, at=one.at, listed=True) for one in listed]
        )

    # Changing

    async def _enable(self, request: Request) -> Told:
        await self._held(request.plugin).changed(Store.set_disabled, False)  # noqa: FBT003  what is set
        return await self._show(request)

    async def _disable(self, request: Request) -> Told:
        await self._held(request.plugin).changed(Store.set_disabled, True)  # noqa: FBT003  as above
        return await self._show(request)

    async def _pause(self, request: Request) -> Told:
        await self._held(request.plugin).changed(Store.set_paused, "by_hand", "paused by an administrator")
        return await self._show(request)

    async def _resume(self, request: Request) -> Told:
        """Let a paused plugin run; one in dry run acts again from here on."""
        worker = self._held(request.plugin)
        await worker.changed(_resumed)
        return await self._show(request)

    async def _replay(self, request: Request) -> Told:
        worker = self._held(request.plugin)
        if request.dry_run:
            return Told(dry=await self._service.rehearse(worker))
        state = await self._service.stream()
        if state.refilling:
            raise PluginError("not_ready", "the stream is being filled again: ask again when it is whole")
        await self._service.seed(worker)
        mode: Mode = "replay" if state.last_sequence else "live"  # with no history there would be no end to it
        await worker.changed(Store.begin, Position(state.generation, 0), mode, state.last_sequence, anew=True)
        return await self._show(request)

    async def _retry(self, request: Request) -> Told:
        worker = self._held(request.plugin)
        events, effects = await worker.shared.run(_again, set(request.events), self._service.clock())
        if request.events and not events and not effects:
            raise PluginError("nothing_to_retry", f"none of these is parked or given up; see `{DEAD} {request.plugin}`")
        if events:
            worker.retrying = [*(worker.retrying or ()), *events]
        await worker.changed(Store.status)
        return Told(count=len(events) + effects)

    async def _act(self, request: Request) -> Told:
        """Have the plugin do something; who may send this verb is an administrator of the installation."""
        worker = self._held(request.plugin)
        question = Question(
            name=request.name, tenant=request.tenant, actor=request.actor, roles=("admin",),
            arguments=request.arguments, id=request.id,
        )  # fmt: skip
        return Told(result=await worker.act(question))

    def _held(self, name: str) -> Worker:
        worker = self._service.workers.get(name)
        if worker is None:
            if name not in self._service.installed:
                raise unknown(name, self._service.installed)
            raise PluginError("not_allowed", f"{name} is not on the allow-list: add it to MILEPOST_PLUGINS and restart")
        if not worker.holds:
            raise worker.not_running()
        return worker


def _same(request: Request, verb: str) -> str:
    if request.verb != verb:
        raise PluginError("invalid_request", f"the subject says {verb!r}, the body {request.verb!r}")
    return verb


def _limit(request: Request) -> int:
    return max(1, min(request.limit, LIMIT_MAX))


def _lag(status: Status, head: StreamState | None) -> int | None:
    if head is None or not status.started:
        return None
    position = status.position
    read = position.stream_sequence if position.generation == head.generation else 0
    return max(0, head.last_sequence - read)


def _status_and_counts(store: Store) -> Any:
    return store.status(), store.counts()


def _again(store: Store, wanted: set[str], now: dt.datetime) -> tuple[list[str], int]:
    """Have effects that were given up tried again; return the parked events that are meant, and how many effects.

    Nothing *wanted*: all there is, however much that is.
    """
    effects, after = 0, 0
    while dead := store.effects("dead", limit=LIMIT_MAX, after=after):
        after = dead[-1].number
        effects += sum(store.retry_effect(one.key, now) for one in dead if not wanted or one.key in wanted)
    events: list[str] = []
    after = 0
    while parked := store.parked(limit=LIMIT_MAX, after=after):
        after = parked[-1].number
        events += [one.event_id for one in parked if not wanted or one.event_id in wanted]
    return events, effects


def _resumed(store: Store) -> None:
    status = store.status()
    store.set_paused("")
    if status.mode == "dry_run" and not status.replay_until:
        store.set_mode("live")
