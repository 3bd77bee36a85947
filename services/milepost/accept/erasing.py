"""Somebody was erased: before anybody is told so, the keys are destroyed, and that is recorded as an event.

A thread of its own does it, because wrapping a large tenant's keys anew takes a while and nobody else has to wait.
What a crash leaves undone is told by the journal: the next start compares its erasures with those of the key store.
"""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from milepost.accept.deciding import Ticket, failed
from milepost.accept.decoding import Decoded, wish_of
from milepost.journal import Journal, JournalError, KeyStore, Rewrapping
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands.person import RecordKeysDestroyed
from milepost_contracts.events.person import Erased, KeysDestroyed

ACCEPT = "accept"
# A key store that does not answer is asked again, the erasure itself being durable in the journal; and so often a
# process that has nothing to do looks whether others have destroyed keys that it still holds.
AGAIN_S = 5.0
RECORD_S = 10.0  # for our own command on its way through the queue, which is one among others
# Makes the id of the command that records an erasure out of the erasing event's, so that it is recorded once.
_RECORDS = uuid.UUID("b5a8e0a4-7d0f-5d5b-9a39-0d8f9b8b2c11")


class _Work(NamedTuple):
    """A person to be erased, and who waits for it (None: nobody any more)."""

    tenant: str
    person: str
    event: str
    ticket: Ticket | None = None
    answer: Accepted | None = None


class Erasing:
    """Takes accepted erasures and answers them when the keys are gone."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyStore,
        *,
        submit: Callable[[Ticket], None],
        forget: Callable[[], None],
        replied: Callable[[], None],
        log: FilteringBoundLogger,
    ) -> None:
        """Take how our own command is submitted, how opened words are forgotten, and what follows a reply."""
        self._journal = journal
        self._keys = keys
        self._submit = submit
        self._forget = forget
        self._replied = replied
        self._log = log
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="accept-erase", daemon=True)

    def start(self) -> None:
        """Destroy what a crash, or a key store from a backup, has left of people whom the journal erased; then begin.

        Raises JournalError.
        """
        asked: dict[tuple[str, str], str] = {}
        recorded: set[str] = set()
        for stored in self._journal.erasures():
            event = stored.event()
            if isinstance(event, KeysDestroyed):
                recorded.add(event.erased)
            else:
                asked[stored.tenant, f"user:{stored.ref[1]}"] = stored.event_id
        done = {(one.tenant, one.person) for one in self._keys.rewrappings() if one.person is not None}
        for (tenant, person), event_id in asked.items():
            if (tenant, person) not in done:
                self._keys.erase(tenant, person)
                self._log.warning("erasure_finished", tenant=tenant, person=person)
            if event_id not in recorded:
                self._queue.put(_Work(tenant, person, event_id))
        for tenant, person in sorted(done - asked.keys()):
            # A journal from an older backup: the words stay closed, and an admin may erase again to have it recorded.
            self._log.warning("erasure_not_in_journal", tenant=tenant, person=person)
        self._thread.start()

    def put(self, ticket: Ticket, answer: Accepted) -> None:
        """Destroy the keys of whom *ticket* erased, and give *answer* after that."""
        decoded = ticket.decoded
        person = f"user:{decoded.command.id}"
        event = next((one.id for one in answer.events if one.type == Erased.TAG), "")
        self._queue.put(_Work(decoded.tenant, person, event, ticket, answer))

    def stop(self) -> None:
        """Finish what was taken, as far as it can be now; the next start goes on with the rest."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        left: deque[_Work] = deque()
        while True:
            try:
                work = self._queue.get(timeout=AGAIN_S)
            except queue.Empty:
                self._look()
                if not left:
                    continue
                work = left.popleft()
            if work is None:
                return
            if not self._done(work):
                left.append(work._replace(ticket=None, answer=None))

    def _look(self) -> None:
        """Forget what others have destroyed, although no command asks for it."""
        try:
            if self._keys.renew():
                self._forget()
        except JournalError as error:
            self._log.warning("keys_unavailable", error=str(error))

    def _done(self, work: _Work) -> bool:
        """Whether *work* is done for good; who waits for it is answered either way."""
        try:
            erased = self._keys.erase(work.tenant, work.person)
            self._forget()
            recorded = self._record(work, erased)
        except Exception as error:  # noqa: BLE001  nobody else would destroy these keys: this thread must live
            self._log.error("keys_not_destroyed", tenant=work.tenant, person=work.person, exc_info=error)
            message = "The erasure is stored, but the keys could not be destroyed yet; send the same command again."
            self._reply(work, failed("keys_not_destroyed", message))
            return False
        self._reply(work, work.answer)
        return recorded

    def _record(self, work: _Work, erased: Rewrapping) -> bool:
        """Record what was done, as a command like any other; whether it is."""
        event = work.event or self._event(work)
        command = RecordKeysDestroyed(
            command_id=str(uuid.uuid5(_RECORDS, event)),
            id=work.person.partition(":")[2],
            actor=f"service:{ACCEPT}",
            erased=event,
            key_ids=erased.key_ids,
            derived=erased.derived,
            survivors=erased.keys,
            generation_before=erased.generation_before,
            generation_after=erased.generation_after,
        )
        answered: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        now = time.monotonic()
        decoded = Decoded(work.tenant, ACCEPT, "nats", command, "", wish_of(command))
        self._submit(Ticket(decoded, lambda _, answer: answered.set_result(answer), now, now + RECORD_S))
        try:
            answer = answered.result(RECORD_S)
        except TimeoutError:  # the service stops, or is slower than anybody waits: it is recorded later
            answer = failed("no_answer", "It was not decided in time.")
        if not isinstance(answer, Accepted):
            codes = [problem.code for problem in answer.errors]
            self._log.warning("erasure_not_recorded", tenant=work.tenant, person=work.person, codes=codes)
        return isinstance(answer, Accepted)

    def _event(self, work: _Work) -> str:
        """Return the id of the event that erased the person before."""
        history = self._journal.load(work.tenant, ("person", work.person.partition(":")[2]))
        found = [stored.event_id for stored in history if stored.tag == Erased.TAG]
        if not found:
            raise JournalError(f"no event erased {work.person} of {work.tenant}")
        return found[-1]

    def _reply(self, work: _Work, answer: Answer | None) -> None:
        if work.ticket is not None and answer is not None:
            work.ticket.reply(work.ticket, answer)
            self._replied()
