"""The story becomes documents, byte for byte as the journal would write them, with words sealed by published keys."""

from __future__ import annotations

import datetime as dt
import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope, encode
from milepost_contracts.events import EVENTS, WORDS, TermsEvent
from milepost_contracts.events.goal import Agreed, Proposed
from milepost_contracts.sealing import NONCE_BYTES, PREFIX, SealingKey, derive, info, seal_data
from tests.support.golden import auditing, frame, goals
from tests.support.golden.story import Story, Told, event_id
from tests.support.golden.world import ORGANISATION, PEOPLE, TENANT, Person, by_ref, secret, uid

WARNING = "Published for the examples: never seal words that matter with these keys."


class ExampleKey(SealingKey):
    """Seals with a nonce made from the place, so that an example is the same whenever it is made."""

    def seal(self, words: str, event_id: str, pointer: str) -> str:
        """Return *words* sealed; this is WIRE's form written out once more, and the product opens it."""
        place = f"{event_id}{pointer}".encode()
        nonce = hashlib.sha256(b"milepost example nonce " + place).digest()[:NONCE_BYTES]
        return f"{PREFIX}{self.kid}:{b64(nonce + AESGCM(self.secret).encrypt(nonce, words.encode(), place))}"


def b64(octets: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def tell_all() -> Story:
    """Return the whole story. A new event is told at its end, in a chapter of its own; what is told stays."""
    story = Story()
    frame.opening(story)
    goals.drafting(story)
    goals.working(story)
    goals.changing(story)
    frame.parting(story)
    goals.handing_over(story)
    frame.circle(story)
    goals.ending(story)
    goals.importing(story)
    frame.closing(story)
    frame.erasing(story)
    auditing.reading(story)
    auditing.signing(story)
    return story


class Writer:
    """Turns what is told into documents, one after the other, and keeps the keys that open them."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.keys: dict[str, dict[str, str]] = {}
        self._versions: dict[str, int] = {}
        self._number = 0
        self._command = 0

    def write(self, told: Told) -> bytes:
        """Return the next document."""
        self._number += 1
        self._command += not told.same_command
        subject = f"{type(told.event).AGGREGATE}/{told.aggregate_id}"
        self._versions[subject] = self._versions.get(subject, 0) + 1
        key = self._key(subject, "parties", told)
        tag = told.event.TAG
        clock = dt.datetime.fromisoformat(told.on) + dt.timedelta(
            hours=9, seconds=self._number, microseconds=self._number
        )
        return encode(
            Envelope(
                specversion="1.0",
                id=event_id(self._number),
                source=f"/milepost/{TENANT}",
                type=tag,
                subject=subject,
                time=clock.isoformat(timespec="microseconds") + "Z",
                datacontenttype="application/json",
                dataschema=SCHEMA_PREFIX + tag,
                tenant=TENANT,
                version=self._versions[subject],
                sequence=f"{self._number:016d}",
                actor=told.actor,
                onbehalfof=told.on_behalf_of,
                authnby="nats" if told.actor.startswith("service:") else "gateway:web",
                correlationid=uid(0xC000000 + self._command),
                causationid=uid(0xC000000 + self._command),
                commandhash=key.hash(f"command {self._command}".encode()),
                occurredat=told.occurred_at,
                traceparent=f"00-{self._command:032x}-{self._number:016x}-01" if told.same_command else "",
                data=msgspec.Raw(self._data(told, subject, key)),
            )
        )

    def _data(self, told: Told, subject: str, key: SealingKey) -> bytes:
        event = told.event
        if isinstance(event, TermsEvent | Agreed | Proposed):
            event = msgspec.structs.replace(event, terms_hash=key.hash(f"{subject} {event.revision}".encode()))
        if told.context is not None:
            event = msgspec.structs.replace(event, context=told.context)
        members: dict[str, Any] = msgspec.to_builtins(event)
        seal_data(
            members, WORDS[event.TAG], event_id(self._number), lambda audience: self._key(subject, audience, told)
        )
        return msgspec.json.encode(members)

    def _key(self, subject: str, audience: str, told: Told) -> ExampleKey:
        author, owner = by_ref(told.on_behalf_of or told.actor), _owner(subject, told)
        if told.event.OF_ORGANISATION:
            author = owner = ORGANISATION
        what = info(TENANT, subject, audience, author.key_id, owner.key_id)
        derived = derive(secret(author), secret(owner), what)
        self.keys[derived.kid] = {
            "kid": derived.kid,
            "key": derived.text,
            "aggregate": subject,
            "audience": audience,
            "author_key_id": author.key_id,
            "owner_key_id": owner.key_id,
        }
        return ExampleKey(derived.kid, derived.secret)


def _owner(subject: str, told: Told) -> Person:
    if told.context is not None:
        return by_ref(told.context.owner)
    return by_ref(f"user:{told.aggregate_id}") if subject.startswith("person/") else ORGANISATION


def additions(written: dict[str, bytes]) -> dict[str, bytes]:
    """Return what is still to be written below `contracts/examples/`, by path; *written* is what is there.

    What is there stays as it is for ever: a released form must be readable for ever, so it is never made anew. Raises
    LookupError for a tag that the story does not tell.
    """
    writer = Writer()
    documents = [writer.write(told) for told in tell_all().told]
    stream = written.get("stream.ndjson", b"")
    later = documents[stream.count(b"\n") :]
    files: dict[str, bytes] = {}
    for document in stream.splitlines() + later:
        files.setdefault(f"golden/{msgspec.json.decode(document)['type']}.json", document)
    files = {path: document for path, document in files.items() if path not in written}
    if untold := [tag for tag in EVENTS if f"golden/{tag}.json" not in written.keys() | files.keys()]:
        raise LookupError(f"no golden example: tell {', '.join(untold)} in tests/support/golden/")
    if later:
        files["stream.ndjson"] = stream + b"".join(document + b"\n" for document in later)
        files["keys.json"] = _keys(written.get("keys.json"), writer)
    return files


def _keys(written: bytes | None, writer: Writer) -> bytes:
    persons = [
        {"ref": person.ref if person in PEOPLE else "organisation", "key_id": person.key_id, "key": b64(secret(person))}
        for person in (ORGANISATION, *PEOPLE)
    ]
    known = msgspec.json.decode(written) if written else {"keys": []}
    keys = {key["kid"]: key for key in known["keys"]}
    content = {"warning": WARNING, "tenant": TENANT, "persons": persons, "keys": list((writer.keys | keys).values())}
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
