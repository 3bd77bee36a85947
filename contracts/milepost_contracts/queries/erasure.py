"""Before and after an erasure: what it would take, who is due for it, and the certificate that it happened."""

from __future__ import annotations

from typing import ClassVar

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.types import Aggregate, Day, Id, Instant, PersonRef, Value


class ErasureAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """What nobody can read any more once the person is erased; counted, not told.

    `goals_owned`: with words, `goals_shared` of them with words of others too. `own_words`: texts of the person,
    `own_words_elsewhere` of them on what belongs to others. `others_words`: texts of others on goals of the person.
    `held`: a legal hold forbids it, until the end of `held_until` (None: until it is released).
    """

    person: PersonRef
    erased: Id | None = None
    destroyed: bool = False
    held: bool = False
    held_until: Day | None = None
    goals_owned: int = 0
    goals_shared: int = 0
    own_words: int = 0
    own_words_elsewhere: int = 0
    others_words: int = 0


class Erasure(Query, frozen=True, kw_only=True):
    """What erasing the person `id` would take; for the person, admins and auditors."""

    ANSWER: ClassVar[type[Answer]] = ErasureAnswer

    aggregate: Aggregate = "person"
    id: Id


class Due(Value, frozen=True, kw_only=True):
    """Somebody who has taken part in nothing since `last`; `held`: a legal hold stands against erasing them."""

    person: PersonRef
    last: Instant
    held: bool


class DueForErasureAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """Who is due by the tenant's retention of so many `months` (None: nobody ever is), longest away first."""

    months: int | None = None
    people: list[Due] = []


class DueForErasure(Query, frozen=True, kw_only=True):
    """Who is due for erasure: neither acted nor had a goal on which anything happened for so long.

    For admins and auditors. While the history is still being read it is answered `failed`, retry.
    """

    ANSWER: ClassVar[type[Answer]] = DueForErasureAnswer


class CertificateAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """The certificate, a signed note: see milepost_contracts.proofs.certificate."""

    certificate: str


class Certificate(Query, frozen=True, kw_only=True):
    """The certificate that the keys of the person `id` were destroyed; for admins and auditors."""

    ANSWER: ClassVar[type[Answer]] = CertificateAnswer

    aggregate: Aggregate = "person"
    id: Id
