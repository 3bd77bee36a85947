"""Events go to a plugin in order; what they come to is kept with the position; what fails is retried, then parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, NamedTuple, ParamSpec, TypeVar

from milepost.ordered import Broken, Ordered, stream_state
from milepost.react.beginning import begin
from milepost.react.failing import Failing
from milepost.react.firing import TIMERS_LATE_S, Timers
from milepost.react.incoming import Concerns, Incoming, dense, incoming
from milepost.react.process import Died
from milepost.react.retrying import Retrying
from milepost.react.store import Position, Status, Store, ToPark
from milepost.react.turns import Turns
from milepost.tasks import end
from milepost_contracts.context import Line
from milepost_contracts.frames import Acting, Taken
from milepost_contracts.keeping import Kept, keep, of_event, of_request
from milepost_contracts.plugin import Delivered, Mode, PluginError, Question
from milepost_contracts.running import Failure

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

FRAME_BYTES = 8 * 1024 * 1024  # of documents in one frame, about; opened words come on top
T = TypeVar("T")
P = ParamSpec("P")


class Fetched(NamedTuple):
    """Events in stream order, and the stream sequence of the last one."""

    events: list[Incoming]
    last_sequence: int


class Quiet(NamedTuple):
    """What has been handled and came to nothing since something was kept: tenant -> sequence, and what it took."""

    numbers: dict[str, int]
    handled: int = 0
    ms_total: float = 0.0
    ms_max: float = 0.0


class Delivering:
    """Hands events and timers to one process of a plugin, until something breaks."""

    def __init__(self, worker: Worker, around: Around, turns: Turns) -> None:
        """Take the plugin's worker and its process."""
        self.manifest = turns.manifest
        self._worker = worker
        self._around = around
        self._policy = around.policy
        self._turns = turns
        self._failing = Failing(worker, turns, around)
        self._timers = Timers(worker, turns, self._failing, around)
        self._concerns = Concerns(turns.manifest, turns.hooks)
        self._log = around.log.bind(plugin=worker.name)
        self._numbers: dict[str, int] = {}
        self._quiet = Quiet({})
        self._acted = asyncio.Event()
        self._position = Position(0, 0)
        self._mode: Mode = "live"
        self._replay_until = 0
        self._since = ""
        self._blocked: set[tuple[str, str, str]] = set()
        self._singly = 0  # so many events one at a time: the one that ended the process is to be found
        self._first = 1 if isinstance(turns.manifest.start, str) else turns.manifest.start

    async def begin(self, status: Status) -> None:
        """Find the place to go on from."""
        await begin(self._worker, self._around, self.manifest, status)
        self._numbers = await self._run(Store.numbers)
        self._blocked = await self._run(Store.parked_goals) if self._worker.config.blocks else set()

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
        fetching: asyncio.Task[Fetched] | None = None
        try:
            await ordered.open()
            if self._ended_replay() and once:
                return
            await self._end_replay()
            self._worker.running()
            fetching = asyncio.create_task(_fetched(ordered, self._limit(self._position.stream_sequence)))
            while True:
                while not fetching.done():
                    waited = await self._timers.until_next() if self._mode == "live" else None
                    happened = await self._wait(fetching, waited)
                    await self._fire_due(silent=not happened and waited == TIMERS_LATE_S)
                fetched = fetching.result()
                # The next ones arrive while these are handled.
                fetching = asyncio.create_task(_fetched(ordered, self._limit(fetched.last_sequence)))
                events = await dense(fetched.events, self._numbers, self._around.events_after, since=self._since)
                if not events or events[0] is not fetched.events[0]:
                    await self._same_stream()  # what came before comes again
                await self._take(events, Position(self._position.generation, fetched.last_sequence))
                if once and self._ended_replay():
                    return
                await self._end_replay()
                await self._fire_due()  # one that never catches up wakes all the same
        finally:
            if fetching is not None and not fetching.done():
                await end(fetching)
            await ordered.close()

    async def _wait(self, fetching: asyncio.Task[Fetched], most_s: float | None) -> bool:
        """Wait for events, or for what an administrator asks for, which may set a timer; whether any came in time."""
        acted = asyncio.create_task(self._acted.wait())
        try:
            done, _ = await asyncio.wait([fetching, acted], timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            acted.cancel()
            self._acted.clear()
        return bool(done)

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
                if self._blocked and self._is_blocked(event):
                    break
                passed.append(event)
                if self._concerns(event.type) and event.sequence >= self._first:
                    run.append(event)
            taken = await self._deliver(passed, run)
            place += taken
            if taken == len(passed) and place < len(events):
                await self._park(events[place], Failure(code="behind", hook="on_event"), 0)
                place += 1
        await self._keep([], position)

    def _is_blocked(self, event: Incoming) -> bool:
        return (event.tenant, event.aggregate, event.aggregate_id) in self._blocked and self._concerns(event.type)

    async def _deliver(self, passed: Sequence[Incoming], run: list[Incoming]) -> int:
        """Hand *run* over; *passed* are those and what lies between them, which only moves the sequence on.

        Return how many of *passed* are done with: where one is parked that others have to wait for, not all.
        """
        events = len(passed)
        while run:
            async with self._turns.turning:
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
        self._came_to_nothing(passed)
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
            async with self._turns.process.talking() as talk:
                waiting = talk.say("deliver", await self._turns.batch(frames[0], self._mode, 0))
                for place, frame in enumerate(frames):
                    following = None
                    if place + 1 < len(frames):
                        batch = await self._turns.batch(frames[place + 1], self._mode, waiting)
                        following = talk.say("deliver", batch)
                    taken = await talk.hear(waiting, Taken, timeout_s)
                    self._turns.check(taken, len(frame))
                    if taken.count:
                        passed = await self._keep_some(passed, frame[: taken.count], taken)
                        run = run[taken.count :]
                        self._singly = max(0, self._singly - taken.count)
                        self._failing.went_well()
                    if taken.count < len(frame) or following is None:
                        if following is not None:
                            await talk.hear(following, Taken, timeout_s)  # it was not begun
                        return passed, run, taken.failure
                    waiting = following
        except Died as died:
            failure = await self._turns.died(died, "on_event")
            if len(frames[place]) == 1:
                return passed, run, failure
            self._singly = len(frames[place])  # until the one that ends the process is found
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

    async def _keep_some(self, passed: Sequence[Incoming], done: Sequence[Incoming], taken: Taken) -> list[Incoming]:
        """Keep what *done* came to; return what of *passed* comes after."""
        last = next(place for place, event in enumerate(passed) if event is done[-1])
        taken_now = passed[: last + 1]
        for event in done if self._failing.attempts else ():
            self._failing.attempts.pop(event.id, None)
        quiet = self._quiet
        self._quiet = Quiet(
            quiet.numbers, quiet.handled + len(done), quiet.ms_total + taken.ms_total, max(quiet.ms_max, taken.ms_max)
        )
        if taken.turns:
            kept: list[tuple[Kept | None, str, int]] = []
            said: list[tuple[dict[str, str], list[Line]]] = []
            turns = {done[place].id: turn for place, turn in taken.turns}
            now = self._around.clock()
            for event in taken_now:
                made = None
                if (turn := turns.get(event.id)) is not None:
                    made = keep(self.manifest, of_event(Delivered(event.document)), turn, mode=self._mode, now=now)
                    said.append(({"tenant": event.tenant, "event_id": event.id}, turn.log))
                kept.append((made, event.tenant, event.sequence))
            self._turns.tell(said)
            await self._keep(kept, None)
            self._turns.forget(taken_now)
        else:
            self._came_to_nothing(taken_now)
        return list(passed[last + 1 :])

    def _came_to_nothing(self, events: Sequence[Incoming]) -> None:
        """Note how far each tenant is: kept with the next that comes to something, at the latest with the position."""
        reached = _reached(events)
        self._quiet.numbers.update(reached)
        self._numbers.update(reached)
        self._turns.forget(events)

    async def _keep(
        self,
        kept: Sequence[tuple[Kept | None, str, int]],
        position: Position | None,
        *,
        parked: Sequence[ToPark] = (),
    ) -> None:
        before, position = self._position, position or self._position
        quiet, self._quiet = self._quiet, Quiet({})
        self._around.at("react.before_commit")
        await self._run(
            Store.keep,
            [*((None, tenant, sequence) for tenant, sequence in quiet.numbers.items()), *kept],
            position,
            before=before,
            handled=quiet.handled,
            failed=self._failing.uncounted(),
            ms_total=quiet.ms_total,
            ms_max=quiet.ms_max,
            parked=parked,
        )
        self._around.at("react.after_commit")
        self._position = position
        for _, tenant, sequence in kept:
            self._numbers[tenant] = max(sequence, self._numbers.get(tenant, 0))
        if any(one is not None and (one.outgoing or one.facts) for one, _, _ in kept):
            self._turns.awake()

    # What fails

    async def _failed(self, event: Incoming, failure: Failure, before: Sequence[Incoming]) -> bool:
        """Wait and return False, or park *event* and return True: past it and *before*; raises Halted."""
        if await self._failing.again(event.id, failure, tenant=event.tenant, what=event.name):
            return False
        await self._park(event, failure, self._failing.attempts[event.id], before)
        self._failing.given_up(failure)
        return True

    async def _park(self, event: Incoming, failure: Failure, attempts: int, before: Sequence[Incoming] = ()) -> None:
        parked = ToPark(
            tenant=event.tenant, sequence=event.sequence, event_id=event.id, aggregate=event.aggregate,
            aggregate_id=event.aggregate_id, document=event.document, code=failure.code, hook=failure.hook,
            error=failure.error, place=failure.place, attempts=attempts, mode=self._mode,
        )  # fmt: skip
        reached = _reached([*before, event])
        await self._keep([(None, tenant, sequence) for tenant, sequence in reached.items()], None, parked=[parked])
        self._turns.forget(before)
        self._failing.attempts.pop(event.id, None)
        if self._worker.config.blocks:
            self._blocked.add((event.tenant, event.aggregate, event.aggregate_id))
        if failure.code != "behind":
            self._log.error("event_parked", tenant=event.tenant, event_id=event.id, code=failure.code)

    async def _retry_parked(self, mode: Mode) -> None:
        """Try parked events again that somebody asked for."""
        wanted, self._worker.retrying = self._worker.retrying, None
        if wanted is None:
            return
        await Retrying(self._worker, self._turns, self._around, mode).run(wanted)
        if self._worker.config.blocks:
            self._blocked = await self._run(Store.parked_goals)

    async def _fire_due(self, *, silent: bool = False) -> None:
        if self._mode == "live":
            await self._timers.fire_due(self._position.stream_sequence, silent=silent)

    # What is asked of the plugin beside events

    async def act(self, request: Question) -> object:
        """Have done what an administrator asks for, and return the answer; raises PluginError."""
        async with self._turns.turning:
            done = await self._turns.asked("act", Acting(request=request, mode=self._mode), "act")
            if done.failure is not None:
                raise PluginError(done.failure.code, f"{request.name}: {done.failure.error or done.failure.code}")
            if done.result is None:
                raise PluginError("request_unknown", f"the plugin knows no request {request.name!r}; see its README")
            position = self._numbers.get(request.tenant, 0)
            cause = of_request(self.manifest, request)
            now = self._around.clock()
            kept = keep(self.manifest, cause, done.turn, mode=self._mode, now=now, position=position)
            await self._run(Store.keep_apart, kept)
        self._turns.awake()
        self._acted.set()
        return done.result

    async def _run(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        return await self._worker.shared.run(work, *given, **named)


async def _fetched(ordered: Ordered, limit: int) -> Fetched:
    """Return what comes next; raises Broken, and EnvelopeError for what is no event."""
    arrived = await ordered.next(limit)
    return Fetched([incoming(document) for document in arrived.documents], arrived.last_sequence)


def _reached(events: Sequence[Incoming]) -> dict[str, int]:
    """Return tenant -> the last sequence of *events*, which are in order."""
    return {event.tenant: event.sequence for event in events}
