"""Events go to a plugin in order; what they come to is kept with the position; what fails is retried, then parked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from milepost.ordered import Arrived, Broken, NoStream, Ordered, stream_document, stream_state
from milepost.react.incoming import Concerns, Incoming, Words, dense
from milepost.react.permitting import forbidden
from milepost.react.process import Died, Process
from milepost.react.retrying import TIMER, Retrying
from milepost.react.store import Position, Status, Store, ToPark
from milepost.react.telling import tell
from milepost.tasks import end
from milepost_contracts.child import Acting, Batch, Firing, Performing, Taken
from milepost_contracts.context import Line
from milepost_contracts.envelope import decode
from milepost_contracts.keeping import Cause, Kept, keep, of_event, of_outcome, of_request, of_timer
from milepost_contracts.plugin import ERASED, Delivered, Manifest, Mode, PluginError, Question
from milepost_contracts.running import Done, Failure

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # of an event's `time`
TIMERS_MAX = 100  # fired before events are looked at again
FRAME_BYTES = 8 * 1024 * 1024  # of documents in one frame, about; opened words come on top
LATER_S_MAX = 60.0  # a handler that wants to be called again later is asked at least so often, and is seen to wait
# Timers wait for the events that were there when they came due: a nudge must know of the check-in that was held. Where
# nothing comes for so long, what the stream said of itself is not to be had, and they wait no longer.
TIMERS_LATE_S = 30.0
T = TypeVar("T")
P = ParamSpec("P")


class Halted(Exception):  # noqa: N818  the plugin is paused with it
    """The plugin keeps failing."""


class Delivering:
    """Hands events and timers to one process of a plugin, until something breaks."""

    def __init__(self, worker: Worker, around: Around, process: Process, words: Words) -> None:
        """Take the plugin's worker and process; `wakes` are set when something may go out."""
        assert process.manifest is not None  # noqa: S101  it has started
        self.manifest: Manifest = process.manifest
        self.attempts = worker.attempts
        self._worker = worker
        self._around = around
        self._policy = around.policy
        self._process = process
        self._words = words
        self.wakes: tuple[asyncio.Event, ...] = ()
        # A turn is made and kept before the next is made, or that would not see what it wrote.
        self._turning = asyncio.Lock()
        self._concerns = Concerns(process.manifest, process.hooks)
        self._log = around.log.bind(plugin=worker.name)
        self._numbers: dict[str, int] = {}
        self._position = Position(0, 0)
        self._mode: Mode = "live"
        self._replay_until = 0
        self._since = ""
        self._blocked: set[tuple[str, str, str]] = set()
        self._singly = 0  # so many events one at a time: the one that ended the process is to be found
        self._failures = 0  # not counted in the store yet
        self._in_a_row = 0  # parked without one in between that went well
        # Timers that have come due: when that was seen, and the stream's last sequence then.
        self._waiting: tuple[dt.datetime, int] | None = None
        self._first = 1 if isinstance(process.manifest.start, str) else process.manifest.start

    # Beginning

    async def begin(self, status: Status) -> None:
        """Find the place to go on from; where there is none yet, the one that the manifest asks for."""
        state = await stream_state(self._around.nc)
        position = status.position
        anew = position.generation != state.generation or position.stream_sequence > state.last_sequence
        if state.refilling and (not status.started or (anew and status.mode != "live")):
            raise NoStream("the stream is being filled again: where history ends is not known yet")
        if not status.started:
            await self._first_begin(state.generation, state.last_sequence)
        elif anew:
            # Another stream than the one that was read: from its beginning, passing over what was handled.
            before, position = status.position, Position(state.generation, 0)
            self._log.info("stream_begins_anew", generation=state.generation)
            await self._run(Store.keep, [], position, before=before)
            if status.mode != "live" and status.replay_until:
                await self._run(Store.set_mode, status.mode, state.last_sequence)
        elif status.mode == "live" and await self._run(Store.looks_emptied):
            # What it knew is gone: acting on it would greet everybody anew.
            await self._run(Store.set_mode, "dry_run", 0)
            self._log.error("state_is_empty", mode="dry_run", run=f"milepost plugins replay {self._worker.name}")
        if status.version and status.version != self.manifest.version:
            self._log.info("plugin_version", before=status.version, now=self.manifest.version)
        await self._run(Store.set_version, self.manifest.version)
        self._numbers = await self._run(Store.numbers)
        self._blocked = await self._run(Store.parked_goals) if self._worker.config.blocks else set()

    async def _first_begin(self, generation: int, last_sequence: int) -> None:
        if self.manifest.start == "now":
            since = await self._newest(last_sequence) if last_sequence else ""
            await self._run(Store.begin, Position(generation, last_sequence), "live", 0, {}, since=since)
            return
        mode: Mode = "replay" if last_sequence else "live"
        await self._run(Store.begin, Position(generation, 0), mode, last_sequence, {})
        if last_sequence:
            self._log.info("replay_begins", until=last_sequence)

    async def _newest(self, last_sequence: int) -> str:
        """Return when the newest event was recorded."""
        document = await stream_document(self._around.nc, last_sequence)
        if document is None:
            return self._around.clock().astimezone(dt.UTC).strftime(TIME)
        return decode(document).time

    # Going on

    @property
    def mode(self) -> Mode:
        """Whether what is handled counts, or history is being gone through."""
        return self._mode

    async def run(self, *, once: bool = False) -> None:
        """Handle what comes until something breaks; *once*: return when history has been gone through."""
        status = await self._run(Store.status)
        await self._retry_parked(status.mode)
        self._position, self._mode, self._replay_until = status.position, status.mode, status.replay_until
        self._since = status.since
        ordered = Ordered(self._around.nc, start=self._position.stream_sequence + 1)
        fetching: asyncio.Task[Arrived] | None = None
        try:
            await ordered.open()
            if self._ended_replay() and once:
                return
            await self._end_replay()
            self._worker.running()
            fetching = asyncio.create_task(ordered.next(self._limit(self._position.stream_sequence)))
            while True:
                while not fetching.done():
                    waited = await self._until_timer()
                    await asyncio.wait([fetching], timeout=waited)
                    await self._fire_due(silent=not fetching.done() and waited == TIMERS_LATE_S)
                arrived = fetching.result()
                # The next ones arrive while these are handled.
                fetching = asyncio.create_task(ordered.next(self._limit(arrived.last_sequence)))
                events = await dense(arrived.documents, self._numbers, self._around.events_after, since=self._since)
                if not events or events[0].document is not arrived.documents[0]:
                    await self._same_stream()  # what came before comes again
                await self._take(events, Position(self._position.generation, arrived.last_sequence))
                if once and self._ended_replay():
                    return
                await self._end_replay()
                await self._fire_due()  # one that never catches up wakes all the same
        finally:
            if fetching is not None and not fetching.done():
                await end(fetching)
            await ordered.close()

    def _limit(self, reached: int) -> int:
        """Return how many events to take after *reached*: a batch is wholly in the replay or wholly after it."""
        if self._mode != "live" and self._replay_until > reached:
            return min(self._policy.batch_max, self._replay_until - reached)
        return self._policy.batch_max

    def _ended_replay(self) -> bool:
        return self._mode != "live" and 0 <= self._replay_until <= self._position.stream_sequence

    async def _end_replay(self) -> None:
        # A dry run that nobody has asked for lasts until somebody ends it.
        if not self._ended_replay() or (self._mode == "dry_run" and not self._replay_until):
            return
        await self._same_stream()  # in another one history ends elsewhere
        now = self._around.clock()
        listed = await self._run(Store.drop_due_timers, now)
        await self._run(Store.set_mode, "live", 0)
        self._log.info("replay_ends", timers_listed=len(listed))
        self._mode, self._replay_until = "live", 0

    async def _same_stream(self) -> None:
        """Raise Broken where the stream is no longer the one that is being read: it was filled again."""
        if (await stream_state(self._around.nc)).generation != self._position.generation:
            raise Broken("the stream was filled again: reading begins anew")

    # Events

    async def _take(self, events: Sequence[Incoming], position: Position) -> None:
        """Handle *events* and keep that reading is at *position*."""
        place = 0
        while place < len(events):
            run: list[Incoming] = []
            passed: list[Incoming] = []  # what comes before the next one that is blocked
            for event in events[place:]:
                if self._is_blocked(event):
                    break
                passed.append(event)
                if self._concerns(event.name) and event.sequence >= self._first:
                    run.append(event)
            taken = await self._deliver(passed, run)
            place += taken
            if taken == len(passed) and place < len(events):
                await self._park(events[place], Failure(code="behind", hook="on_event"), 0)
                place += 1
        await self._keep([], position)

    def _is_blocked(self, event: Incoming) -> bool:
        return (
            bool(self._blocked)
            and (event.tenant, event.aggregate, event.aggregate_id) in self._blocked
            and self._concerns(event.name)
        )

    async def _deliver(self, passed: Sequence[Incoming], run: list[Incoming]) -> int:
        """Hand *run* over; *passed* are those and what lies between them, which only moves the sequence on.

        Return how many of *passed* are done with: where one is parked that others have to wait for, not all.
        """
        events = len(passed)
        while run:
            async with self._turning:
                passed, run, failure = await self._through(passed, run)
            if failure is None:
                continue
            place = passed.index(run[0])
            if await self._failed(run[0], failure, passed[:place]):
                passed = passed[place + 1 :]
                run = run[1:]
                self._singly = max(0, self._singly - 1)
                if self._worker.config.blocks:
                    return events - len(passed)
        if passed:
            await self._keep([(None, tenant, sequence) for tenant, sequence in _reached(passed).items()], None)
            self._seen(passed)
        return events

    async def _through(
        self, passed: Sequence[Incoming], run: list[Incoming]
    ) -> tuple[Sequence[Incoming], list[Incoming], Failure | None]:
        """Hand *run* over a frame at a time and keep what each comes to; return what is left, and why the first failed.

        While one frame is handled the next is on its way already, and what the one before came to is being kept.
        """
        frames = self._frames(run)
        timeout_s = self._policy.budget_s + self.manifest.timeout_s + self._policy.grace_s
        place = 0
        try:
            async with self._process.talking() as talk:
                waiting = talk.say("deliver", await self._batch(frames[0], 0))
                for place, frame in enumerate(frames):
                    following = None
                    if place + 1 < len(frames):
                        following = talk.say("deliver", await self._batch(frames[place + 1], waiting))
                    taken = await talk.hear(waiting, Taken, timeout_s)
                    self._check(taken, len(frame))
                    if taken.count:
                        passed = await self._keep_some(passed, frame[: taken.count], taken)
                        run = run[taken.count :]
                        self._in_a_row, self._singly = 0, max(0, self._singly - taken.count)
                    if taken.count < len(frame) or following is None:
                        if following is not None:
                            await talk.hear(following, Taken, timeout_s)  # it was not begun
                        return passed, run, taken.failure
                    waiting = following
        except Died as died:
            return passed, run, await self._died(died, len(frames[place]))
        return passed, run, None

    def _frames(self, run: list[Incoming]) -> list[list[Incoming]]:
        """Return *run* in frames to be taken at once: one event where the one that ends the process is sought."""
        if self._singly:
            return [run[:1]]
        frames: list[list[Incoming]] = []
        left = 0
        for event in run:
            if left <= 0 or len(frames[-1]) >= self._policy.frame_max:
                frames.append([])
                left = FRAME_BYTES
            frames[-1].append(event)
            left -= len(event.document)
        return frames

    async def _batch(self, events: Sequence[Incoming], after: int) -> Batch:
        data = await self._words.opened([event.document for event in events])
        items = [(event.document, opened) for event, opened in zip(events, data, strict=True)]
        return Batch(items=items, mode=self._mode, budget_ms=self._policy.budget_s * 1000, after=after)

    def _check(self, taken: Taken, events: int) -> None:
        """Raise Died where *taken* cannot be said of so many events, or has turns that ask for what they may not."""
        places = [place for place, _ in taken.turns]
        some = taken.count > 0 if taken.failure is None else taken.count < events
        if not some or not 0 <= taken.count <= events or places != sorted({*places} & {*range(taken.count)}):
            raise Died("nonsense", "what the process says it has taken is not what it was given")
        for _, turn in taken.turns:
            if why := forbidden(self.manifest, turn):
                raise Died("not_permitted", why)

    async def alone(self, document: bytes, mode: Mode) -> Taken:
        """Have one event taken, by itself; to be called, and its result kept, while `turning` is held."""
        (data,) = await self._words.opened([document])
        timeout_s = self.manifest.timeout_s + self._policy.grace_s
        batch = Batch(items=[(document, data)], mode=mode, budget_ms=0.0)
        try:
            taken = await self._process.ask("deliver", batch, Taken, timeout_s=timeout_s)
            self._check(taken, 1)
        except Died as died:
            return Taken(count=0, failure=await self._died(died, 1))
        if taken.turns:
            event = Delivered(document)
            tell(self._log, [({"tenant": event.tenant, "event_id": event.id}, taken.turns[0][1].log)])
        return taken

    async def _died(self, died: Died, events: int) -> Failure | None:
        """Start the process again; return why the event failed that it was handling, None where it is not known."""
        self._log.warning("plugin_died", code=died.code, why=str(died), events=events)
        await self._anew()
        if events > 1:
            self._singly = events  # until the one that ends the process is found
            return None
        return Failure(code=died.code, hook="on_event", error=str(died))

    async def _anew(self) -> None:
        await self._process.kill()
        await self._process.start()

    async def _keep_some(self, passed: Sequence[Incoming], done: Sequence[Incoming], taken: Taken) -> list[Incoming]:
        """Keep what *done* came to; return what of *passed* comes after."""
        last = next(place for place, event in enumerate(passed) if event is done[-1])
        taken_now = passed[: last + 1]
        kept: list[tuple[Kept | None, str, int]] = []
        said: list[tuple[dict[str, str], list[Line]]] = []
        if taken.turns:
            turns = {done[place].id: turn for place, turn in taken.turns}
            now = self._around.clock()
            for event in taken_now:
                made = None
                if (turn := turns.get(event.id)) is not None:
                    made = keep(self.manifest, of_event(Delivered(event.document)), turn, mode=self._mode, now=now)
                    said.append(({"tenant": event.tenant, "event_id": event.id}, turn.log))
                kept.append((made, event.tenant, event.sequence))
        else:
            # They came to nothing: only how far each tenant is has to be kept.
            kept = [(None, tenant, sequence) for tenant, sequence in _reached(taken_now).items()]
        for event in done if self.attempts else ():
            self.attempts.pop(event.id, None)
        tell(self._log, said)
        await self._keep(kept, None, handled=len(done), ms_total=taken.ms_total, ms_max=taken.ms_max)
        self._seen(taken_now)
        return list(passed[last + 1 :])

    async def _keep(
        self,
        kept: Sequence[tuple[Kept | None, str, int]],
        position: Position | None,
        *,
        handled: int = 0,
        ms_total: float = 0.0,
        ms_max: float = 0.0,
        parked: Sequence[ToPark] = (),
    ) -> None:
        before, position = self._position, position or self._position
        failed, self._failures = self._failures, 0
        self._around.at("react.before_commit")
        await self._run(
            Store.keep,
            kept,
            position,
            before=before,
            handled=handled,
            failed=failed,
            ms_total=ms_total,
            ms_max=ms_max,
            parked=parked,
        )
        self._around.at("react.after_commit")
        self._position = position
        for _, tenant, sequence in kept:
            self._numbers[tenant] = max(sequence, self._numbers.get(tenant, 0))
        if any(one is not None and (one.outgoing or one.facts) for one, _, _ in kept):
            self.awake()

    def _seen(self, events: Sequence[Incoming]) -> None:
        for event in events if self.manifest.permissions.words else ():
            if event.name == ERASED:
                self._words.forget(event.tenant)

    # What fails

    async def _failed(self, event: Incoming, failure: Failure, before: Sequence[Incoming]) -> bool:
        """Wait and return False, or park *event* and return True: past it and *before*; raises Halted."""
        if await self._again(event.id, failure, tenant=event.tenant, what=event.name):
            return False
        await self._park(event, failure, self.attempts[event.id], before)
        self._given_up(failure)
        return True

    async def _again(self, id_: str, failure: Failure, *, tenant: str, what: str) -> bool:
        """Wait and return True where what has *id_* is to be tried again; False: that was often enough."""
        attempts = self.attempts[id_] = self.attempts.get(id_, 0) + int(failure.tried)
        self._log.warning(
            "plugin_failed",
            tenant=tenant, id=id_, what=what, hook=failure.hook, code=failure.code, error=failure.error,
            place=failure.place, attempts=attempts,
        )  # fmt: skip
        self._failures += int(failure.tried)
        if failure.code == "out_of_memory":
            await self._anew()  # what has leaked is gone with the process, and the next attempt has all of it
        if failure.tried and (failure.final or attempts >= self._policy.event_attempts_max):
            return False
        self._worker.trying_again(f"{failure.code} in {failure.hook}: attempt {attempts} at {what}")
        pause = self._policy.event_pause_s(max(attempts, 1)) if failure.retry_s is None else failure.retry_s
        await asyncio.sleep(min(pause, LATER_S_MAX))
        self._worker.running()
        return True

    def _given_up(self, failure: Failure) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self._policy.parked_in_a_row_max:
            raise Halted(f"{self._in_a_row} events in a row failed; the last with {failure.code} in {failure.hook}")

    async def _park(self, event: Incoming, failure: Failure, attempts: int, before: Sequence[Incoming] = ()) -> None:
        parked = ToPark(
            tenant=event.tenant, sequence=event.sequence, event_id=event.id, aggregate=event.aggregate,
            aggregate_id=event.aggregate_id, document=event.document, code=failure.code, hook=failure.hook,
            error=failure.error, place=failure.place, attempts=attempts, mode=self._mode,
        )  # fmt: skip
        reached = _reached([*before, event])
        await self._keep([(None, tenant, sequence) for tenant, sequence in reached.items()], None, parked=[parked])
        self._seen(before)
        self.attempts.pop(event.id, None)
        if self._worker.config.blocks:
            self._blocked.add((event.tenant, event.aggregate, event.aggregate_id))
        if failure.code != "behind":
            self._log.error("event_parked", tenant=event.tenant, event_id=event.id, code=failure.code)

    async def _retry_parked(self, mode: Mode) -> None:
        """Try parked events again that somebody asked for."""
        wanted, self._worker.retrying = self._worker.retrying, None
        if wanted is None:
            return
        await Retrying(self._worker, self, self._around, mode).run(wanted)
        if self._worker.config.blocks:
            self._blocked = await self._run(Store.parked_goals)

    # Timers

    async def _until_timer(self) -> float | None:
        if self._mode != "live":
            return None
        upcoming = await self._run(Store.next_timer)
        if upcoming is None or self._waiting is not None:
            return TIMERS_LATE_S  # another process of the plugin may set one
        return min(max(0.0, (upcoming - self._around.clock()).total_seconds()), TIMERS_LATE_S)

    async def _fire_due(self, *, silent: bool = False) -> None:
        """Fire timers that have come due, once the events are handled that were there then; *silent*: none comes."""
        if self._mode != "live":
            return
        if self._waiting is None:
            now = self._around.clock()
            if not await self._run(Store.due_timers, now, 1):
                return
            self._waiting = (now, (await stream_state(self._around.nc)).last_sequence)
        due, head = self._waiting
        if self._position.stream_sequence < head and not silent:
            return
        for tenant, key, at in await self._run(Store.due_timers, due, TIMERS_MAX):
            await self._fire(tenant, key, at)
        self._waiting = None

    async def _fire(self, tenant: str, key: str, at: dt.datetime) -> None:
        cause = of_timer(self.manifest, tenant, key, at)
        firing = Firing(tenant=tenant, key=key, at=at, mode="live")
        while True:
            async with self._turning:
                done = await self.asked("fire", firing, "on_timer")
                if done.failure is None:
                    await self._keep_timer(cause, done, key, at)
                    self._in_a_row = 0
                    return
            if not await self._again(cause.id, done.failure, tenant=tenant, what=f"the timer {key}"):
                break
        parked = ToPark(
            tenant=tenant, sequence=0, event_id=cause.id, aggregate=TIMER, aggregate_id=key,
            document=msgspec.json.encode(firing), code=done.failure.code, hook=done.failure.hook,
            error=done.failure.error, place=done.failure.place, attempts=self.attempts[cause.id],
        )  # fmt: skip
        await self._keep_timer(cause, Done(), key, at, parked=[parked])
        self._log.error("timer_parked", tenant=tenant, key=key, code=done.failure.code)
        self._given_up(done.failure)

    async def _keep_timer(
        self, cause: Cause, done: Done, key: str, at: dt.datetime, *, parked: Sequence[ToPark] = ()
    ) -> None:
        kept = keep(self.manifest, cause, done.turn, mode="live", now=self._around.clock())
        self._around.at("react.before_commit")
        await self._run(Store.keep_timer, kept, cause.tenant, key, at, parked=parked)
        self._around.at("react.after_commit")
        self.attempts.pop(cause.id, None)
        self.awake()

    async def asked(self, verb: str, given: object, hook: str) -> Done:
        """Ask the process for one turn; one that ends it has failed, and it is started again."""
        timeout_s = self.manifest.timeout_s + self._policy.grace_s
        try:
            done = await self._process.ask(verb, given, Done, timeout_s=timeout_s)
        except Died as died:
            self._log.warning("plugin_died", code=died.code, why=str(died), hook=hook)
            await self._anew()
            return Done(failure=Failure(code=died.code, hook=hook, error=str(died)))
        if why := forbidden(self.manifest, done.turn):
            await self._anew()
            return Done(failure=Failure(code="not_permitted", hook=hook, error=why))
        tell(self._log, [({"hook": hook}, done.turn.log)])
        return done

    def awake(self) -> None:
        """Have whoever sends look what there is."""
        for wake in self.wakes:
            wake.set()

    # What is asked of the plugin beside events

    async def act(self, request: Question) -> object:
        """Have done what an administrator asks for, and return the answer; raises PluginError."""
        async with self._turning:
            done = await self.asked("act", Acting(request=request, mode=self._mode), "act")
            if done.failure is not None:
                raise PluginError(done.failure.code, f"{request.name}: {done.failure.error or done.failure.code}")
            if done.result is None:
                raise PluginError("request_unknown", f"the plugin knows no request {request.name!r}; see its README")
            position = self._numbers.get(request.tenant, 0)
            cause = of_request(self.manifest, request)
            now = self._around.clock()
            kept = keep(self.manifest, cause, done.turn, mode=self._mode, now=now, position=position)
            await self._run(Store.keep_apart, kept)
        self.awake()
        return done.result

    async def performed(self, performing: Performing) -> Kept | None:
        """Tell the plugin what came of an effect; return what that came to, None where it does not want to know.

        To be called, and its result kept, while `turning` is held.
        """
        if "on_performed" not in self._process.hooks or performing.outcome is None:
            return None
        done = await self.asked("performed", performing, "on_performed")
        if done.failure is not None:
            self._log.warning("plugin_failed", hook="on_performed", code=done.failure.code, place=done.failure.place)
            return None
        event = None if performing.document is None else Delivered(performing.document)
        cause = of_outcome(self.manifest, msgspec.structs.replace(performing.effect, event=event))
        return keep(self.manifest, cause, done.turn, mode="live", now=self._around.clock())

    @property
    def turning(self) -> asyncio.Lock:
        """Held while a turn is made and kept."""
        return self._turning

    async def _run(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        return await self._worker.shared.run(work, *given, **named)


def _reached(events: Sequence[Incoming]) -> dict[str, int]:
    """Return tenant -> the last sequence of *events*, which are in order."""
    return {event.tenant: event.sequence for event in events}
