"""What every command has: its own id, the aggregate's id, and who asks."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from milepost_contracts.types import ActorRef, Id, Instant, PersonRef, Value


class Command(Value, frozen=True, kw_only=True):
    """A wish; its name on the wire is its class name in snake case, under its aggregate.

    `actor` is who asks; `on_behalf_of` is recorded and gives no right of its own. `occurred_at` is when it happened
    as the asker claims, where that is not now.
    """

    AGGREGATE: ClassVar[str] = ""
    NAME: ClassVar[str] = ""

    command_id: Id
    id: Id
    actor: ActorRef
    on_behalf_of: PersonRef | None = None
    expected_version: Annotated[int, Meta(ge=0)] | None = None
    occurred_at: Instant | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give *cls* its name: `ShiftDeadline` is `shift_deadline`."""
        super().__init_subclass__(**kwargs)
        cls.NAME = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
