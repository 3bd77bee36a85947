"""Every event there is, by tag. A released tag is never edited: a new form gets `.v2` and an upcast."""

from __future__ import annotations

from types import ModuleType

from milepost_contracts.events import access, goal, mentorship, person, programme, tenant
from milepost_contracts.events.base import Context, Event, GoalEvent, TermsEvent
from milepost_contracts.types import words_paths

_BASES = {
    "Event",
    "GoalEvent",
    "TermsEvent",
    "MentorshipEvent",
    "ProgrammeEvent",
    "PersonEvent",
    "TenantEvent",
    "AccessEvent",
}


def _in(module: ModuleType) -> list[type[Event]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Event) and value.__name__ not in _BASES
    ]


EVENTS: dict[str, type[Event]] = {
    event.TAG: event for module in (goal, mentorship, programme, person, tenant, access) for event in _in(module)
}
# Per tag: (path, audience, words) of each member that holds people's words; see types.words_paths.
WORDS = {tag: words_paths(event) for tag, event in EVENTS.items()}
# Tags of events whose words are sealed under the organisation's key alone.
OF_ORGANISATION = frozenset(tag for tag, event in EVENTS.items() if event.OF_ORGANISATION)

__all__ = [
    "EVENTS",
    "OF_ORGANISATION",
    "WORDS",
    "Context",
    "Event",
    "GoalEvent",
    "TermsEvent",
    "access",
    "goal",
    "mentorship",
    "person",
    "programme",
    "tenant",
]
