"""Events of mentorships, programmes and tenants: who belongs to them, and the frame they set."""

from __future__ import annotations

from milepost.view.fold.kernel import At, folds
from milepost.view.rows import (
    CycleRow,
    MentorshipRow,
    ParticipantRow,
    ProgrammeRow,
    SurveyRow,
    TemplateRow,
    TenantRow,
)
from milepost_contracts.events import mentorship, person, programme, tenant

# Mentorships


@folds(mentorship.Requested)
def requested(row: MentorshipRow, event: mentorship.Requested, at: At) -> None:
    """Begin a mentorship that the others have to accept."""
    row.requester, row.format, row.programme, row.cadence = (
        event.requester,
        event.format,
        event.programme,
        event.cadence,
    )
    row.parties = {party.ref: party.role for party in event.parties}
    row.purpose = at.words(event.purpose, "/purpose")
    row.requested = at.envelope.time


@folds(mentorship.Accepted)
def accepted(row: MentorshipRow, event: mentorship.Accepted, at: At) -> None:
    """Add a yes; with the last one it runs."""
    if event.party not in row.accepted:
        row.accepted.append(event.party)
    if event.complete:
        row.state, row.started = "active", at.envelope.time


@folds(mentorship.Rejected)
def rejected(row: MentorshipRow, _event: mentorship.Rejected, at: At) -> None:
    """End it before it began."""
    row.state, row.ended_on = "rejected", at.moment.date()


@folds(mentorship.ExpectationsAgreed)
def expectations_agreed(row: MentorshipRow, event: mentorship.ExpectationsAgreed, at: At) -> None:
    """Keep what the party wrote or said yes to."""
    if (words := at.words(event.expectations, "/expectations")) is not None:
        row.expectations[event.party] = words


@folds(mentorship.PurposeSet)
def purpose_set(row: MentorshipRow, event: mentorship.PurposeSet, at: At) -> None:
    """Set the purpose."""
    row.purpose = at.words(event.purpose, "/purpose")


@folds(mentorship.CadenceSet)
def cadence_set(row: MentorshipRow, event: mentorship.CadenceSet, _at: At) -> None:
    """Set the cadence."""
    row.cadence = event.after


@folds(mentorship.CapSet)
def cap_set(row: MentorshipRow, event: mentorship.CapSet, _at: At) -> None:
    """Set the cap."""
    row.cap = event.new


@folds(mentorship.QuorumSet)
def quorum_set(row: MentorshipRow, event: mentorship.QuorumSet, _at: At) -> None:
    """Set the quorum."""
    row.quorum = event.new


@folds(mentorship.SessionHeld)
def session_held(row: MentorshipRow, event: mentorship.SessionHeld, _at: At) -> None:
    """Keep the day, and the next one they settled."""
    row.sessions[event.session] = event.held_on
    row.next_on = event.next_on


@folds(mentorship.PartyReplaced)
def party_replaced(row: MentorshipRow, event: mentorship.PartyReplaced, _at: At) -> None:
    """One person takes another's place."""
    row.parties.pop(event.old, None)
    row.parties[event.new.ref] = event.new.role
    row.expectations.pop(event.old, None)


@folds(mentorship.PartyRemoved)
def party_removed(row: MentorshipRow, event: mentorship.PartyRemoved, _at: At) -> None:
    """Take the person out."""
    row.parties.pop(event.party, None)
    row.expectations.pop(event.party, None)


@folds(mentorship.Completed)
def completed(row: MentorshipRow, event: mentorship.Completed, _at: At) -> None:
    """End it."""
    row.state, row.ended_on = "completed", event.completed_on


@folds(mentorship.Cancelled)
def cancelled(row: MentorshipRow, event: mentorship.Cancelled, _at: At) -> None:
    """End it early."""
    row.state, row.ended_on = "cancelled", event.cancelled_on


@folds(mentorship.KeyAreaOpened)
def key_area_opened(row: MentorshipRow, event: mentorship.KeyAreaOpened, _at: At) -> None:
    """Give the active goal its place."""
    row.key_areas[event.goal] = event.owner


@folds(mentorship.KeyAreaReleased)
def key_area_released(row: MentorshipRow, event: mentorship.KeyAreaReleased, _at: At) -> None:
    """Free the place."""
    row.key_areas.pop(event.goal, None)


@folds(mentorship.GoalJoined)
def goal_joined(row: MentorshipRow, event: mentorship.GoalJoined, _at: At) -> None:
    """Note the open goal."""
    row.goals[event.goal] = event.owner


@folds(mentorship.GoalLeft)
def goal_left(row: MentorshipRow, event: mentorship.GoalLeft, _at: At) -> None:
    """Forget the goal, and the place that it may have held."""
    row.goals.pop(event.goal, None)
    row.key_areas.pop(event.goal, None)


@folds(mentorship.ReflectionRecorded, mentorship.ResourceAttached)
def said(_row: MentorshipRow, _event: mentorship.MentorshipEvent, _at: At) -> None:
    """Leave the row as it is: diaries and shelves of mentorships have no list here."""


# Programmes


@folds(programme.Created)
def created(row: ProgrammeRow, event: programme.Created, at: At) -> None:
    """Begin a programme."""
    row.title = at.words(event.title, "/title")
    row.description = at.words(event.description, "/description")
    row.admins, row.cap, row.cadence = list(event.admins), event.cap, event.cadence


@folds(programme.RubricSet)
def rubric_set(row: ProgrammeRow, event: programme.RubricSet, _at: At) -> None:
    """Set the rubric."""
    row.rubric = (event.rubric.id, event.rubric.version, list(event.rubric.criteria))


@folds(programme.CadenceSet)
def programme_cadence_set(row: ProgrammeRow, event: programme.CadenceSet, _at: At) -> None:
    """Set the cadence."""
    row.cadence = event.after


@folds(programme.CapSet)
def programme_cap_set(row: ProgrammeRow, event: programme.CapSet, _at: At) -> None:
    """Set the cap."""
    row.cap = event.new


@folds(programme.TemplatePublished)
def template_published(row: ProgrammeRow, event: programme.TemplatePublished, at: At) -> None:
    """Offer the newest version."""
    row.templates[event.template] = TemplateRow(
        version=event.version,
        title=at.words(event.title, "/title"),
        kind=event.kind,
        focus=event.focus,
        horizon=event.horizon,
        measures=len(event.measures),
    )


@folds(programme.TemplateRetired)
def template_retired(row: ProgrammeRow, event: programme.TemplateRetired, _at: At) -> None:
    """Offer it no longer."""
    if (template := row.templates.get(event.template)) is not None:
        template.retired = True


@folds(programme.ParticipantEnrolled)
def participant_enrolled(row: ProgrammeRow, event: programme.ParticipantEnrolled, at: At) -> None:
    """Give a person a role; the role `admin` comes and goes with the right to run the programme."""
    before = row.participants.get(event.participant)
    row.participants[event.participant] = ParticipantRow(
        role=event.role, enrolled=before.enrolled if before else at.recorded_on
    )
    if event.role == "admin" and event.participant not in row.admins:
        row.admins.append(event.participant)
    elif event.role != "admin" and before is not None and before.role == "admin" and event.participant in row.admins:
        row.admins.remove(event.participant)


@folds(programme.ParticipantWithdrawn)
def participant_withdrawn(row: ProgrammeRow, event: programme.ParticipantWithdrawn, at: At) -> None:
    """Take the person out, as an admin too."""
    if (participant := row.participants.get(event.participant)) is not None:
        participant.withdrawn = at.recorded_on
    if event.participant in row.admins:
        row.admins.remove(event.participant)


@folds(programme.CyclePlanned)
def cycle_planned(row: ProgrammeRow, event: programme.CyclePlanned, at: At) -> None:
    """Plan a period."""
    row.cycles[event.cycle] = CycleRow(
        title=at.words(event.title, "/title"), starts_on=event.starts_on, ends_on=event.ends_on
    )


@folds(programme.CycleOpened)
def cycle_opened(row: ProgrammeRow, event: programme.CycleOpened, _at: At) -> None:
    """Open it."""
    if (cycle := row.cycles.get(event.cycle)) is not None:
        cycle.state = "active"


@folds(programme.CycleClosed)
def cycle_closed(row: ProgrammeRow, event: programme.CycleClosed, _at: At) -> None:
    """Close it; its goals stay as they are."""
    if (cycle := row.cycles.get(event.cycle)) is not None:
        cycle.state = "closed"


@folds(programme.SurveyRecorded)
def survey_recorded(row: ProgrammeRow, event: programme.SurveyRecorded, at: At) -> None:
    """Keep the figures."""
    row.surveys[event.survey] = SurveyRow(
        title=at.words(event.title, "/title"),
        held_on=event.held_on,
        cycle=event.cycle,
        invited=event.invited,
        answered=event.answered,
        scores=[(score.question, score.mean, score.answers) for score in event.scores],
    )


@folds(programme.CostRecorded)
def cost_recorded(row: ProgrammeRow, event: programme.CostRecorded, _at: At) -> None:
    """Keep the sum."""
    row.costs[event.cost] = (event.amount, event.currency, event.on)


@folds(programme.BenefitRecorded)
def benefit_recorded(row: ProgrammeRow, event: programme.BenefitRecorded, _at: At) -> None:
    """Keep the sum."""
    row.benefits[event.benefit] = (event.amount, event.currency, event.on)


@folds(programme.Closed)
def programme_closed(row: ProgrammeRow, _event: programme.Closed, _at: At) -> None:
    """End it."""
    row.state = "closed"


# Tenants and persons


@folds(tenant.Opened)
def opened(row: TenantRow, event: tenant.Opened, _at: At) -> None:
    """Begin with its admins."""
    for ref in event.admins:
        row.roles[holder(ref)] = ["admin"]


@folds(tenant.RoleGranted)
def role_granted(row: TenantRow, event: tenant.RoleGranted, _at: At) -> None:
    """Add the role."""
    roles = row.roles.setdefault(holder(event.ref), [])
    if event.role not in roles:
        roles.append(event.role)


@folds(tenant.RoleRevoked)
def role_revoked(row: TenantRow, event: tenant.RoleRevoked, _at: At) -> None:
    """Take it away."""
    ref = holder(event.ref)
    kept = [role for role in row.roles.get(ref, []) if role != event.role]
    if kept:
        row.roles[ref] = kept
    else:
        row.roles.pop(ref, None)


@folds(tenant.Closed)
def closed(row: TenantRow, _event: tenant.Closed, _at: At) -> None:
    """End it; what was said stays readable."""
    row.state = "closed"


@folds(tenant.StreamRefilled, person.Linked, person.Held, person.Released)
def no_row(_row: TenantRow | None, _event: object, _at: At) -> None:
    """Change nothing here: the journal's side keeps the directory, the reader itself minds refills."""


def holder(ref: str) -> str:
    """Return who holds a role: a plugin's are given to `plugin:NAME`, whatever its version."""
    return ref.partition("@")[0] if ref.startswith("plugin:") else ref
