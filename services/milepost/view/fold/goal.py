"""Events of a goal change its terms, its state and whose yes it has; its card and its page follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from milepost.decide.goal.clock import date_in
from milepost.view.fold.kernel import At, GoalRows, folds
from milepost.view.fold.occurring import beginning, happened_on
from milepost.view.rows import CardRow, ClosureRow, PauseRow, ShiftRow
from milepost_contracts.events import GoalEvent, TermsEvent
from milepost_contracts.events import goal as events

if TYPE_CHECKING:
    import datetime as dt

RUNNING = ("active", "paused")
UNKNOWN_RESULT = "unknown"  # of a goal that was closed elsewhere, nobody told how


def applied(goal: GoalRows, event: GoalEvent, at: At) -> None:
    """Keep in *goal* what every event tells: its version, its context, who was at work."""
    card = goal.card
    card.version = at.envelope.version
    card.changed = at.envelope.time
    if at.envelope.actor.startswith("user:"):
        # What is told late may come after what happened later.
        on = happened_on(event, at)
        card.active[at.envelope.actor] = max(on, card.active.get(at.envelope.actor, on))
    context = event.context
    if context is None or context == goal.context:
        return
    goal.context = context
    card.owner, card.accountable = context.owner, context.accountable
    card.parties = {party.ref: party.role for party in context.parties}
    card.mentorship, card.programme, card.cycle = context.mentorship, context.programme, context.cycle


def revised(goal: GoalRows, event: TermsEvent, *, editorial: bool = False) -> None:
    """Bring *goal* to the revision of *event*: voided yeses are gone, and those of people who left."""
    card, detail = goal.card, goal.detail
    detail.terms_hash = event.terms_hash
    if event.revision == card.revision:
        return
    before, card.revision = card.revision, event.revision
    gone = set(event.voided) | (card.agreements.keys() - card.people)
    card.agreements = {person: event.revision for person in card.agreements if person not in gone}
    detail.agreed_on = {person: on for person, on in detail.agreed_on.items() if person not in gone}
    if editorial:
        if detail.evaluation is not None and detail.evaluation.revision == before:
            detail.evaluation.revision = event.revision
    else:
        everybody = all(person in card.agreements for person in card.people)
        card.agreed = card.agreed and everybody
        if card.state in RUNNING:
            card.agreement_open = not everybody
    if card.state == "proposed":
        card.state = "drafted"  # terms that changed under a proposal are another proposal


@folds(events.Created)
def created(goal: GoalRows, event: events.Created, at: At) -> None:
    """Begin a goal."""
    card, detail = goal.card, goal.detail
    _described(card, event)
    card.title = at.words(event.title, "/title")
    detail.description = at.words(event.description, "/description")
    detail.tags = [(True, words) for words in at.listed(event.tags, "/tags")]
    card.created = at.occurred
    card.created_on = date_in(event.time_zone, at.moment)
    card.revision, detail.terms_hash = event.revision, event.terms_hash
    if event.template is not None:
        detail.template = (event.template.programme, event.template.id, event.template.version)


@folds(events.Imported)
def imported(goal: GoalRows, event: events.Imported, at: At) -> None:
    """Begin a goal in the state that it was in elsewhere."""
    card, detail, terms = goal.card, goal.detail, event.terms
    _described(card, terms)
    card.title = at.words(terms.title, "/terms/title")
    detail.description = at.words(terms.description, "/terms/description")
    detail.tags = [(True, words) for words in at.listed(terms.tags, "/terms/tags")]
    for place, measure in enumerate(terms.measures):
        _define(goal, measure, at, f"/terms/measures/{place}")
    # Its life elsewhere is not told: it begins on the day that it was seen as it is here.
    card.created = beginning(event.as_of, terms.time_zone)
    card.created_on = event.as_of
    card.revision, detail.terms_hash = event.revision, event.terms_hash
    card.state, detail.origin = event.state, event.origin
    card.agreements = {agreement.party: event.revision for agreement in event.agreements}
    detail.agreed_on = {agreement.party: str(agreement.on or "") for agreement in event.agreements}
    card.agreed = bool(card.agreements) and all(person in card.agreements for person in card.people)
    if card.agreed:
        card.first_agreed = card.created  # at the latest; how long it took is not told, so `agreement_days` is none
    if card.agreed or event.state == "proposed":
        card.proposed = card.created
    if event.state in (*RUNNING, "closed"):
        card.activated_on = min(terms.start_on or event.as_of, event.as_of)
    if event.state in RUNNING:
        card.agreement_open = not all(person in card.agreements for person in card.people)
    if event.state == "paused":
        pause(goal, PauseRow(paused_on=event.as_of))
    if event.state == "closed":
        end(goal, event.result or UNKNOWN_RESULT, event.closed_on or event.as_of, event.score)


@folds(events.Placed)
def placed(goal: GoalRows, event: events.Placed, _at: At) -> None:
    """Follow the context; a change of parties is a change of terms."""
    revised(goal, event)


@folds(events.Refined)
def refined(goal: GoalRows, event: events.Refined, at: At) -> None:
    """Replace the members that are present; null empties one."""
    card, after = goal.card, event.after
    for name in ("kind", "focus", "priority", "horizon"):
        if (value := getattr(after, name)) is not msgspec.UNSET:
            setattr(card, name, value)
    if after.title is not msgspec.UNSET:
        card.title = at.words(after.title, "/after/title")
    if after.description is not msgspec.UNSET:
        goal.detail.description = at.words(after.description, "/after/description")
    if after.progress_from is not msgspec.UNSET and after.progress_from != card.progress_from:
        card.progress_from, card.moving = after.progress_from, True
    revised(goal, event, editorial=event.editorial)


@folds(events.DeadlineSet)
def deadline_set(goal: GoalRows, event: events.DeadlineSet, _at: At) -> None:
    """Set the deadline."""
    goal.card.deadline = event.new
    revised(goal, event)


@folds(events.DeadlineShifted)
def deadline_shifted(goal: GoalRows, event: events.DeadlineShifted, at: At) -> None:
    """Move the deadline and remember by how much and why."""
    goal.card.deadline = event.new
    goal.card.shifts.append((event.days, event.reason_code))
    goal.detail.shifts.append(
        ShiftRow(
            old=event.old,
            new=event.new,
            days=event.days,
            reason_code=event.reason_code,
            reason=at.words(event.reason, "/reason"),
        )
    )
    revised(goal, event)


@folds(events.ScheduleSet)
def schedule_set(goal: GoalRows, event: events.ScheduleSet, _at: At) -> None:
    """Set zone, start and cadence."""
    after = event.after
    goal.card.time_zone, goal.card.start_on, goal.card.cadence = after.time_zone, after.start_on, after.cadence


@folds(events.MeasureDefined)
def measure_defined(goal: GoalRows, event: events.MeasureDefined, at: At) -> None:
    """Keep the definition; before any reading, progress is none."""
    _define(goal, event.definition, at, "/definition")
    revised(goal, event)


@folds(events.TargetRevised)
def target_revised(goal: GoalRows, event: events.TargetRevised, _at: At) -> None:
    """Set target and baseline."""
    if (measure := goal.detail.measures.get(event.measure)) is not None:
        measure.terms["target"] = event.new
        if event.new_baseline is not None:
            measure.terms["baseline"] = event.new_baseline
    told(goal, event.progress)
    revised(goal, event)


@folds(events.MeasureRetired)
def measure_retired(goal: GoalRows, event: events.MeasureRetired, _at: At) -> None:
    """Let the measure count no longer."""
    if (measure := goal.detail.measures.get(event.measure)) is not None:
        measure.retired = True
    told(goal, event.progress)
    revised(goal, event)


def told(goal: GoalRows, progress: str | None) -> None:
    """Keep the goal's progress as an event told it; a run may end without an event, so it is worked out when asked."""
    goal.card.progress = progress
    goal.card.moving = any(
        measure.terms["kind"] == "consecutive" for measure in goal.detail.measures.values() if not measure.retired
    )


@folds(events.HealthSet)
def health_set(goal: GoalRows, event: events.HealthSet, at: At) -> None:
    """Keep the override; it ends by itself."""
    goal.card.health = (event.health, event.until)
    goal.detail.health_by = at.envelope.actor
    goal.detail.health_reason = at.words(event.reason, "/reason")


@folds(events.Aligned)
def aligned(goal: GoalRows, event: events.Aligned, _at: At) -> None:
    """Serve another goal."""
    goal.card.parents[event.parent] = event.weight


@folds(events.Unaligned)
def unaligned(goal: GoalRows, event: events.Unaligned, _at: At) -> None:
    """Serve it no longer."""
    goal.card.parents.pop(event.parent, None)


@folds(events.ChildAligned)
def child_aligned(goal: GoalRows, event: events.ChildAligned, _at: At) -> None:
    """Be served by another goal."""
    goal.card.children[event.child] = event.weight


@folds(events.ChildUnaligned)
def child_unaligned(goal: GoalRows, event: events.ChildUnaligned, _at: At) -> None:
    """Be served by it no longer."""
    goal.card.children.pop(event.child, None)


@folds(events.OwnershipTransferred, events.PartyAdded, events.PartyRemoved, events.PartyReplaced)
def people_changed(goal: GoalRows, event: TermsEvent, _at: At) -> None:
    """Follow the context, which every one of these events carries."""
    revised(goal, event)


@folds(events.ContributorAdded)
def contributor_added(goal: GoalRows, event: events.ContributorAdded, _at: At) -> None:
    """Add a contributor."""
    goal.card.contributors[event.ref] = event.role


@folds(events.ContributorRemoved)
def contributor_removed(goal: GoalRows, event: events.ContributorRemoved, _at: At) -> None:
    """Remove a contributor."""
    goal.card.contributors.pop(event.ref, None)


@folds(events.VisibilityChanged)
def visibility_changed(goal: GoalRows, event: events.VisibilityChanged, _at: At) -> None:
    """Set who may see it."""
    goal.card.visibility = event.new


@folds(events.Tagged)
def tagged(goal: GoalRows, event: events.Tagged, at: At) -> None:
    """Put labels on and take them off."""
    tags = goal.detail.tags
    tags.extend((True, words) for words in at.listed(event.added, "/added"))
    tags.extend((False, words) for words in at.listed(event.removed, "/removed"))


def _described(card: CardRow, told: Any) -> None:
    for name in (
        "owner", "accountable", "kind", "focus", "priority", "horizon", "time_zone", "start_on", "deadline",
        "visibility", "external_ref",
    ):  # fmt: skip
        setattr(card, name, getattr(told, name))


def _define(goal: GoalRows, measure: Any, at: At, pointer: str) -> None:
    from milepost.view.rows import MeasureRow

    card, detail = goal.card, goal.detail
    terms = msgspec.to_builtins(measure)
    del terms["name"]
    known = detail.measures.get(measure.measure)
    detail.measures[measure.measure] = MeasureRow(
        name=at.words(measure.name, f"{pointer}/name"), terms=terms, readings=known.readings if known else 0
    )
    if any(one.readings for one in detail.measures.values()):
        card.moving = True  # the event does not tell what the new weights make of the goal's progress
    else:
        card.progress = "0"


def pause(goal: GoalRows, rest: PauseRow) -> None:
    """Begin a rest."""
    goal.detail.pauses.append(rest)
    goal.card.pauses.append((rest.paused_on, None))


def end(goal: GoalRows, result: str, on: dt.date, score: str | None) -> None:
    """Close the goal; what was said at its closing is the caller's to add."""
    card = goal.card
    card.state, card.result, card.score, card.closed_on = "closed", result, score, on
    goal.detail.closure = ClosureRow(result=result, closed_on=on, score=score)
