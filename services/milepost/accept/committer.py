"""Commands in flight are decided one after another and share one durable transaction; then each is answered.

One thread decides, another commits. While a batch is on its way to the disk, the next one is decided on what that
batch has caused, and it is committed as soon as the disk is free: so batches are as large as the disk is slow. What
the journal drops, because an aggregate that was read has moved, is decided again on the newest state, together with
everything that was decided after it; the third attempt of a command is decided inside the append lock.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from milepost.accept.deciding import Attempt, Clock, Decider, Overlay, Ticket, Unreviewed, accepted, failed
from milepost.accept.erasing import Erasing
from milepost.decide import Limits
from milepost.journal import (
    Committed,
    Journal,
    JournalError,
    JournalUnavailable,
    KeyStore,
    KeysUnavailable,
    Outcome,
    OutcomeUnknown,
)
from milepost_contracts.answers import Accepted, Answer, Failed
from milepost_contracts.commands.person import Erase

BATCH_MAX = 256  # a transaction of so many stays below 20 ms on either database, so nobody waits long for neighbours
BATCH_MIN = 24  # so many go to an idle disk although more wait: those are decided meanwhile
# How long keys that another process has destroyed may still be used here: what was sealed with them nobody can open.
# Asking the key store with every batch cost PostgreSQL a tenth of its commands a second.
RENEW_S = 0.05
QUEUE_MAX = 8192  # about two seconds of work; more would only be answered after its caller has given up


def _nothing() -> None:
    """Stand for what nobody wants to be told."""


class _Batch:
    """What was decided together: attempts in order, over the states that they have made."""

    __slots__ = ("appending", "attempts", "overlay")

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay
        self.attempts: list[Attempt] = []
        self.appending: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        if attempt.append is not None:
            self.appending.append(attempt)


class _Done(NamedTuple):
    """A commit has ended: its outcomes, or why there are none."""

    outcomes: Sequence[Outcome]
    error: Exception | None


class Committer:
    """Takes tickets from any thread, answers them from its own."""

    def __init__(  # noqa: PLR0913  where everything is wired, each by its name
        self,
        journal: Journal,
        keys: KeyStore,
        *,
        clock: Clock,
        limits: Limits,
        log: FilteringBoundLogger,
        committed: Callable[[], None] = _nothing,
        replied: Callable[[], None] = _nothing,
        alone: bool = True,
        batch_max: int = BATCH_MAX,
    ) -> None:
        """Keep the ends.

        committed: called after each commit (the relay's hint). replied: called when a run of replies is over.
        alone: no other process appends.
        """
        self._journal = journal
        self._keys = keys
        self._decider = Decider(journal, keys, clock=clock, limits=limits)
        self._states = self._decider.states
        self._log = log
        self._committed = committed
        self._replied = replied
        self._alone = alone
        self._batch_max = batch_max
        # What the deciding thread waits for: tickets (none: only to be woken), and the sign to stop.
        self._inbox: SimpleQueue[Sequence[Ticket] | None] = SimpleQueue()
        self._ended: deque[_Done] = deque()  # looked at before any ticket: the disk is idle until then
        self._outbox: SimpleQueue[_Batch | None] = SimpleQueue()
        self._again: deque[Ticket] = deque()  # to be decided before what is in the inbox
        self._open = _Batch(Overlay(self._states))
        self._committing: _Batch | None = None
        self._erasing = Erasing(journal, keys, submit=self.submit, forget=self.forget, replied=replied, log=log)
        self._deciding = threading.Thread(target=self._decide, name="accept-decide", daemon=True)
        self._writing = threading.Thread(target=self._commit, name="accept-commit", daemon=True)
        self._stopping = False
        self._forget = False
        self._renew_at = 0.0  # by the monotonic clock
        self._queued = 0  # commands in the inbox, in however many frames they came
        self._counting = threading.Lock()

    def start(self) -> None:
        """Begin to take tickets, once nobody is left to be erased; raises JournalError."""
        self._erasing.start()
        self._deciding.start()
        self._writing.start()

    def submit(self, *tickets: Ticket) -> None:
        """Queue *tickets*; each is answered by its `reply`, at once where nothing more can be taken."""
        if self._stopping:
            self._reject(tickets, failed("stopping", "The service stops; send the same command again."))
        elif not self._room_for(len(tickets)):
            self._reject(tickets, failed("overloaded", "Too many commands wait; send the same command again later."))
        else:
            self._inbox.put(tickets)

    def _room_for(self, count: int) -> bool:
        with self._counting:
            if self._queued + len(self._again) + count > QUEUE_MAX:
                return False
            self._queued += count
            return True

    def _reject(self, tickets: Sequence[Ticket], answer: Failed) -> None:
        for ticket in tickets:
            ticket.reply(ticket, answer)
        self._replied()

    def forget(self) -> None:
        """Drop every kept state, e.g. after keys were destroyed; what is being decided is decided anew."""
        self._forget = True
        self._inbox.put(())  # whoever waits for commands does it now

    def stop(self) -> None:
        """Commit and answer what was begun, answer the rest `failed, retry`, and return when all of it is done."""
        if self._stopping:
            return
        self._stopping = True
        self._inbox.put(None)
        self._deciding.join()
        self._outbox.put(None)
        self._writing.join()
        self._erasing.stop()

    # The committing thread

    def _commit(self) -> None:
        while (batch := self._outbox.get()) is not None:
            appends = [attempt.append for attempt in batch.appending if attempt.append is not None]
            try:
                self._keys.flush()
                self._ended.append(_Done(self._journal.append(appends), None))
            except Exception as error:  # noqa: BLE001  the deciding thread tells the kinds apart; this one must live
                self._ended.append(_Done((), error))
            self._inbox.put(())

    # The deciding thread

    def _decide(self) -> None:
        try:
            self._decide_all()
        except Exception:
            # Nobody would be answered any more, and nothing would tell: whoever supervises this starts it again.
            self._log.exception("defect")
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    def _decide_all(self) -> None:
        stopping = False
        while not (stopping and self._committing is None and not self._open.attempts):
            if self._ended:
                self._settle_commit(self._ended.popleft())
            elif self._again and self._has_room() and not stopping:
                self._attempt(self._again.popleft())
            else:
                if self._inbox.empty():
                    self._replied()
                item = self._inbox.get()
                if item is None:
                    stopping = True
                else:
                    with self._counting:
                        self._queued -= len(item)
                    self._again.extend(item)
                self._drop()
            self._begin_commit(now=stopping)
        self._answer_rest()

    def _has_room(self) -> bool:
        return len(self._open.appending) < self._batch_max

    def _renew(self) -> None:
        """Forget keys that were destroyed, by whomever, and the states that may hold words opened with them."""
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + RENEW_S
            if self._keys.renew():
                self._forget = True
        self._drop()

    def _drop(self) -> None:
        """Drop the kept states where that was asked for, and nothing rests on them."""
        if self._forget and self._committing is None and not self._open.attempts:
            self._states.clear()
            self._open = _Batch(Overlay(self._states))
            self._forget = False

    def _attempt(self, ticket: Ticket) -> None:
        try:
            if not self._open.attempts:
                self._renew()
            attempt = self._decider.attempt(ticket, self._open.overlay)
        except (JournalUnavailable, KeysUnavailable):
            ticket.reply(ticket, failed("journal_unavailable", "The journal does not answer; send it again."))
        except Exception:  # noqa: BLE001  a defect met by one command must not stop its neighbours
            self._log.exception("defect", command=type(ticket.decoded.command).__name__, tenant=ticket.decoded.tenant)
            ticket.reply(ticket, failed("internal_error", "This command met a defect; it was logged.", retry=False))
        else:
            if attempt.append is not None or attempt.answer is None or attempt.shaky:
                self._open.add(attempt)
            else:
                self._answer(attempt)

    def _begin_commit(self, *, now: bool) -> None:
        if self._committing is not None:
            return
        if not self._open.appending:
            # What only waited to know whether that which it saw is committed.
            waiting, self._open = self._open, _Batch(Overlay(self._states))
            for attempt in waiting.attempts:
                self._answer(attempt)
        elif now or len(self._open.appending) >= BATCH_MIN or (not self._again and self._inbox.empty()):
            self._committing = self._open
            self._outbox.put(self._committing)
            self._open = _Batch(Overlay(self._states, base=self._committing.overlay))

    def _settle_commit(self, done: _Done) -> None:
        batch, self._committing = self._committing, None
        assert batch is not None  # noqa: S101  a commit ends once
        outcomes = dict(zip(map(id, batch.appending), done.outcomes, strict=False))
        whole = all(isinstance(outcome, Committed) for outcome in done.outcomes) and not any(
            attempt.ticket.anew for attempt in batch.appending
        )
        if whole and done.error is None and not self._forget and self._timely(batch, outcomes):
            for (tenant, ref), loaded in batch.overlay.changed.items():
                self._states.put(tenant, ref, loaded)
            self._open.overlay.base = None
        else:
            # What this batch thought of its aggregates may be wrong, and so may what was decided on it.
            for tenant, ref in batch.overlay.changed:
                self._states.forget(tenant, ref)
            self._again.extendleft(attempt.ticket for attempt in reversed(self._open.attempts))
            self._open = _Batch(Overlay(self._states))
        if done.error is not None or self._forget:
            self._states.clear()
            self._forget = False
        if done.error is not None:
            self._failed(batch, done.error)
            return
        for attempt in batch.attempts:
            outcome = outcomes.get(id(attempt))
            if isinstance(outcome, Committed):
                self._reply(attempt.ticket, _accepted(attempt.ticket, outcome))
            elif whole and attempt.append is None:
                self._answer(attempt)
            else:
                self._retry(attempt)
        self._replied()
        if any(isinstance(outcome, Committed) for outcome in done.outcomes):
            self._committed()

    def _timely(self, batch: _Batch, outcomes: dict[int, Outcome]) -> bool:
        """Whether each event was stored in the hour it was decided in.

        The journal sets the time later, under its lock: around midnight, or when the clock steps, a state that was made
        with the decision's time may name another day than the document does. Such states are read again.
        """
        return all(
            outcome.time.startswith(attempt.ticket.hour)
            for attempt in batch.appending
            if isinstance(outcome := outcomes.get(id(attempt)), Committed)
        )

    def _failed(self, batch: _Batch, error: Exception) -> None:
        if isinstance(error, OutcomeUnknown):
            # Some of it may be stored: whoever finds its own command id in the journal is answered from there.
            self._again.extendleft(attempt.ticket for attempt in reversed(batch.attempts))
            return
        if isinstance(error, JournalUnavailable | KeysUnavailable):
            answer = failed("journal_unavailable", "Nothing was stored; send it again.")
        else:
            self._log.error("defect", error=type(error).__name__, exc_info=error)
            answer = failed("internal_error", "Storing met a defect; it was logged.", retry=False)
        for attempt in batch.attempts:
            attempt.ticket.reply(attempt.ticket, answer)

    def _answer(self, attempt: Attempt) -> None:
        """Give the answer of *attempt*, which needs no commit, where it rests on what is still the newest.

        One that has to be reviewed is handed over instead, and comes in again as a new one.
        """
        try:
            still = attempt.answer is not None and (self._alone or self._newest(attempt))
        except JournalError:
            answer = failed("journal_unavailable", "The journal does not answer; send it again.")
            attempt.ticket.reply(attempt.ticket, answer)
            return
        if not still or attempt.answer is None:
            self._retry(attempt)
        elif not isinstance(attempt.answer, Unreviewed):
            self._reply(attempt.ticket, attempt.answer)
        elif attempt.ticket.review is not None:
            attempt.ticket.review(attempt.ticket, attempt.answer.version)

    def _reply(self, ticket: Ticket, answer: Answer) -> None:
        if isinstance(answer, Accepted) and isinstance(ticket.decoded.command, Erase):
            self._erasing.put(ticket, answer)  # answers it when the keys are gone
        else:
            ticket.reply(ticket, answer)

    def _newest(self, attempt: Attempt) -> bool:
        tenant = attempt.ticket.decoded.tenant
        return all(self._journal.head(tenant, ref) == version for ref, version in attempt.reads.items())

    def _retry(self, attempt: Attempt) -> None:
        for ref in attempt.reads:
            self._states.forget(attempt.ticket.decoded.tenant, ref)
        self._again.append(attempt.ticket)

    def _answer_rest(self) -> None:
        answer = failed("stopping", "The service stops; send the same command again.")
        while not self._inbox.empty():
            if (item := self._inbox.get()) is not None:
                self._again.extend(item)
        self._reject(list(self._again), answer)


def _accepted(ticket: Ticket, outcome: Committed) -> Accepted:
    command = ticket.decoded.command
    return accepted(command.id, (command.AGGREGATE, command.id), outcome.events, ticket.warnings)
