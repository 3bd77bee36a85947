"""A goal begins as a starter goal, alone or from a programme's template; vague text is welcome."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import blank, within
from milepost.decide.goal.clock import date_in, zone_known
from milepost.decide.goal.conditions import check_start, owner_stands, warn_outcome, warn_past
from milepost.decide.goal.roles import ADMIN, roles_in_tenant
from milepost.decide.goal.state import Goal
from milepost.decide.kernel import EVOLVERS, Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import GoalEvent
from milepost_contracts.events import goal as events
from milepost_contracts.events.programme import TemplatePublished

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_CREATED = frozenset(commands.CreateGoal.__struct_fields__) & frozenset(events.Created.__struct_fields__)
# What makes two goals of one id the same goal, when a lost answer lets somebody begin it again.
_CONTENT = (
    "title",
    "description",
    "kind",
    "focus",
    "priority",
    "horizon",
    "owner",
    "accountable",
    "deadline",
    "time_zone",
    "start_on",
    "visibility",
    "tags",
    "external_ref",
    "template",
    "measures",
    "origin",
)


@decides(commands.CreateGoal)
def create_goal(case: Case) -> list[Change]:
    """Begin a starter goal, with the measures of its template; the same goal again changes nothing."""
    command, reasons = case.command, case.reasons
    _permit(case)
    template = _template(case)
    created = _created(command, template)
    owner_stands(case, command.owner, command.accountable)
    reasons.unless(not blank(created.title), "title_missing", "Give the goal a title, however vague.", "title")
    zone_known(case, command.time_zone)
    check_start(case, command.start_on, command.deadline, "start_on")
    warn_past(case, command.deadline, "deadline", command.time_zone)
    within(case, len(command.tags), "tags", "tags")
    warn_outcome(case, created.focus, laddered=False)
    beginning: list[GoalEvent] = [created]
    for revision, measure in enumerate(template.measures if template else [], start=2):
        named = msgspec.structs.replace(measure, name=_filled(measure.name, command.template.values))
        beginning.append(events.MeasureDefined(definition=named, revision=revision))
    return begun(case, beginning)


def begun(case: Case, beginning: list[GoalEvent]) -> list[Change]:
    """Return *beginning* as changes of a goal that does not exist yet.

    Where it exists: none if its content is what *beginning* would make it, else `goal_id_taken`.
    """
    if case.state is None:
        return [case.change(event) for event in beginning]
    wanted: Goal | None = None
    for event in beginning:
        wanted = EVOLVERS[type(event)](
            wanted, event, Recorded(event, "", case.command.actor, case.now, aggregate_id=case.command.id)
        )
    same = all(getattr(case.state, name) == getattr(wanted, name) for name in _CONTENT)
    case.reasons.unless(same, "goal_id_taken", "Another goal has this id: choose another id.", "id")
    return []


def _permit(case: Case) -> None:
    """Refuse who is no person; a shared goal is begun by who is accountable for it or belongs to its owner."""
    command = case.command
    kind, _, holder_id = command.owner.partition(":")
    allowed = command.actor.startswith("user:")
    if kind != "user" and command.actor != command.accountable:
        holder = case.frame.get((kind, holder_id))
        people = () if holder is None else holder.parties if kind == "mentorship" else holder.admins
        allowed = command.actor in people
    if not allowed and ADMIN not in roles_in_tenant(command.actor, case.frame):
        message = "Only a person may do this, for a shared goal one who belongs to its owner, or an admin."
        case.reasons.refuse("not_allowed", message, "actor")
    case.reasons.raise_any()


def _template(case: Case) -> TemplatePublished | None:
    """Return the template that the command names; refuses one that its programme does not offer."""
    ref = case.command.template
    if ref is None:
        return None
    programme = case.frame.get(("programme", ref.programme))
    template: TemplatePublished | None = programme.template(ref.id, ref.version) if programme is not None else None
    message = "This programme offers no such template in this version: choose one that it offers."
    case.reasons.unless(template, "template_unknown", message, "template")
    return template


def _created(command: commands.CreateGoal, template: TemplatePublished | None) -> events.Created:
    """Return the event, what the command leaves open taken from the template and every value filled in."""
    told: dict[str, Any] = {name: getattr(command, name) for name in _CREATED}
    if command.accountable == command.owner:
        told["accountable"] = None
    if template is not None and command.template is not None:
        if blank(command.title):
            told["title"] = template.title
        if command.kind == "smart":  # what a command says that says nothing of the kind
            told["kind"] = template.kind
        for name in ("description", "focus", "horizon"):
            told[name] = getattr(command, name) or getattr(template, name)
        for name in ("title", "description"):
            told[name] = told[name] and _filled(told[name], command.template.values)
    return events.Created(**told, revision=1)


def _filled(text: str, values: dict[str, str]) -> str:
    """Return *text* with every placeholder `{{name}}` that has a value replaced by it; the others stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


@evolves(events.Created)
def created(_goal: Goal | None, event: events.Created, recorded: Recorded) -> Goal:
    """Begin a goal that its owner drafts."""
    told = {name: getattr(event, name) for name in _CREATED if name != "tags"}
    return Goal(
        **told,
        id=recorded.aggregate_id,
        tags=frozenset(event.tags),
        parties=HashTrieMap(),
        revision=event.revision,
        terms_hash=event.terms_hash,
        created_on=date_in(event.time_zone, recorded.occurred or recorded.recorded),
    )
