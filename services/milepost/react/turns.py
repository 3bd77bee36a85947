"""A plugin's process is asked for turns; what is none, or asks for what it may not, is a failure, and begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from milepost.react.incoming import Incoming, Words, incoming
from milepost.react.permitting import forbidden
from milepost.react.process import Died, Process
from milepost.react.telling import Telling
from milepost_contracts.frames import Batch, Performing, Taken
from milepost_contracts.keeping import Kept, keep, of_outcome
from milepost_contracts.plugin import DESTROYED, ERASED, Delivered, Manifest, Mode
from milepost_contracts.running import Done, Failure

if TYPE_CHECKING:
    from milepost.react.worker import Around


class Turns:
    """Asks one process of a plugin; whoever keeps what comes of it is its asker."""

    def __init__(self, process: Process, words: Words, around: Around, plugin: str) -> None:
        """Take the plugin's process, which runs, and what opens words; `wakes` are set when something may go out."""
        assert process.manifest is not None  # noqa: S101  it has started
        self.manifest: Manifest = process.manifest
        self.hooks = process.hooks
        self.process = process
        self.wakes: tuple[asyncio.Event, ...] = ()
        # Held while a turn is made and kept: the next one has to see what it wrote.
        self.turning = asyncio.Lock()
        self._words = words
        self._around = around
        self._policy = around.policy
        self._log = around.log.bind(plugin=plugin)
        self.tell = Telling(self._log).tell  # what any of its processes says

    def awake(self) -> None:
        """Have whoever sends look what there is."""
        for wake in self.wakes:
            wake.set()

    def forget(self, events: Sequence[Incoming]) -> None:
        """Open nothing any more for who was erased by one of *events*."""
        for event in events if self.manifest.permissions.words else ():
            if event.name in (ERASED, DESTROYED):  # keys may have been asked for between the two
                self._words.forget(event.tenant)

    async def anew(self) -> None:
        """Start the process again: another one, with nothing of what was."""
        await self.process.kill()
        await self.process.start()

    async def asked(self, verb: str, given: object, hook: str) -> Done:
        """Ask for one turn, while `turning` is held; a process that ends with it has failed, and is started again."""
        timeout_s = self.manifest.timeout_s + self._policy.grace_s
        try:
            done = await self.process.ask(verb, given, Done, timeout_s=timeout_s)
            if why := forbidden(self.manifest, done.turn):
                raise Died("not_permitted", why)  # noqa: TRY301  such a process is not asked again
        except Died as died:
            return Done(failure=await self.died(died, hook))
        self.tell([({"hook": hook}, done.turn.log)])
        return done

    async def batch(self, events: Sequence[Incoming], mode: Mode, after: int) -> Batch:
        """Return *events* as the process is handed them; see Batch."""
        data = await self._words.opened([event.document for event in events])
        items = [
            (event.document, opened, (event.type, event.tenant)) for event, opened in zip(events, data, strict=True)
        ]
        return Batch(items=items, mode=mode, budget_ms=self._policy.budget_s * 1000, after=after)

    async def alone(self, document: bytes, mode: Mode) -> Taken:
        """Have one event taken, by itself, while `turning` is held."""
        event = incoming(document)
        timeout_s = self.manifest.timeout_s + self._policy.grace_s
        batch = await self.batch([event], mode, 0)
        try:
            taken = await self.process.ask("deliver", batch, Taken, timeout_s=timeout_s)
            self.check(taken, 1)
        except Died as died:
            return Taken(count=0, failure=await self.died(died, "on_event"))
        if taken.turns:
            self.tell([({"tenant": event.tenant, "event_id": event.id}, taken.turns[0][1].log)])
        return taken

    def check(self, taken: Taken, events: int) -> None:
        """Raise Died where *taken* cannot be said of so many events, or has turns that ask for what they may not."""
        places = [place for place, _ in taken.turns]
        some = taken.count > 0 if taken.failure is None else taken.count < events
        if not some or not 0 <= taken.count <= events or places != sorted({*places} & {*range(taken.count)}):
            raise Died("nonsense", "what the process says it has taken is not what it was given")
        for _, turn in taken.turns:
            if why := forbidden(self.manifest, turn):
                raise Died("not_permitted", why)

    async def died(self, died: Died, hook: str) -> Failure:
        """Start the process again; return why what it was doing failed."""
        self._log.warning("plugin_died", code=died.code, why=str(died), hook=hook)
        await self.anew()
        return Failure(code=died.code, hook=hook, error=str(died))

    async def performed(self, performing: Performing) -> Kept | None:
        """Tell the plugin what came of an effect; return what that came to, None where it does not want to know.

        To be called, and its result kept, while `turning` is held.
        """
        if "on_performed" not in self.hooks or performing.outcome is None:
            return None
        done = await self.asked("performed", performing, "on_performed")
        if done.failure is not None:
            self._log.warning("plugin_failed", hook="on_performed", code=done.failure.code, place=done.failure.place)
            return None
        event = None if performing.document is None else Delivered(performing.document)
        cause = of_outcome(self.manifest, msgspec.structs.replace(performing.effect, event=event))
        return keep(self.manifest, cause, done.turn, mode="live", now=self._around.clock())
