"""An erasure is looked at from both ends: what it would take, and the proof that the keys are gone."""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64decode
from typing import NamedTuple

from milepost.journal import Journal, KeyStore
from milepost.replay.desk import Desk, Told
from milepost.replay.proving import checkpoint_of, diverged, included
from milepost.replay.recording import READ
from milepost.replay.tree.signing import SigningKeyError
from milepost.replay.tree.tree import TreeDiverged
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.events.person import Erased, KeysDestroyed
from milepost_contracts.proofs.certificate import Leaf, certified, leaf_of
from milepost_contracts.queries.erasure import (
    Certificate,
    CertificateAnswer,
    Due,
    DueForErasure,
    DueForErasureAnswer,
    Erasure,
    ErasureAnswer,
)
from milepost_contracts.subjects import tenant_id

_KIDS = re.compile(rb'"enc:v1:([A-Za-z0-9_-]+):')
_MONTHS = 12


class Difference(NamedTuple):
    """Journal and key store disagree on who was erased; `code` is `tombstone_without_event` or the other way round."""

    code: str
    tenant: str
    person: str


def differences(journal: Journal, keys: KeyStore) -> list[Difference]:
    """Return who is erased in one of the two alone.

    `tombstone_without_event`: the journal is older than the key store, restored from a backup; the words stay closed.
    `event_without_tombstone`: the keys were not destroyed yet; accept does it when it starts.
    """
    asked = {(one.tenant, f"user:{one.ref[1]}") for one in journal.erasures() if one.tag == Erased.TAG}
    done = {(one.tenant, one.person) for one in keys.rewrappings() if one.person is not None}
    found = [Difference("tombstone_without_event", *one) for one in done - asked]
    found += [Difference("event_without_tombstone", *one) for one in asked - done]
    return sorted(found)


def erasure(desk: Desk, tenant: str, query: Erasure, reader: str) -> Told:
    """Count what erasing a person would take; their words are counted where their keys were used."""
    ref = ("person", query.id)
    details = {"aggregate": "person", "id": query.id, READ: [ref]}
    if not desk.entitlement.may_read(tenant, reader, ref) and reader != f"user:{query.id}":
        return desk.unknown("person"), details
    person, state = f"user:{query.id}", desk.histories.newest(tenant, ref)
    places = {place.kid: place for place in desk.keys.places(tenant, person)}
    counts = dict.fromkeys(places, 0)
    for one in sorted({place.ref for place in places.values()}):
        for stored in desk.journal.load(tenant, one):
            for kid in _KIDS.findall(stored.document):
                if (name := kid.decode()) in counts:
                    counts[name] += 1
    owned = {place.ref for place in places.values() if place.owner == person and place.ref[0] == "goal"}
    shared = {place.ref for place in places.values() if place.ref in owned and place.author != person}
    by = [kid for kid, place in places.items() if place.author == person]
    today = desk.clock().date()
    held = state is not None and state.held(today)
    answer = ErasureAnswer(
        sequence=f"{desk.newest(tenant):016d}",
        person=person,
        erased=state.erased if state is not None else None,
        destroyed=state is not None and state.destroyed,
        held=held,
        held_until=state.hold.until if held and state is not None and state.hold is not None else None,
        goals_owned=len(owned),
        goals_shared=len(shared),
        own_words=sum(counts[kid] for kid in by),
        own_words_elsewhere=sum(counts[kid] for kid in by if places[kid].owner != person),
        others_words=sum(counts[kid] for kid, place in places.items() if place.author != person),
    )
    return answer, details


def due_for_erasure(desk: Desk, tenant: str, _query: DueForErasure, reader: str) -> Told:
    """Tell who is due by the tenant's retention."""
    if not desk.entitlement.reads_all(tenant, reader):
        problem = Problem(
            code="not_allowed", field="actor", message="Only an admin or an auditor of the tenant may ask."
        )
        return Refused(errors=[problem]), {}
    newest = desk.newest(tenant)
    months = desk.histories.newest(tenant, ("tenant", tenant_id(tenant))).retention_months
    if months is None:
        return DueForErasureAnswer(sequence=f"{newest:016d}"), {}
    assert desk.activity is not None  # noqa: S101  the service has one
    last = desk.activity.last(tenant, newest)
    if last is None:
        message = "The history is still being read; ask again."
        return Failed(errors=[Problem(code="still_reading", message=message)]), {}
    today = desk.clock().date()
    year, month = divmod(today.year * _MONTHS + today.month - 1 - months, _MONTHS)
    before = f"{year:04d}-{month + 1:02d}-{today.day:02d}"  # texts compare as days do
    away = sorted((when, person) for person, when in last.items() if when < before)
    people: list[Due] = []
    for when, person in away:
        if desk.keys.is_erased(tenant, person):
            continue
        entry = desk.histories.newest(tenant, ("person", person.partition(":")[2]))
        held = entry is not None and entry.held(today)
        people.append(Due(person=person, last=dt.datetime.fromisoformat(when), held=held))
    return DueForErasureAnswer(sequence=f"{newest:016d}", months=months, people=people), {}


def certificate(desk: Desk, tenant: str, query: Certificate, reader: str) -> Told:
    """Certify that a person's keys were destroyed, as soon as a checkpoint covers the events that say so."""
    ref = ("person", query.id)
    details = {"aggregate": "person", "id": query.id, READ: [ref]}
    if not desk.entitlement.may_read(tenant, reader, ref):
        return desk.unknown("person"), details
    if desk.logs is None:
        message = "No log is kept where this is answered."
        return Failed(errors=[Problem(code="log_unavailable", message=message)], retry=False), details
    try:
        return _certificate(desk, tenant, query.id), details
    except TreeDiverged as error:
        return diverged(str(error)), details
    except SigningKeyError as error:
        return Failed(errors=[Problem(code=error.code, message=str(error))]), details


def _certificate(desk: Desk, tenant: str, person: str) -> CertificateAnswer | Refused | Failed:
    logs = desk.logs
    assert logs is not None  # noqa: S101  looked at before
    history = desk.journal.load(tenant, ("person", person))
    destroyed = next((one for one in reversed(history) if one.tag == KeysDestroyed.TAG), None)
    asked = [one for one in history if one.tag == Erased.TAG]
    if not asked:
        return Refused(errors=[Problem(code="not_erased", field="id", message="This person was not erased.")])
    if destroyed is None:
        message = "The keys are being destroyed; ask again."
        return Failed(errors=[Problem(code="not_destroyed_yet", message=message)])
    told = destroyed.event()
    assert isinstance(told, KeysDestroyed)  # noqa: S101  by its tag
    erased = next(one for one in asked if one.event_id == told.erased)
    signed = checkpoint_of(logs, tenant)
    if signed is None or destroyed.sequence > signed[1].size:
        logs.wish(tenant)
        message = "No checkpoint covers the erasure yet: ask again in a few seconds."
        return Refused(errors=[Problem(code="not_proven_yet", field="id", message=message)])
    note, checkpoint = signed
    leaves: list[Leaf] = []
    for one in (erased, destroyed):
        inclusion = included(logs, tenant, checkpoint, one)
        leaves.append(leaf_of(one.document, [b64decode(step) for step in inclusion.path]))
    issued = desk.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    signers = logs.signers(tenant, note)
    certificate_ = certified(leaves[0], leaves[1], str(note), issued_at=issued, signers=signers)
    return CertificateAnswer(sequence=f"{desk.newest(tenant):016d}", certificate=str(certificate_))
