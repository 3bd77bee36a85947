"""A programme offers goals to start from, version by version, until it offers them no longer."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import title_given, within
from milepost.decide.goal.measures import check_measure
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.programme.asking import asked_open
from milepost.decide.programme.state import Programme, Template
from milepost_contracts.commands import programme as commands
from milepost_contracts.events import programme as events


@decides(commands.PublishTemplate)
def publish_template(case: Case) -> list[Change]:
    """Publish a template or its next version; a retired one is offered again that way."""
    programme, command, reasons = asked_open(case), case.command, case.reasons
    template = programme.templates.get(command.template) or Template()
    published = events.TemplatePublished(
        template=command.template,
        version=command.version,
        title=command.title,
        description=command.description,
        kind=command.kind,
        focus=command.focus,
        horizon=command.horizon,
        measures=command.measures,
    )
    if published == programme.template(command.template, command.version):
        return []
    reasons.unless(
        command.version > template.latest,
        "version_not_rising",
        "This template has this version or a later one already: give the next.",
        "version",
        latest=template.latest,
    )
    title_given(case, command.title)
    within(case, len(command.measures), "measures", "measures")
    reasons.unless(
        len({measure.measure for measure in command.measures}) == len(command.measures),
        "measure_twice",
        "Give each measure of the template once.",
        "measures",
    )
    for place, measure in enumerate(command.measures):
        check_measure(case, measure, f"measures.{place}.")
    return [case.change(published)]


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


@decides(commands.RetireTemplate)
def retire_template(case: Case) -> list[Change]:
    """Offer the template no longer; goals that began from it keep it."""
    programme, command = asked_open(case), case.command
    template = programme.templates.get(command.template)
    if template is None:
        case.reasons.refuse("template_unknown", "This programme has no such template.", "template")
        return []
    if template.retired == template.latest:
        return []
    return [case.change(events.TemplateRetired(template=command.template, reason=command.reason))]


@evolves(events.TemplateRetired)
def template_retired(state: Programme, event: events.TemplateRetired, _recorded: Recorded) -> Programme:
    """Offer none of the versions so far."""
    template = state.templates.get(event.template)
    if template is None:
        return state
    template = msgspec.structs.replace(template, retired=template.latest)
    return msgspec.structs.replace(state, templates=state.templates.insert(event.template, template))
