"""The people, places and published keys of the golden examples: everything here is made up and known to everybody."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from milepost_contracts.subjects import tenant_id

TENANT = "acme"


def uid(number: int) -> str:
    """Return an id of the form that the server makes (UUID version 7), the same one for ever."""
    return f"0199c0de-0000-7000-8000-{number:012x}"


class Person(NamedTuple):
    """A person: the reference that events know, and the id of the key that is destroyed to erase the person's words."""

    ref: str
    key_id: str

    @property
    def id(self) -> str:
        """The id of the person's own aggregate."""
        return self.ref.removeprefix("user:")


def _person(number: int) -> Person:
    # Key ids are unrelated to person ids, so that nobody finds the one by the other.
    return Person(f"user:{uid(number)}", hashlib.sha256(f"example key id {number}".encode()).hexdigest()[:32])


MARA, TOM, INES, LENA, NOOR, ZOE = (_person(number) for number in range(1, 7))
PEOPLE = (MARA, TOM, INES, LENA, NOOR, ZOE)
ORGANISATION = _person(0)  # whose key stands in where there is no person: outside goals, and for services
SETUP, IMPORTER, PUBLISH = "service:setup", "service:hr-import", "service:publish"
ACCEPT, REPLAY = "service:accept", "service:replay"
LEFT = uid(0x0F)  # somebody who said nothing in the examples, and is erased

TENANT_ID = tenant_id(TENANT)
PROGRAMME, CYCLE, NEXT_CYCLE, TEMPLATE = uid(0x10), uid(0x11), uid(0x12), uid(0x13)
MENTORSHIP, CIRCLE, REFUSED = uid(0x20), uid(0x21), uid(0x22)
TALKS, LEAD, GRADES = uid(0x30), uid(0x31), uid(0x32)


def secret(person: Person) -> bytes:
    """Return the 32 bytes of a published example key; never use them for words that matter."""
    return hashlib.sha256(f"milepost example key {person.ref}".encode()).digest()


def by_ref(ref: str | None) -> Person:
    """Return who *ref* is; the organisation where it is no person."""
    return next((person for person in PEOPLE if person.ref == ref), ORGANISATION)
