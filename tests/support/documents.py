"""Documents as the journal would have made them, for those who read events: numbered, in order, words sealed.

history = History("acme")
history.add(MENTEE, goal.Created(title="Present well", owner=MENTEE))
history.documents        # what the stream carries
await history.vault("acme", MENTEE, kids)       # the keys, as replay gives them
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

from milepost.decide import Recorded, Ref, evolve
from milepost.decide.goal.terms import context_of
from milepost_contracts import subjects
from milepost_contracts.events import WORDS, Event, GoalEvent
from milepost_contracts.sealing import SealingKey, derive, info, seal_data
from tests.support.scenario import MENTEE, NOW, Scenario, uid

ORGANISATION = "organisation"


class Vault:
    """Keys of people that exist for tests alone; what an erased person wrote or owned opens no more."""

    def __init__(self) -> None:
        """Begin with every key there is, since keys are made of names."""
        self._issued: dict[str, tuple[SealingKey, str, str, str]] = {}
        self.erased: set[str] = set()
        self.reachable = True
        self.asked: list[tuple[str, str, frozenset[str]]] = []
        self.reasons: list[str | None] = []

    def key(self, tenant: str, ref: Ref, audience: str, author: str, owner: str) -> SealingKey:
        """Return the key for words of *author* on *ref*."""
        made = derive(_person_key(author), _person_key(owner), info(tenant, "/".join(ref), audience, author, owner))
        self._issued.setdefault(made.kid, (made, audience, author, owner))
        return self._issued[made.kid][0]

    async def __call__(
        self, tenant: str, reader: str, kids: Iterable[str], *, reason: str | None = None
    ) -> dict[str, SealingKey | None]:
        """Return keys to whoever asks, an author's own words to that author alone; None: erased."""
        wanted = frozenset(kids)
        self.asked.append((tenant, reader, wanted))
        self.reasons.append(reason)
        if not self.reachable:
            raise ConnectionError("the keys cannot be asked for")
        found: dict[str, SealingKey | None] = {}
        for kid in wanted & self._issued.keys():
            key, audience, author, owner = self._issued[kid]
            if audience == "parties" or author == reader:
                found[kid] = None if self.erased & {author, owner} else key
        return found


class History:
    """The events of one tenant, as documents."""

    def __init__(self, tenant: str = "acme", vault: Vault | None = None, *, now: dt.datetime = NOW) -> None:
        """Begin with none; *now* is when the next event is recorded."""
        self.tenant = tenant
        self.vault = vault or Vault()
        self.now = now
        self.documents: list[bytes] = []
        self.states: dict[Ref, Any] = {}
        self._versions: dict[Ref, int] = {}

    def add(self, by: str, event: Event, id: str | None = None, *, occurred: dt.datetime | None = None) -> str:  # noqa: A002  the wire's word
        """Let *event* have happened to aggregate *id* (absent: the kind's default), by *by*; return the event's id."""
        kind = event.AGGREGATE
        ref = (kind, id or (subjects.tenant_id(self.tenant) if kind == "tenant" else uid(kind)))
        number = len(self.documents) + 1
        event_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.tenant} {number}"))
        recorded = Recorded(event, event_id, by, self.now, occurred, ref[1])
        self.states[ref] = evolve(self.states.get(ref), recorded)
        if isinstance(event, GoalEvent):
            event = msgspec.structs.replace(event, context=context_of(self.states[ref]))
        self._append(ref, event, event_id, by, occurred)
        return event_id

    def add_raw(self, by: str, kind: str, tag: str, data: dict[str, Any], id: str | None = None) -> None:  # noqa: A002  the wire's word
        """Let an event have happened whose tag these contracts may not know; nothing in it is sealed."""
        self._write((kind, id or uid(kind)), tag, data, str(uuid.uuid4()), by, None)

    def scenario(self, scenario: Scenario) -> None:
        """Let everything have happened that happened in *scenario*, event ids and times included."""
        for ref, recorded in scenario.history:
            self.now = recorded.recorded
            self.states[ref] = evolve(self.states.get(ref), recorded)
            self._append(ref, recorded.event, recorded.id, recorded.actor, recorded.occurred)

    def pass_days(self, days: int) -> None:
        """Let time pass."""
        self.now += dt.timedelta(days=days)

    @property
    def sequence(self) -> str:
        """The sequence of the last event."""
        return f"{len(self.documents):016d}"

    def _append(self, ref: Ref, event: Event, event_id: str, by: str, occurred: dt.datetime | None) -> None:
        state = self.states[ref]
        author = by if by.startswith("user:") else ORGANISATION
        owner = ORGANISATION
        if ref[0] == "goal":
            owner = state.owner if state.owner.startswith("user:") else state.accountable or ORGANISATION
        members = json.loads(msgspec.json.encode(event))
        seal_data(
            members,
            WORDS[event.TAG],
            event_id,
            lambda audience: self.vault.key(self.tenant, ref, audience, author, owner),
        )
        self._write(ref, event.TAG, members, event_id, by, occurred)

    def _write(
        self, ref: Ref, tag: str, members: dict[str, Any], event_id: str, by: str, occurred: dt.datetime | None
    ) -> None:
        version = self._versions[ref] = self._versions.get(ref, 0) + 1
        document = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/milepost/{self.tenant}",
            "type": tag,
            "subject": "/".join(ref),
            "time": f"{self.now:%Y-%m-%dT%H:%M:%S.%f}Z",
            "datacontenttype": "application/json",
            "dataschema": f"urn:milepost:schema:{tag}",
            "tenant": self.tenant,
            "version": version,
            "sequence": f"{len(self.documents) + 1:016d}",
            "actor": by,
            "data": members,
        }
        if occurred is not None:
            document["occurredat"] = occurred.isoformat()
        self.documents.append(msgspec.json.encode(document))


def subject_of(document: bytes) -> str:
    """Return the bus subject of an event's document."""
    told = json.loads(document)
    kind, _, id_ = told["subject"].partition("/")
    return subjects.event(told["tenant"], kind, id_, told["type"].split(".")[1])


def _person_key(person: str) -> bytes:
    return hashlib.sha256(person.encode()).digest()


__all__ = ["MENTEE", "History", "Vault", "subject_of"]
