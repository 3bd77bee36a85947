"""One plugin, kept going: its lease, its process, its place in the stream, and what happens when any of them breaks."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.database import DatabaseError
from milepost.ordered import Broken, NoStream
from milepost.react.delivering import Delivering
from milepost.react.effects import Effects
from milepost.react.facts import Facts
from milepost.react.failing import Halted
from milepost.react.heard import Defect, heard, not_begun
from milepost.react.incoming import EventsAfter, Keys, Missing, Words
from milepost.react.inside import Inside
from milepost.react.letters import Letters
from milepost.react.policy import Policy
from milepost.react.ports import GoalAt, Shared, StorePort
from milepost.react.process import Died, Process
from milepost.react.replays import Replays
from milepost.react.store import Moved, Status, Store
from milepost.react.trimming import trim
from milepost.react.turns import Turns
from milepost.tasks import end, whole
from milepost_contracts.envelope import EnvelopeError
from milepost_contracts.frames import Hello
from milepost_contracts.plugin import Health, Manifest, PluginError, Question, Refusal, Reviewed
from milepost_contracts.running import Done

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from milepost_contracts.commands import Command

# What breaks and is mended by beginning again from the position.
READ_AGAIN = (Moved, Broken, NoStream, NatsError, Missing, EnvelopeError, OSError, TimeoutError)
T = TypeVar("T")
P = ParamSpec("P")


class Around(NamedTuple):
    """What a worker is given of the host: how it reads, asks, sends and tells the time."""

    nc: Client
    events_after: EventsAfter
    keys: Keys
    goal_at: GoalAt
    send: Callable[[str, Command], Any]  # (tenant, command) -> awaitable Answer
    clock: Callable[[], dt.datetime]
    log: FilteringBoundLogger
    at: Callable[[str], None]
    policy: Policy = Policy()


class Config(NamedTuple):
    """One plugin as the settings have it."""

    name: str
    value: str  # of its entry point
    read: Callable[[], Hello]  # reads its files anew; raises PluginError
    url: str
    blocks: bool  # later events of a goal wait behind a parked one
    quiet: bool = True
    inside: bool = False  # trusted: in the host's own process


class Worker:
    """Runs one plugin until stopped. `state` and `why` say how it is; changing it stops, changes and goes on."""

    def __init__(self, config: Config, around: Around) -> None:
        """Take the plugin and what it needs."""
        self.config = config
        self.name = config.name
        self.state, self.why = "starting", ""
        self.manifest: Manifest | None = None
        self.hooks: frozenset[str] = frozenset()
        self.shared = Shared(Store(config.url, config.name, at=around.at, on_parked=self._parked))
        self.delivering: Delivering | None = None
        self.letters = Letters(
            self.shared, around.nc, config.name, policy=around.policy, log=around.log.bind(plugin=config.name),
            at=around.at,
        )  # fmt: skip
        self._around = around
        self._policy = around.policy
        self._log = around.log.bind(plugin=config.name)
        self._process: Process | None = None
        self._asked: Process | None = None
        self._reviewer: Process | None = None
        self._supervising: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._held = False
        self._failed_starts = 0  # in a row
        self.asked_in_vain = ""  # how a question failed last; until a restart
        self.attempts: dict[str, int] = {}  # at what is being tried again: id of an event or a timer -> how many
        self.retrying: list[str] | None = None  # events to take out of the parked ones; empty: all of them

    # From outside

    def start(self) -> None:
        """Begin."""
        self._supervising = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End: what is being handled is given up, and comes again."""
        if self._supervising is not None:
            await end(self._supervising)
        await self._end_beside()

    async def changed(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        """Stop handling, do *work* on the store, and go on as it then says; raises DatabaseError."""
        async with self._changing:  # meanwhile nothing is begun on the status of before
            if self._running is not None:
                await end(self._running)
            try:
                found = await self.shared.run(work, *given, **named)
                self._stands(await self.shared.run(Store.status))  # whoever asks right away is told how it is now
            finally:
                self._changed.set()
                self.letters.wake()
            return found

    @property
    def holds(self) -> bool:
        """Whether this host has the plugin's lease."""
        return self._held

    def not_running(self) -> PluginError:
        """Return the error for what only a plugin that runs here can do.

        `held_elsewhere`: ask the host that has it; `not_ready`: in a moment; else `not_running`.
        """
        code = {"waiting": "held_elsewhere", "starting": "not_ready"}.get(self.state, "not_running")
        return PluginError(code, f"the plugin {self.name} is {self.state} here" + (f": {self.why}" if self.why else ""))

    async def review(self, command: Reviewed, timeout_s: float) -> list[Refusal]:
        """Ask about a command; raises Died, Defect, PluginError."""
        if self.manifest is None or self.state not in ("running", "retrying"):
            raise PluginError("not_running", f"the plugin {self.name} is {self.state}")
        refusals: list[Refusal] = await self._ask(self._beside_reviewing, "review", command, list[Refusal], timeout_s)
        return refusals

    async def answer(self, question: Question) -> Any:
        """Ask what the plugin knows; raises Died, Defect, and PluginError where it refuses."""
        return await self._ask(self._beside_asked, "answer", question, Any, self._timeout_s())

    async def act(self, question: Question) -> Any:
        """Have the plugin do what an administrator asks for; raises Died, PluginError, DatabaseError."""
        if self.delivering is None or self.state not in ("running", "retrying"):
            raise self.not_running()
        return await self.delivering.act(question)

    async def health(self) -> Health:
        """Ask how the plugin is; raises Died, Defect, PluginError."""
        health: Health = await self._ask(self._beside_asked, "health", None, Health, self._timeout_s())
        return health

    async def _ask(self, beside: Callable[[], Process], verb: str, given: Any, kind: Any, timeout_s: float) -> Any:
        if self.manifest is None:
            raise self.not_running()
        try:
            try:
                process = beside()
                await process.start()
            except PluginError as error:
                raise not_begun(self.name, error) from error
            found = heard(self.name, verb, await process.ask(verb, given, Done, timeout_s=timeout_s))
        except Defect as defect:
            self._log.warning("plugin_failed", hook=verb, code=defect.code, why=defect.told)
            self.asked_in_vain = defect.told
            raise
        try:
            return msgspec.convert(found, kind)
        except msgspec.ValidationError as error:
            await process.kill()
            raise Died("nonsense", f"what the process sent is no answer to {verb}") from error

    def _beside_asked(self) -> Process:
        self._asked = self._asked or self._beside()
        return self._asked

    def _beside_reviewing(self) -> Process:
        self._reviewer = self._reviewer or self._beside()
        return self._reviewer

    def _beside(self) -> Process:
        """Return a process for questions: the one that handles events may be busy with a whole batch."""
        return self.process(self.config.read())

    async def _end_beside(self) -> None:
        """End the processes for questions: the next question starts others, as the plugin is then."""
        beside, self._asked, self._reviewer = (self._asked, self._reviewer), None, None
        await asyncio.gather(*(process.stop() for process in beside if process is not None))

    def _timeout_s(self) -> float:
        return (self.manifest.timeout_s if self.manifest is not None else 0.0) + self._policy.grace_s

    def process(self, hello: Hello) -> Process:
        """Return a process for the plugin, not started."""
        kind = Inside if self.config.inside else Process
        return kind(hello, self.port(), policy=self._policy, quiet=self.config.quiet)

    def port(self) -> StorePort:
        """Return where a process of the plugin reads."""
        return StorePort(self.shared, self._around.goal_at, asyncio.get_running_loop())

    # Keeping it going

    async def _supervise(self) -> None:
        pause = self._policy.pause_s_min
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._have()
            except Exception as error:  # noqa: BLE001  a defect that one plugin brings out must not end the others
                if asyncio.get_running_loop().time() - began > self._policy.pause_s_max:
                    pause = self._policy.pause_s_min  # it went well for a while
                if not isinstance(error, DatabaseError):
                    self._log.exception("defect")
                    self._say("defect", type(error).__name__)
                    await asyncio.sleep(self._policy.pause_s_max)
                    continue
                self._say("waiting" if error.code == "in_use" else "no_database", str(error))
                await asyncio.sleep(self._policy.lease_s if error.code == "in_use" else pause)
                pause = min(pause * 2, self._policy.pause_s_max)

    async def _have(self) -> None:
        """Open the plugin's tables, take its lease, and run it."""
        stack = ExitStack()
        try:
            await self.shared.run(Store.open)
            await self.shared.run(lambda store: stack.enter_context(store.lease()))
            self._held = True
            # Also while it is paused: then above all somebody has to see what it could not take.
            await _together(self._hold(), self.letters.run())
        finally:
            self._held = False
            # In a thread, as everything that speaks with a database that may be gone; and not left half done.
            await whole(self.shared.run(_given_back, stack))

    async def _hold(self) -> None:
        """Run the plugin as its status says, again and again; raises DatabaseError, and what is a defect of ours."""
        pause = self._policy.pause_s_min
        while True:
            async with self._changing:
                self._changed.clear()
                status = await self.shared.run(Store.status)
                self._running = asyncio.create_task(self._run(status)) if self._stands(status) else None
            if self._running is None:
                await self._end_beside()
                await self._until_changed()
                continue
            began = asyncio.get_running_loop().time()
            try:
                await asyncio.wait([self._running])
            finally:
                await whole(end(self._running))
            error = None if self._running.cancelled() else self._running.exception()
            if error is None or asyncio.get_running_loop().time() - began > self._policy.pause_s_max:
                pause = self._policy.pause_s_min  # it went well for a while
            if error is not None:
                await self._broke(error, pause)
                pause = min(pause * 2, self._policy.pause_s_max)

    async def _broke(self, error: BaseException, pause: float) -> None:
        """Do what is to be done after *error*; raises it where that is nothing."""
        match error:
            case PluginError():
                self._say("not_loaded", f"{error.code}: {error}")
                self._log.warning("plugin_not_loaded", code=error.code, why=str(error))
                await self._until_changed(self._policy.load_again_s)
            case Halted():
                self._log.error("plugin_paused", why=str(error))
                await self.shared.run(Store.set_paused, "failing", str(error))
            case Died():
                self._log.warning("plugin_died", code=error.code, why=str(error))
                self._say("retrying", f"{error.code}: {error}")
                self._failed_starts = 0 if self.delivering is not None else self._failed_starts + 1
                if self._failed_starts >= self._policy.starts_max:
                    why = f"its process ended {self._failed_starts} times before it was ready: {error}"
                    self._failed_starts = 0
                    self._log.error("plugin_paused", why=why)
                    await self.shared.run(Store.set_paused, "failing", why)
                    return
                await asyncio.sleep(pause)
            case _ if isinstance(error, READ_AGAIN):
                self._say("retrying", f"{type(error).__name__}: {error}")
                await asyncio.sleep(pause)
            case _:
                raise error

    async def _until_changed(self, most_s: float | None = None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._changed.wait()

    def _say(self, state: str, why: str = "") -> None:
        if (state, why) != (self.state, self.why):
            self._log.info("plugin", state=state, why=why)
        self.state, self.why = state, why

    async def _run(self, status: Status) -> None:
        self._say("starting")
        self.delivering = None
        await self._end_beside()
        hello = self.config.read()
        async with AsyncExitStack() as stack:
            process = self.process(hello)
            stack.push_async_callback(process.stop)
            self.manifest = await process.start()
            self.hooks = process.hooks
            self._process = process
            words = Words(self.manifest, self._around.keys, "service:react")
            facts = Facts(self.shared, self._around.nc, self._log, self._around.at)
            turns = Turns(process, words, self._around, self.name)
            self.delivering = Delivering(self, self._around, turns)
            effects = Effects(self, turns, self._around, hello, words)
            stack.push_async_callback(effects.close)
            replays = Replays(self, self.delivering, turns, self._around, words)
            turns.wakes += (effects.wake, facts.wake, replays.wake)
            await self.delivering.begin(status)
            trimming = trim(self.shared, self._around.clock, self._policy.trim_s, self._log)
            await _together(effects.run(), facts.run(), replays.run(), trimming, self.delivering.run())

    def _stands(self, status: Status) -> bool:
        """Say how the plugin is by its *status*; return whether it is to run."""
        if status.disabled or status.paused:
            self._say("disabled" if status.disabled else "paused", status.why or status.paused)
            return False
        self._say("starting")
        return True

    def _parked(self) -> None:
        self.letters.wake()

    def running(self) -> None:
        """Say that events are being handled."""
        self._say("running")

    def trying_again(self, why: str) -> None:
        """Say that an event failed and will come again."""
        self._say("retrying", why)


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Run *work* until one of it ends; then end the rest and raise what the one raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await whole(_ended(tasks))
    for task in done:
        task.result()


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*(end(task) for task in tasks if not task.done()))


def _given_back(store: Store, lease: ExitStack) -> None:
    try:
        lease.close()
    finally:
        store.close()
