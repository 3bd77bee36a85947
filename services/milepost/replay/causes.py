"""An event's place in the chain: the command and the plugin that caused it, what it is about, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from milepost.journal import Journal, Stored
from milepost_contracts.plugin import stable_id

# A plugin answers an event within moments; so many events pass in the busiest minute of a large tenant.
SOUGHT_MAX = 2_000
# Commands that one turn of a plugin asks for; each has its number in the command's id.
PLACES_MAX = 20
# Members that name an event, and what the event that has them does to it.
_NAMED = {"corrects": "corrects", "hit_event": "retracts", "feedback_event": "retracts"}
_MILESTONE = ("goal.milestone_added", "goal.milestone_rescheduled")
_ACTION = ("goal.action_added", "goal.action_reopened")
# What an event does to earlier ones of these types that name the same part of the aggregate by this member.
_DOES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "goal.target_revised": ("revises", "measure", ("goal.measure_defined", "goal.target_revised")),
    "goal.measure_retired": ("retires", "measure", ("goal.measure_defined", "goal.target_revised")),
    "goal.check_in_amended": ("amends", "check_in", ("goal.check_in_held", "goal.check_in_amended")),
    "goal.check_in_voided": ("voids", "check_in", ("goal.check_in_held", "goal.check_in_amended")),
    "goal.check_in_acknowledged": ("acknowledges", "check_in", ("goal.check_in_held",)),
    "goal.obstacle_resolved": ("resolves", "obstacle", ("goal.obstacle_raised",)),
    "goal.milestone_rescheduled": ("reschedules", "milestone", _MILESTONE),
    "goal.milestone_hit": ("completes", "milestone", _MILESTONE),
    "goal.milestone_dropped": ("drops", "milestone", _MILESTONE),
    "goal.action_completed": ("completes", "action", _ACTION),
    "goal.action_reopened": ("reopens", "action", ("goal.action_completed",)),
    "goal.action_dropped": ("drops", "action", _ACTION),
    "goal.feedback_given": ("is_about", "check_in", ("goal.check_in_held",)),
}
# Steps that answer or end an earlier one without naming it: the newest of these types before them, alike where both
# have these members.
_STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "goal.agreed": ("answers", ("goal.proposed",)),
    "goal.declined": ("declines", ("goal.proposed",)),
    "goal.resumed": ("ends", ("goal.paused",)),
    "goal.reopened": ("reopens", ("goal.closed", "goal.imported")),
    "goal.closure_amended": ("amends", ("goal.closed", "goal.imported")),
    "goal.unaligned": ("ends", ("goal.aligned",)),
    "goal.child_unaligned": ("ends", ("goal.child_aligned",)),
    "goal.contributor_removed": ("ends", ("goal.contributor_added",)),
    "mentorship.accepted": ("answers", ("mentorship.requested",)),
    "mentorship.rejected": ("declines", ("mentorship.requested",)),
    "mentorship.goal_left": ("ends", ("mentorship.goal_joined",)),
    "mentorship.key_area_released": ("ends", ("mentorship.key_area_opened",)),
    "programme.participant_withdrawn": ("ends", ("programme.participant_enrolled",)),
    "programme.template_retired": ("retires", ("programme.template_published",)),
    "programme.cycle_opened": ("begins", ("programme.cycle_planned",)),
    "programme.cycle_closed": ("ends", ("programme.cycle_opened",)),
    "person.released": ("ends", ("person.held",)),
    "tenant.role_revoked": ("ends", ("tenant.role_granted",)),
}
_ALIKE = ("ref", "role", "participant", "template", "cycle", "goal", "parent", "child")
# What takes an event back, or says that it was otherwise.
TAKEN_BACK = frozenset({"corrects", "strikes", "retracts", "voids", "withdraws"})

Members = dict[str, Any]


class Link(NamedTuple):
    """Another event, and what the later one of the two does to the earlier."""

    how: str
    stored: Stored


class Told(NamedTuple):
    """An event of the aggregate and its data."""

    stored: Stored
    members: Members


class Command(NamedTuple):
    """What one command wrote, in order, and how many events the journal noted of it then (None: no note is found)."""

    together: list[Stored]
    events: int | None


def name_of(stored: Stored) -> str:
    """Return the type of an event without the version of its form: `goal.created`."""
    return stored.tag.rpartition(".")[0]


def command(journal: Journal, chosen: Stored, around: Sequence[Stored]) -> Command:
    """Return the command of *chosen* and what else it caused; *around*: the tenant's events around it, in order."""
    cause = chosen.envelope.causationid
    together = _together(chosen, around)
    for ref in dict.fromkeys(one.ref for one in together):
        known = journal.by_command(chosen.tenant, f"{ref[0]}/{ref[1]}/{cause}") if cause else None
        if known is not None:
            return Command(together, len(known.events))
    return Command(together, None)


def _together(chosen: Stored, around: Sequence[Stored]) -> list[Stored]:
    """Return the events around *chosen* that have its cause: what one command wrote stands together."""
    together = [chosen]
    earlier = [one for one in reversed(around) if one.sequence < chosen.sequence]
    later = [one for one in around if one.sequence > chosen.sequence]
    for beside, place in ((earlier, 0), (later, None)):
        for one in beside:
            if one.envelope.causationid != chosen.envelope.causationid:
                break
            together.insert(len(together) if place is None else place, one)
    return together


def plugin_of(chosen: Stored) -> tuple[str, str] | None:
    """Return the plugin that did it and its version; None: it was no plugin."""
    kind, _, rest = chosen.envelope.actor.partition(":")
    name, _, version = rest.partition("@")
    return (name, version) if kind == "plugin" else None


def asked_by(chosen: Stored, earlier: Sequence[Stored]) -> Stored | None:
    """Return the event that a plugin was answering when it asked for *chosen*, the newest of *earlier* that it can be.

    The ids of a plugin's commands are made of its name, the event and a number, so that whoever has the event can
    tell which one it was.
    """
    plugin = plugin_of(chosen)
    if plugin is None:
        return None
    asked = chosen.envelope.causationid
    return next((one for one in reversed(earlier) if asked in _asks(plugin[0], one.event_id)), None)


def caused_by(chosen: Stored, later: Iterable[Stored]) -> list[Stored]:
    """Return which of *later* plugins asked for when they answered *chosen*."""
    wanted: dict[str, frozenset[str]] = {}
    found = []
    for one in later:
        plugin = plugin_of(one)
        if plugin is None:
            continue
        if plugin[0] not in wanted:
            wanted[plugin[0]] = _asks(plugin[0], chosen.event_id)
        if one.envelope.causationid in wanted[plugin[0]]:
            found.append(one)
    return found


def _asks(plugin: str, event_id: str) -> frozenset[str]:
    return frozenset(stable_id("command", plugin, event_id, str(place)) for place in range(PLACES_MAX))


def earlier(chosen: Told, before: Sequence[Told]) -> list[Link]:
    """Return what *chosen* is about among the events *before* it of the same aggregate."""
    return [Link(how, one.stored) for one in before if (how := _link(one, chosen, before))]


def later(chosen: Told, before: Sequence[Told], after: Sequence[Told]) -> list[Link]:
    """Return what came of *chosen*, which has *before* and *after* in the same aggregate."""
    known = [*before, chosen]
    found = []
    for one in after:
        if how := _link(chosen, one, known):
            found.append(Link(how, one.stored))
        known.append(one)
    return found


def _link(one: Told, other: Told, before: Sequence[Told]) -> str | None:
    """Return what *other* does to *one*, which is among the events *before* it; None: nothing that is told."""
    for member, how in _NAMED.items():
        if other.members.get(member) == one.stored.event_id:
            return "strikes" if other.members.get("strike") else how
    name = name_of(other.stored)
    if name in _DOES:
        how, part, done_to = _DOES[name]
        named = other.members.get(part)
        return how if name_of(one.stored) in done_to and named is not None and named == _part(one, part) else None
    if name not in _STEPS:
        return None
    how, done_to = _STEPS[name]
    newest = next((told for told in reversed(before) if name_of(told.stored) in done_to and _alike(told, other)), None)
    return how if newest is one else None


def _part(told: Told, part: str) -> Any:
    definition = told.members.get("definition")
    return definition["measure"] if part == "measure" and definition else told.members.get(part)


def _alike(one: Told, other: Told) -> bool:
    mine, theirs = one.members, other.members
    return all(mine[name] == theirs[name] for name in _ALIKE if name in mine and name in theirs)
