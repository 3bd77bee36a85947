"""Events of a programme: who takes part, its frame, its figures."""

from __future__ import annotations

from milepost.view.fold.kernel import At, folds
from milepost.view.rows import CycleRow, ParticipantRow, ProgrammeRow, SurveyRow, TemplateRow
from milepost_contracts.events import programme


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
def cadence_set(row: ProgrammeRow, event: programme.CadenceSet, _at: At) -> None:
    """Set the cadence."""
    row.cadence = event.after


@folds(programme.CapSet)
def cap_set(row: ProgrammeRow, event: programme.CapSet, _at: At) -> None:
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
    enrolled = min(before.enrolled, at.occurred_on) if before else at.occurred_on
    row.participants[event.participant] = ParticipantRow(role=event.role, enrolled=enrolled)
    if event.role == "admin" and event.participant not in row.admins:
        row.admins.append(event.participant)
    elif event.role != "admin" and before is not None and before.role == "admin" and event.participant in row.admins:
        row.admins.remove(event.participant)


@folds(programme.ParticipantWithdrawn)
def participant_withdrawn(row: ProgrammeRow, event: programme.ParticipantWithdrawn, at: At) -> None:
    """Take the person out, as an admin too."""
    if (participant := row.participants.get(event.participant)) is not None:
        participant.withdrawn = at.occurred_on
        # Who left on a day had come by then: the coming may be told late without its day.
        participant.enrolled = min(participant.enrolled, participant.withdrawn)
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
def closed(row: ProgrammeRow, _event: programme.Closed, _at: At) -> None:
    """End it."""
    row.state = "closed"
