"""What every query and every answer has: who asks, from which sequence on, and a page."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from milepost_contracts.answers import Failed, Invalid, Refused
from milepost_contracts.types import ActorRef, PersonRef, Text, Value

PAGE_MAX = 500  # rows of one page; a page of goals then stays well below the largest message
REASON_CHARS_MAX = 2_000  # why somebody reads: a paragraph, sealed into one small event


class Query(Value, frozen=True, kw_only=True):
    """A question; its name on the wire is its class name in snake case.

    `min_sequence`: wait (bounded) until the answer includes the tenant's events up to this sequence. `cursor` is what
    the last page's answer gave as `next`. `reason`: why it is asked, in people's words; it is kept, sealed, with the
    record of the access, and in no log.
    """

    NAME: ClassVar[str] = ""
    ANSWER: ClassVar[type[Answer]]

    actor: ActorRef
    on_behalf_of: PersonRef | None = None
    min_sequence: Annotated[str, Meta(pattern=r"^[0-9]{16}(?!\n)$")] | None = None
    cursor: Annotated[str, Meta(max_length=400)] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50
    reason: Annotated[Text, Meta(max_length=REASON_CHARS_MAX)] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give *cls* its name and keep it in the registry: `EventsAfter` is `events_after`."""
        super().__init_subclass__(**kwargs)
        cls.NAME = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Answer(Value, frozen=True, kw_only=True, tag_field="status", tag="answered"):
    """A page of an answer: the tenant's sequence it is true at, and the cursor of the next page if there is one."""

    sequence: str = ""
    next: str | None = None


QueryAnswer = Answer | Refused | Invalid | Failed
