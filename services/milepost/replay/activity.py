"""Who took part in what, and when last: read from every event once, for the question who is due for erasure."""

from __future__ import annotations

import threading
import time

import msgspec

from milepost.journal import Journal, Stored

PAGE = 2_000
BUDGET_S = 2.0  # of one question: whoever asks waits for 5 s, and asks again by itself


class _Context(msgspec.Struct, frozen=True):
    owner: str = ""
    accountable: str | None = None
    parties: list[_Party] = []


class _Party(msgspec.Struct, frozen=True):
    ref: str


class _Data(msgspec.Struct, frozen=True):
    context: _Context | None = None


_data = msgspec.json.Decoder(_Data)


class Activity:
    """Each person's last event in each tenant; what is new since the last question is read on."""

    def __init__(self, journal: Journal) -> None:
        """Take the journal; nothing is read yet."""
        self._journal = journal
        self._read: dict[str, int] = {}
        self._last: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def last(self, tenant: str, until: int) -> dict[str, str] | None:
        """Return person -> when they last took part, of *tenant* up to sequence *until*; None: ask again, I still read.

        Somebody takes part who acts, or is asked for, and whose goals others act on; times as in documents.
        """
        ends = time.monotonic() + BUDGET_S
        with self._lock:
            last = self._last.setdefault(tenant, {})
            while self._read.get(tenant, 0) < until:
                if time.monotonic() > ends:
                    return None
                stored = self._journal.events_after(tenant, self._read.get(tenant, 0), PAGE)
                for one in stored:
                    for person in _people(one):
                        last[person] = one.time
                if not stored:
                    break
                self._read[tenant] = stored[-1].sequence
            return dict(last)


def _people(stored: Stored) -> set[str]:
    envelope = stored.envelope
    found = {envelope.actor, envelope.onbehalfof}
    if (context := _data.decode(envelope.data).context) is not None:
        found |= {context.owner, context.accountable or "", *(party.ref for party in context.parties)}
    return {one for one in found if one.startswith("user:")}
