"""An event is said in one sentence: what somebody did, with the words it was done with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# By event: what its actor did. `{member}` is the event's own, `{member~}` a code in plain words, `{member:collection}`
# what the item is called, `{member?so|otherwise}` depends on it.
SENTENCES: dict[str, str] = {
    "goal.created": "brought the goal “{title}”",
    "goal.imported": "brought in the goal “{terms.title}” from {origin.system}, {state} as of {as_of}",
    "goal.placed": "placed the goal",
    "goal.refined": "put the terms into better words",
    "goal.deadline_set": "set the deadline to {new}",
    "goal.deadline_shifted": "moved the deadline from {old} to {new} ({days} days)",
    "goal.schedule_set": "set the schedule",
    "goal.measure_defined": "defined the measure “{definition.name}”: {definition.target} {definition.unit}",
    "goal.target_revised": "moved the target of “{measure:measures}” from {old} to {new}",
    "goal.measure_retired": "retired the measure “{measure:measures}”",
    "goal.evaluated": "held revision {revision} against the checklist: {passed?passed|not passed}",
    "goal.proposed": "proposed revision {revision}",
    "goal.agreed": "agreed to revision {revision}",
    "goal.declined": "declined revision {revision}",
    "goal.agreement_withdrawn": "took the yes to revision {revision} back",
    "goal.activated": "began the work on revision {revision}",
    "goal.progress_recorded": "recorded {reading}{step} on {on} for “{measure:measures}”",
    "goal.progress_corrected": "{strike?struck|corrected} the reading of {before.on} for “{measure:measures}”",
    "goal.check_in_held": "held a check-in on {held_on}",
    "goal.check_in_amended": "amended the check-in of {check_in:check_ins}",
    "goal.check_in_voided": "said that the check-in of {check_in:check_ins} did not happen",
    "goal.check_in_acknowledged": "acknowledged the check-in of {check_in:check_ins}",
    "goal.obstacle_raised": "raised the obstacle “{title}”",
    "goal.obstacle_resolved": "resolved the obstacle “{obstacle:obstacles}”",
    "goal.milestone_added": "added the milestone “{title}”, due {due_on}",
    "goal.milestone_rescheduled": "moved the milestone “{milestone:milestones}” from {old} to {new}",
    "goal.milestone_hit": "hit the milestone “{title}” on {hit_on}",
    "goal.milestone_hit_retracted": "took the hit of “{milestone:milestones}” back",
    "goal.milestone_dropped": "dropped the milestone “{milestone:milestones}”",
    "goal.action_added": "added the action “{title}”",
    "goal.action_completed": "completed the action “{action:actions}” on {completed_on}",
    "goal.action_reopened": "reopened the action “{action:actions}”",
    "goal.action_dropped": "dropped the action “{action:actions}”",
    "goal.health_set": "set the health to {health~} until {until}",
    "goal.aligned": "aligned the goal with {parent}",
    "goal.unaligned": "took the alignment with {parent} away",
    "goal.child_aligned": "aligned {child} with the goal",
    "goal.child_unaligned": "took the alignment of {child} away",
    "goal.ownership_transferred": "handed the goal from {old} to {new}",
    "goal.party_added": "added {party.ref} as {party.role}",
    "goal.party_removed": "removed {party}",
    "goal.party_replaced": "put {new.ref} in the place of {old}",
    "goal.contributor_added": "added {ref} as a contributor ({role})",
    "goal.contributor_removed": "removed {ref} from the contributors",
    "goal.visibility_changed": "changed who may see it from {old} to {new}",
    "goal.paused": "paused the goal on {paused_on}",
    "goal.resumed": "resumed the goal on {resumed_on}",
    "goal.closed": "closed the goal on {closed_on}: {result~}",
    "goal.closure_amended": "amended the closing: {old_result~} is now {new_result~}",
    "goal.reopened": "reopened the goal on {reopened_on}",
    "goal.archived": "archived the goal",
    "goal.carried_over": "carried the goal over into another cycle",
    "goal.resource_attached": "attached “{title}”",
    "goal.feedback_given": "gave feedback: “{text}”",
    "goal.feedback_retracted": "took feedback back",
    "goal.reflection_recorded": "wrote in the diary",
    "goal.comment_posted": "remarked: “{text}”",
    "goal.tagged": "changed the labels",
    "mentorship.requested": "asked for a mentorship",
    "mentorship.accepted": "accepted the mentorship",
    "mentorship.rejected": "rejected the mentorship",
    "mentorship.expectations_agreed": "agreed to the expectations",
    "mentorship.purpose_set": "set the purpose: “{purpose}”",
    "mentorship.cadence_set": "set how often they meet",
    "mentorship.cap_set": "set the cap from {old} to {new} active goals",
    "mentorship.quorum_set": "set whose yes a goal needs from {old} to {new}",
    "mentorship.session_held": "held a session on {held_on}",
    "mentorship.party_replaced": "put {new.ref} in the place of {old}",
    "mentorship.party_removed": "removed {party}",
    "mentorship.completed": "completed the mentorship on {completed_on}",
    "mentorship.cancelled": "cancelled the mentorship on {cancelled_on}",
    "mentorship.reflection_recorded": "wrote in the diary",
    "mentorship.resource_attached": "attached “{title}”",
    "mentorship.key_area_opened": "took a place under the cap for {goal}",
    "mentorship.key_area_released": "gave the place of {goal} back",
    "mentorship.goal_joined": "placed {goal} here",
    "mentorship.goal_left": "let {goal} leave",
    "programme.created": "began the programme “{title}”",
    "programme.rubric_set": "set the checklist {rubric.id}, version {rubric.version}",
    "programme.cadence_set": "set how often goals are checked in on",
    "programme.cap_set": "set the cap to {new} active goals",
    "programme.template_published": "published the template “{title}”, version {version}",
    "programme.template_retired": "retired a template",
    "programme.participant_enrolled": "enrolled {participant} as {role}",
    "programme.participant_withdrawn": "withdrew {participant}",
    "programme.cycle_planned": "planned the cycle “{title}”, {starts_on} to {ends_on}",
    "programme.cycle_opened": "opened the cycle “{cycle:cycles}”",
    "programme.cycle_closed": "closed the cycle “{cycle:cycles}”",
    "programme.survey_recorded": "recorded the survey “{title}”: {answered} of {invited} answered",
    "programme.cost_recorded": "recorded a cost of {amount} {currency}",
    "programme.benefit_recorded": "recorded a benefit of {amount} {currency}",
    "programme.closed": "closed the programme on {closed_on}",
    "person.linked": "told name or accounts",
    "person.held": "put a legal hold on what is known of the person",
    "person.released": "released the legal hold",
    "person.erased": "erased the person",
    "person.keys_destroyed": "destroyed the person's keys",
    "tenant.opened": "opened the tenant",
    "tenant.role_granted": "gave {ref} the role {role}",
    "tenant.role_revoked": "took the role {role} from {ref}",
    "tenant.stream_refilled": "filled the stream again with {from} to {to}",
    "tenant.retention_set": "set how long people are kept",
    "tenant.wrapping_key_rotated": "changed the key that wraps persons' keys",
    "tenant.signing_key_rotated": "changed the key that signs checkpoints",
    "tenant.closed": "closed the tenant",
    "access.recorded": "read: {kind}",
}
_PLACE = re.compile(r"\{([a-z_.]+)(~|:([a-z_]+)|\?([^|}]*)\|([^}]*))?\}")
_WORDS_MAX = 80  # of one member: a sentence is read at a glance, and the event has all of it
# What stands for words that cannot be read, by why.
UNREADABLE = {"erased": "(erased)", "not_entitled": "(not for you)", "broken": "(not as it was sealed)"}

# (collection, id) -> what the item is called, None where that is not known.
Called = Callable[[str, str], str | None]


def sentence(type_: str, members: dict[str, Any], called: Called) -> str:
    """Return what the event *type_* with these *members* (words opened, or as UNREADABLE says) says its actor did.

    People and other aggregates are told by reference, so that who shows the sentence may put names there. An event
    that is younger than this code is said by its name.
    """
    kind = type_.rpartition(".v")[0]
    template = SENTENCES.get(kind)
    if template is None:
        return kind.partition(".")[2].replace("_", " ")

    def filled(found: re.Match[str]) -> str:
        name, how, collection, so, otherwise = found.groups()
        value = _at(members, name)
        if collection:
            return _said(called(collection, str(value)) or value)
        if so is not None:
            return so if value else otherwise
        return _said(value).replace("_", " ") if how else _said(value)

    said = " ".join(_PLACE.sub(filled, template).split())
    for words in UNREADABLE.values():
        said = said.replace(f"“{words}”", words)
    return said


def _at(members: Any, path: str) -> Any:
    for name in path.split("."):
        members = members.get(name) if isinstance(members, dict) else None
    return members


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= _WORDS_MAX else text[:_WORDS_MAX].rstrip() + "..."
