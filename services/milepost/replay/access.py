"""Who read what is told from the access logs: to auditors all of it, to parties what is theirs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from milepost.decide import Ref
from milepost.journal import Stored
from milepost.journal.opening import opened_event
from milepost.replay.desk import Desk, Told
from milepost.replay.entitlement import holder_of
from milepost.replay.moments import last_until
from milepost.replay.recording import READ
from milepost_contracts.answers import Invalid, Problem, Refused
from milepost_contracts.events.access import Recorded
from milepost_contracts.queries.access import Access, AccessAnswer, AccessEntry
from milepost_contracts.queries.shown import Unread
from milepost_contracts.sealing import PREFIX

# Events that one page looks through: some 100 ms. A page may so have fewer rows than asked for, and a next one.
LOOKED_MAX = 5_000
# Of one answer: the broker's largest message is 1 MiB, and one reading of keys may name a thousand aggregates.
ANSWER_BYTES_MAX = 800_000
DAY = dt.timedelta(days=1)
# What has parties who may know; a programme's participants are none, and the tenant's own aggregate is everybody's.
OF_PARTIES = frozenset({"goal", "mentorship", "person"})


def access(desk: Desk, tenant: str, query: Access, reader: str) -> Told:
    """Answer *query*; refused for what the reader may not know."""
    details: dict[str, Any] = {"aggregate": query.aggregate, "id": query.id, "of": query.reader}
    everything = desk.entitlement.reads_all(tenant, reader)
    ref = (query.aggregate, query.id) if query.id is not None else None
    if not everything and not _theirs(desk, tenant, query, reader, ref):
        return _refused(ref), details
    if query.cursor is not None and not query.cursor.isdecimal():
        message = "Send back what the last page of this query gave as `next`, or leave it out for the first page."
        return Invalid(errors=[Problem(code="invalid_cursor", message=message, field="cursor")]), details
    about = _about(desk, tenant, ref) if ref is not None else None
    page = _Page(desk, tenant, query, about, everything=everything, reader=reader)
    newest = desk.newest(tenant)
    answer = msgspec.structs.replace(page.told(newest), sequence=f"{newest:016d}")
    if ref is None and query.reader == reader:
        details[READ] = ()  # one's own readings are no reading of others
    return answer, details


def _theirs(desk: Desk, tenant: str, query: Access, reader: str, ref: Ref | None) -> bool:
    if ref is not None:
        return ref[0] in OF_PARTIES and desk.entitlement.is_party(tenant, reader, ref)
    return query.reader == reader


def _refused(ref: Ref | None) -> Refused:
    message = "Ask for one goal of yours, or for what you read yourself: the rest is for auditors and admins."
    return Refused(errors=[Problem(code="access_unknown", field="id" if ref else "reader", message=message)])


def _about(desk: Desk, tenant: str, ref: Ref) -> frozenset[Ref]:
    """Return what also tells of *ref* when it is read as a whole: a goal's programme, mentorship and people."""
    found = {ref}
    goal = desk.histories.newest(tenant, ref) if ref[0] == "goal" else None
    if goal is not None:
        found |= {("person", one.partition(":")[2]) for one in goal.people if one.startswith("user:")}
        found |= {(kind, id_) for kind in ("programme", "mentorship") if (id_ := getattr(goal, kind))}
    return frozenset(found)


class _Page:
    """One page being filled, the newest first."""

    def __init__(
        self, desk: Desk, tenant: str, query: Access, about: frozenset[Ref] | None, *, everything: bool, reader: str
    ) -> None:
        self._desk = desk
        self._tenant = tenant
        self._query = query
        self._about = about
        self._reader = reader
        self._opens = everything
        self._entries: list[AccessEntry] = []
        self._unread: list[Unread] = []

    def told(self, newest: int) -> AccessAnswer:
        """Return the page; *newest*: the tenant's last sequence."""
        journal, query = self._desk.journal, self._query
        before = int(query.cursor) if query.cursor is not None else newest + 1
        if query.until is not None and query.cursor is None:
            end = dt.datetime.combine(query.until + DAY, dt.time(), dt.UTC) - dt.timedelta.resolution
            before = last_until(journal, self._tenant, end, newest) + 1
        found = journal.of_kind(self._tenant, "access", before, LOOKED_MAX)
        room = ANSWER_BYTES_MAX
        after = None
        for stored in found:
            if query.since is not None and stored.time < query.since.isoformat():
                return AccessAnswer(accesses=self._entries, unread=self._unread)
            if len(self._entries) == query.limit or room < 0:
                after = stored.sequence + 1
                break
            if (entry := self._entry(stored)) is not None:
                self._entries.append(entry)
                room -= len(stored.document)
        if after is None and len(found) == LOOKED_MAX:
            after = found[-1].sequence
        return AccessAnswer(accesses=self._entries, unread=self._unread, next=str(after) if after else None)

    def _entry(self, stored: Stored) -> AccessEntry | None:
        """Return what *stored* tells, None where it was not asked for."""
        query, event = self._query, stored.event()
        assert isinstance(event, Recorded)  # noqa: S101  logs have no other
        if (query.reader and holder_of(query.reader) != holder_of(event.reader)) or (
            query.kinds and event.kind not in query.kinds
        ):
            return None
        scopes = event.scopes
        if self._about is not None:
            scopes = [scope for scope in scopes if (scope.aggregate, scope.id) in self._about]
            if not scopes and not event.everything:
                return None
        return AccessEntry(
            sequence=f"{stored.sequence:016d}", event=stored.event_id, recorded=dt.datetime.fromisoformat(stored.time),
            reader=event.reader, via=event.via, kind=event.kind, scopes=scopes, everything=event.everything,
            moments=event.moments, reason=self._reason(stored, event),
        )  # fmt: skip

    def _reason(self, stored: Stored, event: Recorded) -> str | None:
        """Return why it was read, for who may know; where it is not told, the answer says why not."""
        if event.reason is None:
            return None
        why = "not_entitled"
        if self._opens or event.reader == self._reader:
            opened = opened_event(self._desk.keys, self._tenant, stored.ref, stored.envelope)
            assert isinstance(opened, Recorded)  # noqa: S101  the same event
            if opened.reason is not None and not opened.reason.startswith(PREFIX):
                return opened.reason
            why = "erased"
        self._unread.append(Unread(at=f"/accesses/{len(self._entries)}/reason", why=why))
        return None
