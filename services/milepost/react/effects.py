"""What a plugin wants done outside is done from its outbox: mails and calls by its own processes, commands by the host.

After a crash nobody knows whether the last try arrived, so it is made again, with the same key.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from milepost.react.process import Died, Process
from milepost.react.store import Entry, Store
from milepost.react.turns import Turns
from milepost.tasks import end
from milepost_contracts.answers import Accepted, Failed, Invalid, Refused
from milepost_contracts.commands import COMMANDS
from milepost_contracts.frames import Hello, Performing
from milepost_contracts.plugin import Effect, Outcome, PluginError
from milepost_contracts.running import Done, Failure
from milepost_contracts.strict import strict

if TYPE_CHECKING:
    from milepost.react.incoming import Words
    from milepost.react.worker import Around, Worker
    from milepost_contracts.keeping import Kept

LOOK_S = 30.0
KEYS_S = 5.0  # before keys are asked for again that could not be had: the journal's side is back soon, or for nobody
SHOWN_MAX = 50  # effects taken from the outbox at once


class Effects:
    """Performs one plugin's effects, a few at a time, each in a process that is not the one that handles events."""

    def __init__(self, worker: Worker, turns: Turns, around: Around, hello: Hello, words: Words) -> None:
        """Take the plugin's worker, its process that is told of outcomes, what others are told first, and words."""
        self._worker = worker
        self._turns = turns
        self._around = around
        self._policy = around.policy
        self._hello = hello
        self._words = words
        self._log = around.log.bind(plugin=worker.name)
        self._idle: list[tuple[Process, float]] = []
        self._busy: dict[str, asyncio.Task[None]] = {}  # key -> its try
        self._broken: BaseException | None = None
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Perform what is due until cancelled."""
        try:
            while True:
                self.wake.clear()
                if self._broken is not None:
                    raise self._broken
                now = self._around.clock()
                for entry in await self._worker.shared.run(Store.due_effects, now, SHOWN_MAX):
                    if len(self._busy) >= self._policy.effects_at_once:
                        break
                    if entry.key not in self._busy:
                        self._begin(entry)
                await self._end_idle()
                await self._quiet()
        finally:
            for task in list(self._busy.values()):
                await end(task)

    async def close(self) -> None:
        """End the processes that perform."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(process.stop() for process, _ in idle))

    def _begin(self, entry: Entry) -> None:
        task = asyncio.create_task(self._perform(entry))
        self._busy[entry.key] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._busy.pop(entry.key, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._broken = error
            self.wake.set()

        task.add_done_callback(ended)

    async def _quiet(self) -> None:
        upcoming = await self._worker.shared.run(Store.next_effect)
        wait = LOOK_S
        if upcoming is not None:
            ahead = (upcoming - self._around.clock()).total_seconds()
            # What is due and not begun waits for one that is under way: its end wakes this.
            wait = LOOK_S if ahead <= 0 and self._busy else min(LOOK_S, max(0.0, ahead))
        try:
            async with asyncio.timeout(wait):
                await self.wake.wait()
        except TimeoutError:
            return

    async def _perform(self, entry: Entry) -> None:
        self._around.at("react.before_effect")
        performing, failure = await self._tried(entry)
        self._around.at("react.after_effect")
        if failure is not None and not failure.tried:
            later = self._around.clock() + dt.timedelta(seconds=failure.retry_s or 0)
            await self._worker.shared.run(Store.effect_failed, entry.key, failure.code, later, tried=False)
            return
        pause = None
        if failure is not None and not failure.final:
            pause = self._policy.effect_pause_s(entry.tries + 1) if failure.retry_s is None else failure.retry_s
        outcome = Outcome(ok=failure is None, final=pause is None, code=failure.code if failure else "", retry_s=pause)
        async with self._turns.turning:
            kept = None
            if performing is not None:
                kept = await self._turns.performed(msgspec.structs.replace(performing, outcome=outcome))
            await self._ended(entry, failure, pause, kept)
        self.wake.set()

    async def _tried(self, entry: Entry) -> tuple[Performing | None, Failure | None]:
        if entry.kind == "command":
            return None, await self._send(entry)
        try:
            performing = await self._performing(entry)
        except (ConnectionError, TimeoutError):
            return None, Failure(code="keys_silent", hook="perform", retry_s=KEYS_S, tried=False)
        return performing, await self._done(performing)

    async def _ended(self, entry: Entry, failure: Failure | None, pause: float | None, kept: Kept | None) -> None:
        """Note how a try ended, together with what telling the plugin so came to."""
        now, run = self._around.clock(), self._worker.shared.run
        shown = {"tenant": entry.tenant, "key": entry.key, "attempts": entry.attempts + 1}
        if failure is None:
            await run(Store.effect_sent, entry.key, now, kept)
            self._log.info("effect_sent", **shown)
        elif pause is None:
            await run(Store.effect_dead, entry.key, failure.code, kept)
            self._log.error("effect_given_up", code=failure.code, error=failure.error, place=failure.place, **shown)
        else:
            await run(Store.effect_failed, entry.key, failure.code, now + dt.timedelta(seconds=pause), kept)
            self._log.warning("effect_failed", code=failure.code, error=failure.error, place=failure.place, **shown)

    async def _performing(self, entry: Entry) -> Performing:
        opened = None
        if entry.document is not None:
            (opened,) = await self._words.opened([entry.document])
        effect = Effect(
            key=entry.key, name=entry.name, tenant=entry.tenant, arguments=entry.arguments or {},
            attempt=entry.attempts + 1,
        )  # fmt: skip
        return Performing(effect=effect, document=entry.document, opened=opened)

    async def _done(self, performing: Performing) -> Failure | None:
        process = self._idle.pop()[0] if self._idle else self._another()
        try:
            manifest = await process.start()
            timeout_s = manifest.effect_timeout_s + self._policy.grace_s
            done = await process.ask("perform", performing, Done, timeout_s=timeout_s)
        except (Died, PluginError) as error:
            return Failure(code=error.code, hook="perform", error=str(error))
        finally:
            self._idle.append((process, asyncio.get_running_loop().time()))
        about = {"tenant": performing.effect.tenant, "key": performing.effect.key}
        self._turns.tell([(about, done.turn.log)])
        return done.failure

    def _another(self) -> Process:
        return self._worker.process(self._hello)

    async def _end_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        ended = [process for process, since in self._idle if now - since > self._policy.idle_s]
        self._idle = [(process, since) for process, since in self._idle if now - since <= self._policy.idle_s]
        for process in ended:
            await process.stop()

    async def _send(self, entry: Entry) -> Failure | None:
        """Send a command as the plugin itself; the same command_id makes a second try harmless."""
        aggregate, _, name = entry.name.split(":")[1].partition(".")
        try:
            msgspec.convert(entry.arguments, strict(COMMANDS[aggregate, name]))
            command = msgspec.convert(entry.arguments, COMMANDS[aggregate, name])
        except (KeyError, msgspec.ValidationError) as error:
            return Failure(code="invalid_command", hook="command", error=type(error).__name__, final=True)
        answer = await self._around.send(entry.tenant, command)
        codes = ",".join(problem.code for problem in getattr(answer, "errors", ()))
        match answer:
            case Accepted():
                return None
            case Refused() | Invalid():
                return Failure(code=codes[:100] or "refused", hook="command", final=True)
            case Failed(retry=retry):
                return Failure(code=codes[:100] or "failed", hook="command", final=not retry)
        raise PluginError("nonsense", "the answer to a command is none of those that there are")
