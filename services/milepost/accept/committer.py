"""Commands in flight are decided one after another and share one durable transaction; then each is answered.

One thread does all of it, so that a decision always sees what its batch has caused so far. While it waits for the
disk, the event loop takes in the next commands. What the journal drops, because an aggregate that was read has moved,
is decided again on the newest state; the third attempt is decided inside the append lock.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from milepost.accept.deciding import Attempt, Clock, Decider, Pending, Ticket, accepted, failed
from milepost.decide import Limits
from milepost.journal import Committed, Journal, JournalUnavailable, KeyStore, KeysUnavailable, Outcome, OutcomeUnknown
from milepost_contracts.answers import Accepted

BATCH_MAX = 256  # a transaction of so many stays below 20 ms on either database, so nobody waits long for neighbours
QUEUE_MAX = 8192  # about two seconds of work; more would only be answered after its caller has given up


class Committer:
    """Takes tickets from any thread, answers them from its own."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyStore,
        *,
        clock: Clock,
        limits: Limits,
        log: FilteringBoundLogger,
        committed: Callable[[], None] = lambda: None,
        alone: bool = True,
        batch_max: int = BATCH_MAX,
    ) -> None:
        """Take *committed*, called after each commit (the relay's hint), and *alone*: no other process appends."""
        self._journal = journal
        self._keys = keys
        self._decider = Decider(journal, keys, clock=clock, limits=limits)
        self._states = self._decider.states
        self._log = log
        self._committed = committed
        self._alone = alone
        self._batch_max = batch_max
        self._queue: queue.Queue[Ticket | None] = queue.Queue(maxsize=QUEUE_MAX)
        self._again: list[Ticket] = []
        self._thread = threading.Thread(target=self._run, name="accept-commit", daemon=True)
        self._stopping = False
        self._forget = threading.Event()

    def start(self) -> None:
        """Begin to take tickets."""
        self._thread.start()

    def submit(self, ticket: Ticket) -> None:
        """Queue *ticket*; it is answered by `ticket.reply`, at once where nothing more can be taken."""
        if self._stopping:
            ticket.reply(ticket, failed("stopping", "The service stops; send the same command again."))
            return
        try:
            self._queue.put_nowait(ticket)
        except queue.Full:
            ticket.reply(ticket, failed("overloaded", "Too many commands wait; send the same command again later."))

    def forget(self) -> None:
        """Drop every kept state before the next batch, e.g. after keys were destroyed."""
        self._forget.set()

    def stop(self) -> None:
        """Commit and answer what was begun, answer the rest `failed, retry`, and return when all of it is done."""
        if self._stopping:
            return
        self._stopping = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            tickets, last = self._take()
            if self._forget.is_set():
                self._forget.clear()
                self._states.clear()
            if tickets:
                self._batch(tickets)
            if last:
                break
        for ticket in self._again + self._rest():
            ticket.reply(ticket, failed("stopping", "The service stops; send the same command again."))

    def _take(self) -> tuple[list[Ticket], bool]:
        tickets, self._again = self._again[: self._batch_max], self._again[self._batch_max :]
        last = False
        block = not tickets
        while len(tickets) < self._batch_max and not last:
            try:
                ticket = self._queue.get(block=block)
            except queue.Empty:
                break
            block = False
            if ticket is None:
                last = True
            else:
                tickets.append(ticket)
        return tickets, last

    def _rest(self) -> list[Ticket]:
        rest: list[Ticket] = []
        while True:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return rest
            if ticket is not None:
                rest.append(ticket)

    def _batch(self, tickets: list[Ticket]) -> None:
        pending: dict[str, Pending] = {}
        attempts: list[Attempt] = []
        for ticket in tickets:
            tenant = ticket.decoded.tenant
            over = pending.get(tenant) or pending.setdefault(tenant, Pending(self._states, tenant))
            try:
                attempts.append(self._decider.attempt(ticket, over))
            except (JournalUnavailable, KeysUnavailable):
                ticket.reply(ticket, failed("journal_unavailable", "The journal does not answer; send it again."))
            except Exception:  # noqa: BLE001  a defect met by one command must not stop its neighbours
                self._log.exception("defect", command=type(ticket.decoded.command).__name__, tenant=tenant)
                ticket.reply(ticket, failed("internal_error", "This command met a defect; it was logged.", retry=False))
        appends = [attempt.append for attempt in attempts if attempt.append is not None]
        outcomes: dict[int, Outcome] = {}
        if appends:
            try:
                self._keys.flush()
                outcomes = dict(zip(map(id, appends), self._journal.append(appends), strict=True))
            except OutcomeUnknown:
                # Some of it may be stored: whoever finds its own command id in the journal is answered from there.
                self._states.clear()
                self._again = [attempt.ticket for attempt in attempts] + self._again
                return
            except (JournalUnavailable, KeysUnavailable):
                self._states.clear()
                for attempt in attempts:
                    attempt.ticket.reply(
                        attempt.ticket, failed("journal_unavailable", "Nothing was stored; send it again.")
                    )
                return
        self._settle(attempts, outcomes, pending)

    def _settle(self, attempts: list[Attempt], outcomes: dict[int, Outcome], pending: dict[str, Pending]) -> None:
        whole = all(isinstance(outcome, Committed) for outcome in outcomes.values()) and not any(
            attempt.ticket.anew for attempt in attempts
        )
        for tenant, over in pending.items():
            for ref, loaded in over.changed.items():
                # Where something was dropped or decided anew, what this batch thought of its aggregates may be wrong.
                if whole:
                    self._states.put(tenant, ref, loaded)
                else:
                    self._states.forget(tenant, ref)
        for attempt in attempts:
            outcome = outcomes.get(id(attempt.append)) if attempt.append is not None else None
            if isinstance(outcome, Committed):
                attempt.ticket.reply(attempt.ticket, _accepted(attempt.ticket, outcome))
            elif attempt.answer is None or (attempt.shaky and not whole) or not self._still(attempt):
                self._retry(attempt)
            else:
                attempt.ticket.reply(attempt.ticket, attempt.answer)
        if any(isinstance(outcome, Committed) for outcome in outcomes.values()):
            self._committed()

    def _still(self, attempt: Attempt) -> bool:
        """Whether an answer that needs no commit rests on what is still the newest."""
        if self._alone:
            return True
        tenant = attempt.ticket.decoded.tenant
        return all(self._journal.head(tenant, ref) == version for ref, version in attempt.reads.items())

    def _retry(self, attempt: Attempt) -> None:
        for ref in attempt.reads:
            self._states.forget(attempt.ticket.decoded.tenant, ref)
        self._again.append(attempt.ticket)


def _accepted(ticket: Ticket, outcome: Committed) -> Accepted:
    command = ticket.decoded.command
    return accepted(command.id, (command.AGGREGATE, command.id), outcome.events, ticket.warnings)
