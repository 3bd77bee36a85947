"""What can be asked: each query is a request on `goals.query.v1.{tenant}.{caller}.{query}`, its answer a page."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from milepost_contracts.answers import Failed, Invalid, Refused
from milepost_contracts.types import ActorRef, Aggregate, Id, PersonRef, Value

PAGE_MAX = 500  # rows of one page; a page of goals then stays well below the largest message


class Query(Value, frozen=True, kw_only=True):
    """A question; its name on the wire is its class name in snake case.

    `min_sequence`: wait (bounded) until the answer includes the tenant's events up to this sequence. `cursor` is what
    the last page's answer gave as `next`.
    """

    NAME: ClassVar[str] = ""
    ANSWER: ClassVar[type[Answer]]

    actor: ActorRef
    on_behalf_of: PersonRef | None = None
    min_sequence: Annotated[str, Meta(pattern=r"^[0-9]{16}(?!\n)$")] | None = None
    cursor: Annotated[str, Meta(max_length=400)] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give *cls* its name and keep it in the registry: `EventsAfter` is `events_after`."""
        super().__init_subclass__(**kwargs)
        cls.NAME = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Answer(Value, frozen=True, kw_only=True, tag_field="status", tag="answered"):
    """A page of an answer: the tenant's sequence it is true at, and the cursor of the next page if there is one."""

    sequence: str = ""
    next: str | None = None


QueryAnswer = Answer | Refused | Invalid | Failed


class EventsAfterAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """Events of the tenant in order, each as its exact document; `more`: ask again after the last one."""

    events: list[msgspec.Raw] = []
    more: bool = False


class EventsAfter(Query, frozen=True, kw_only=True):
    """What the stream no longer has: the tenant's events after `after` (0: from the beginning), from the journal."""

    ANSWER: ClassVar[type[Answer]] = EventsAfterAnswer

    after: Annotated[int, Meta(ge=0)] = 0


class DerivedKey(Value, frozen=True, kw_only=True):
    """A derived key: `key` is 32 bytes in base64url without padding; None where the words were erased."""

    kid: str
    key: str | None = None


class KeysAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """The keys that the asker is entitled to; kids that are not in it are unknown or not for the asker."""

    keys: list[DerivedKey] = []


class Keys(Query, frozen=True, kw_only=True):
    """Keys that open sealed words, per aggregate and audience, by role and visibility. Asking is recorded."""

    ANSWER: ClassVar[type[Answer]] = KeysAnswer

    kids: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=1000)]


class AsOfAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """The aggregate as it was after `version`, words opened where the asker may read them."""

    aggregate: Aggregate
    id: Id
    version: int
    state: dict[str, Any] = {}


class AsOf(Query, frozen=True, kw_only=True):
    """An aggregate as it was after its event `version` (absent: as it is)."""

    ANSWER: ClassVar[type[Answer]] = AsOfAnswer

    aggregate: Aggregate = "goal"
    id: Id
    version: Annotated[int, Meta(ge=1)] | None = None


def _all() -> dict[str, type[Query]]:
    return {
        value.NAME: value
        for value in globals().values()
        if isinstance(value, type) and issubclass(value, Query) and value is not Query
    }


QUERIES: dict[str, type[Query]] = _all()
