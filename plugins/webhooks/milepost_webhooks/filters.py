"""Which endpoints want an event: all filters that an endpoint has must let it through."""

from __future__ import annotations

from milepost_contracts.plugin import Delivered, matches
from milepost_webhooks.config import Endpoint


def wants(endpoint: Endpoint, event: Delivered) -> bool:
    """Whether *event* is for *endpoint*; works for events of a later release too."""
    if event.tenant not in endpoint.tenants and "*" not in endpoint.tenants:
        return False
    if not any(matches(pattern, event.name) for pattern in endpoint.events):
        return False
    if endpoint.aggregates and event.aggregate not in endpoint.aggregates:
        return False
    if endpoint.goals and not (event.aggregate == "goal" and event.aggregate_id in endpoint.goals):
        return False
    return not endpoint.programmes or _programme(event) in endpoint.programmes


def _programme(event: Delivered) -> str | None:
    """Return the programme that the event is about: the programme's own events, and those of the goals in it."""
    if event.aggregate == "programme":
        return event.aggregate_id
    context = event.members.get("context")
    found = context.get("programme") if isinstance(context, dict) else None
    return found if isinstance(found, str) else None
