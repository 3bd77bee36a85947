"""A story in which every released event happens at least once, told in order; `golden/` and `stream.ndjson` hold it."""

from __future__ import annotations

from dataclasses import dataclass, field

from milepost_contracts.events import Event, GoalEvent
from milepost_contracts.events.base import Context
from milepost_contracts.types import Party


def event_id(number: int) -> str:
    """Return the id of the story's event with *number*, counted from 1."""
    return f"0199c1a0-{number:04x}-7000-8000-{number:012x}"


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the story: its aggregate's id, its day and actor, and whether it shares the command before it."""

    on: str
    actor: str
    aggregate_id: str
    event: Event
    context: Context | None
    same_command: bool
    occurred_at: str
    on_behalf_of: str = ""


@dataclass(slots=True)
class Story:
    """Collects events as they are told, and remembers what each goal belongs to meanwhile."""

    told: list[Told] = field(default_factory=list)
    contexts: dict[str, Context] = field(default_factory=dict)
    on: str = ""

    def day(self, on: str) -> None:
        """Go on to a later day."""
        assert on > self.on, f"{on} is not after {self.on}"
        self.on = on

    def tell(
        self,
        actor: str,
        aggregate_id: str,
        event: Event,
        *,
        same: bool = False,
        occurred_at: str = "",
        on_behalf_of: str = "",
    ) -> None:
        """Let *event* happen; *same*: it comes with the event before it, from one command."""
        context = self.contexts[aggregate_id] if isinstance(event, GoalEvent) else None
        self.told.append(Told(self.on, actor, aggregate_id, event, context, same, occurred_at, on_behalf_of))

    def event_id(self) -> str:
        """Return the id of the event told last."""
        return event_id(len(self.told))

    def belongs(
        self,
        goal: str,
        *,
        owner: str,
        parties: list[Party],
        mentorship: str | None = None,
        programme: str | None = None,
        cycle: str | None = None,
    ) -> None:
        """Say what *goal* belongs to from its next event on, which is the one that makes it so."""
        self.contexts[goal] = Context(
            owner=owner,
            accountable=None,
            parties=sorted(parties, key=lambda party: party.ref),
            mentorship=mentorship,
            programme=programme,
            cycle=cycle,
        )
