"""What a programme is measured by: surveys, costs and benefits, also those that come in after its end."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import happened, title_given, within
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.programme.asking import asked
from milepost.decide.programme.state import Programme
from milepost_contracts.commands import programme as commands
from milepost_contracts.events import Event
from milepost_contracts.events import programme as events


def _known(case: Case, figures: HashTrieMap[str, Event], id_: str, event: Event, field: str) -> bool:
    """Whether exactly *event* is recorded already; refuses `figure_id_taken` where another one has its id."""
    before = figures.get(id_)
    case.reasons.unless(
        before is None or before == event,
        "figure_id_taken",
        "Other figures are recorded under this id: choose a new one.",
        field,
    )
    return before == event


@decides(commands.RecordSurvey)
def record_survey(case: Case) -> list[Change]:
    """Record the figures of a survey; nobody's own answers."""
    programme, command = asked(case), case.command
    recorded = events.SurveyRecorded(
        survey=command.survey,
        title=command.title,
        held_on=command.held_on,
        cycle=command.cycle,
        invited=command.invited,
        answered=command.answered,
        scores=command.scores,
    )
    if _known(case, programme.surveys, command.survey, recorded, "survey"):
        return []
    title_given(case, command.title)
    happened(case, command.held_on, "held_on")
    case.reasons.unless(
        command.cycle is None or command.cycle in programme.cycles,
        "cycle_unknown",
        "This programme has no such period.",
        "cycle",
    )
    _check_answers(case)
    return [case.change(recorded)]


def _check_answers(case: Case) -> None:
    """Refuse figures that cannot be."""
    command, reasons = case.command, case.reasons
    reasons.unless(
        command.answered <= command.invited,
        "answered_too_many",
        "More people answered than were invited: check the figures.",
        "answered",
    )
    within(case, len(command.scores), "items", "scores")
    questions = [score.question for score in command.scores]
    reasons.unless(len(set(questions)) == len(questions), "question_twice", "Give each question once.", "scores")
    beyond = [score.question for score in command.scores if score.answers > command.answered]
    reasons.unless(
        not beyond,
        "answers_too_many",
        "A question has more answers than there are people who answered: check the figures.",
        "scores",
        questions=beyond,
    )


@evolves(events.SurveyRecorded)
def survey_recorded(state: Programme, event: events.SurveyRecorded, _recorded: Recorded) -> Programme:
    """Remember it."""
    return msgspec.structs.replace(state, surveys=state.surveys.insert(event.survey, event))


@decides(commands.RecordCost)
def record_cost(case: Case) -> list[Change]:
    """Record what the programme cost."""
    programme, command = asked(case), case.command
    recorded = events.CostRecorded(
        cost=command.cost, amount=command.amount, currency=command.currency, on=command.on, note=command.note
    )
    return [] if _known(case, programme.costs, command.cost, recorded, "cost") else _amount(case, recorded)


@evolves(events.CostRecorded)
def cost_recorded(state: Programme, event: events.CostRecorded, _recorded: Recorded) -> Programme:
    """Remember it."""
    return msgspec.structs.replace(state, costs=state.costs.insert(event.cost, event))


@decides(commands.RecordBenefit)
def record_benefit(case: Case) -> list[Change]:
    """Record what the programme brought."""
    programme, command = asked(case), case.command
    recorded = events.BenefitRecorded(
        benefit=command.benefit, amount=command.amount, currency=command.currency, on=command.on, note=command.note
    )
    return [] if _known(case, programme.benefits, command.benefit, recorded, "benefit") else _amount(case, recorded)


@evolves(events.BenefitRecorded)
def benefit_recorded(state: Programme, event: events.BenefitRecorded, _recorded: Recorded) -> Programme:
    """Remember it."""
    return msgspec.structs.replace(state, benefits=state.benefits.insert(event.benefit, event))


def _amount(case: Case, event: events.CostRecorded | events.BenefitRecorded) -> list[Change]:
    happened(case, event.on, "on")
    case.reasons.unless(Decimal(event.amount) > 0, "amount_not_positive", "An amount is more than nothing.", "amount")
    return [case.change(event)]
