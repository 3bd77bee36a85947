"""A programme offers goals to start from, version by version, until it offers them no longer."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.programme.state import Programme, Template
from milepost_contracts.events import programme as events


@evolves(events.TemplatePublished)
def template_published(state: Programme, event: events.TemplatePublished, _recorded: Recorded) -> Programme:
    """Offer that version; goals that began from an older one keep it."""
    template = state.templates.get(event.template) or Template()
    template = msgspec.structs.replace(
        template,
        versions=template.versions.insert(event.version, event),
        latest=max(template.latest, event.version),
    )
    return msgspec.structs.replace(state, templates=state.templates.insert(event.template, template))


@evolves(events.TemplateRetired)
def template_retired(state: Programme, event: events.TemplateRetired, _recorded: Recorded) -> Programme:
    """Offer none of the versions so far."""
    template = state.templates.get(event.template)
    if template is None:
        return state
    template = msgspec.structs.replace(template, retired=template.latest)
    return msgspec.structs.replace(state, templates=state.templates.insert(event.template, template))
